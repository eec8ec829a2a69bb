internal import COpenSSL
internal import CSodium

/// X25519 key agreement (RFC 7748).
package struct Curve25519Key: Sendable {
    package let secret: SecretBytes
    /// 32 bytes.
    package let publicKey: [UInt8]

    /// A fresh key.
    package init() { self.init(secret: SecureRandom.bytes(32))! }

    /// `nil` unless there are 32 bytes.
    package init?(secret bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        _ = Sodium.ready
        var point = [UInt8](repeating: 0, count: 32)
        crypto_scalarmult_base(&point, bytes)
        secret = SecretBytes(bytes)
        publicKey = point
    }

    /// The shared secret; `nil` when the other point is not 32 bytes or of small order (the result would be all zero).
    package func agree(with point: [UInt8]) -> [UInt8]? {
        guard point.count == 32 else { return nil }
        var shared = [UInt8](repeating: 0, count: 32)
        var secret = secret.copy
        defer { secret.wipe() }
        return crypto_scalarmult(&shared, secret, point) == 0 ? shared : nil
    }
}

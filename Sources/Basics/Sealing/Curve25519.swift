internal import CSodium

/// X25519 key agreement (RFC 7748).
package struct Curve25519Key: Sendable {
    package static let bytes = 32

    package let secret: SecretBytes
    /// 32 bytes.
    package let publicKey: [UInt8]

    /// A fresh key.
    package init() { self.init(.random(Self.bytes)) }

    /// `nil` unless there are 32 bytes.
    package init?(secret bytes: [UInt8]) {
        guard bytes.count == Self.bytes else { return nil }
        self.init(SecretBytes(bytes))
    }

    private init(_ secret: SecretBytes) {
        _ = Sodium.ready
        var point = [UInt8](repeating: 0, count: Self.bytes)
        _ = secret.read { crypto_scalarmult_base(&point, $0) }
        self.secret = secret
        publicKey = point
    }

    /// The shared secret; `nil` when the other point is not 32 bytes or of small order (the result would be all zero).
    package func agree(with point: [UInt8]) -> [UInt8]? {
        guard point.count == Self.bytes else { return nil }
        var shared = [UInt8](repeating: 0, count: Self.bytes)
        return secret.read { crypto_scalarmult(&shared, $0, point) } == 0 ? shared : nil
    }

    /// What the answering side of a handshake makes of the other's point: with a key for this one time, whose secret is `ephemeral` (32
    /// fresh bytes), and with this key. `nil` as in `agree`.
    package func answer(_ point: [UInt8], ephemeral: SecretBytes) -> Curve25519Answer? {
        precondition(ephemeral.count == Self.bytes)
        let once = Curve25519Key(ephemeral)
        guard let first = once.agree(with: point), let second = agree(with: point) else { return nil }
        return Curve25519Answer(publicKey: once.publicKey, ephemeral: first, lasting: second)
    }
}

/// One side of two key agreements with the same point. `wipe` it after use.
package struct Curve25519Answer {
    /// The public half of the ephemeral key.
    package let publicKey: [UInt8]
    /// The secrets shared through the ephemeral and through the lasting key, 32 bytes each.
    package private(set) var ephemeral: [UInt8]
    package private(set) var lasting: [UInt8]

    package mutating func wipe() {
        ephemeral.wipe()
        lasting.wipe()
    }
}

internal import COpenSSL
internal import CSodium

/// Ed25519 signatures (RFC 8032) made from an expanded secret, which is how tor stores and derives its keys.
package struct Ed25519Key: Sendable {
    /// Scalar (32, clamped) and prefix (32): SHA-512 of the seed.
    package let expanded: SecretBytes
    package let publicKey: [UInt8]

    /// A fresh key.
    package init() { self.init(seed: SecureRandom.bytes(32)) }

    /// From a 32-byte seed.
    package init(seed: [UInt8]) {
        precondition(seed.count == 32)
        var expanded = Digest.sha512(seed)
        expanded[0] &= 248
        expanded[31] = expanded[31] & 63 | 64
        self.init(expanded: expanded)!
        expanded.wipe()
    }

    /// From tor's 64-byte expanded form; `nil` unless there are 64 bytes.
    package init?(expanded bytes: [UInt8]) {
        guard bytes.count == 64 else { return nil }
        _ = Sodium.ready
        var point = [UInt8](repeating: 0, count: 32)
        guard crypto_scalarmult_ed25519_base_noclamp(&point, Array(bytes[..<32])) == 0 else { return nil }
        expanded = SecretBytes(bytes)
        publicKey = point
    }

    /// The Ed25519 key that belongs to a curve25519 key (proposal 228), with the sign bit a verifier needs.
    package init(fromCurve25519 key: Curve25519Key) {
        var scalar = key.secret.copy
        scalar[0] &= 248
        scalar[31] = scalar[31] & 127 | 64
        // "Derive high part of ed25519 key from curve25519 key" and a NUL: the string proposal 228 and tor fix.
        let prefix = Digest.sha512(scalar + Array("Derive high part of ed25519 key from curve25519 key\0".utf8)).prefix(32)
        self.init(expanded: scalar + prefix)!
        scalar.wipe()
    }

    /// The top bit of the public key: the sign of x.
    package var signBit: UInt8 { publicKey[31] >> 7 }

    /// 64 bytes.
    package func sign(_ message: some Collection<UInt8>) -> [UInt8] {
        var secret = expanded.copy
        defer { secret.wipe() }
        let message = Array(message)
        var nonce = Self.reduce(Digest.sha512(secret[32...] + message))
        defer { nonce.wipe() }
        var point = [UInt8](repeating: 0, count: 32)
        crypto_scalarmult_ed25519_base_noclamp(&point, nonce)
        let challenge = Self.reduce(Digest.sha512(point + publicKey + message))
        var product = [UInt8](repeating: 0, count: 32)
        crypto_core_ed25519_scalar_mul(&product, challenge, Array(secret[..<32]))
        var sum = [UInt8](repeating: 0, count: 32)
        crypto_core_ed25519_scalar_add(&sum, product, nonce)
        return point + sum
    }

    private static func reduce(_ wide: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: 32)
        crypto_core_ed25519_scalar_reduce(&out, wide)
        return out
    }
}

package enum Ed25519 {
    /// `false` for a wrong signature, key or length.
    package static func verify(_ signature: some Collection<UInt8>, of message: some Collection<UInt8>, by publicKey: some Collection<UInt8>) -> Bool {
        guard signature.count == 64, publicKey.count == 32 else { return false }
        _ = Sodium.ready
        let message = Array(message)
        return crypto_sign_verify_detached(Array(signature), message, UInt64(message.count), Array(publicKey)) == 0
    }

    /// Whether the bytes are a point of the prime-order group.
    package static func isValidPoint(_ publicKey: [UInt8]) -> Bool {
        publicKey.count == 32 && crypto_core_ed25519_is_valid_point(publicKey) == 1
    }

    /// The Ed25519 public key of a curve25519 public key: y = (u - 1) / (u + 1), sign from `signBit` (proposal 228).
    ///
    /// `nil` when u = -1 or the length is wrong. The values are public, so big-number arithmetic is fine.
    package static func publicKey(fromCurve25519 point: [UInt8], signBit: UInt8) -> [UInt8]? {
        guard point.count == 32, signBit <= 1 else { return nil }
        var masked = point
        masked[31] &= 127
        let context = BN_CTX_new()
        let numbers = (0..<5).map { _ in BN_new() }
        defer {
            numbers.forEach { BN_free($0) }
            BN_CTX_free(context)
        }
        let (prime, u, above, below, y) = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
        BN_set_bit(prime, 255)
        BN_sub_word(prime, 19)
        BN_lebin2bn(masked, 32, u)
        BN_copy(above, u)
        BN_copy(below, u)
        BN_add_word(below, 1)
        BN_nnmod(below, below, prime, context)
        guard BN_is_zero(below) == 0 else { return nil }
        if BN_is_zero(above) == 1 { BN_copy(above, prime) }
        BN_sub_word(above, 1)
        BN_mod_inverse(below, below, prime, context)
        BN_mod_mul(y, above, below, prime, context)
        var out = [UInt8](repeating: 0, count: 32)
        BN_bn2lebinpad(y, &out, 32)
        out[31] |= signBit << 7
        return out
    }
}

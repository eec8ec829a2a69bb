internal import COpenSSL

/// RSA on bare blocks, and what blinds them: RSASP1 and RSAVP1 (RFC 8017, section 5.2) with the arithmetic of RFC 9474, section 4. Blocks
/// are big-endian and as long as the modulus.
extension RSAKey {
    /// RSASP1, checked with the public key before anybody sees it, for a faulty signature would give the key away. `nil` when the block has
    /// another length than the modulus or is not below it. OpenSSL blinds the exponentiation, so its time tells nothing.
    package func signBlock(_ block: [UInt8]) -> [UInt8]? {
        guard let signature = RSABlocks.apply(key, block, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt) else { return nil }
        return publicKey.applyBlock(signature) == block ? signature : nil
    }

    /// A fresh key whose private numbers are in OpenSSL's own locked memory, as are those read from PEM after the first of these calls.
    package static func generateLocked(bits: Int) -> RSAKey {
        _ = RSABlocks.lockedHeap
        return generate(bits: bits)
    }

    /// As `init(pem:)`, with the private numbers in locked memory.
    package static func locked(pem: [UInt8]) -> RSAKey? {
        _ = RSABlocks.lockedHeap
        return RSAKey(pem: pem)
    }
}

extension RSAPublicKey {
    /// RSAVP1; `nil` as for `signBlock`.
    package func applyBlock(_ block: [UInt8]) -> [UInt8]? { RSABlocks.apply(key, block, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt) }

    /// `nil` unless the block is below the modulus and shares no factor with it.
    package func blind(_ block: [UInt8], with blind: RSABlind) -> [UInt8]? {
        guard block.count == bytesCount, let factor = applyBlock(blind.copy(bytesCount)), let modulus else { return nil }
        let value = Number(block)
        guard BN_cmp(value.number, modulus.number) < 0, value.inverse(modulus) != nil else { return nil }
        return value.times(Number(factor), modulus).bytes(bytesCount)
    }

    /// Takes the blind off a signature of what `blind(_:with:)` gave. Whether it is one is for `verifyPSS` to say.
    package func unblind(_ block: [UInt8], with blind: RSABlind) -> [UInt8]? {
        guard block.count == bytesCount, let modulus, let inverse = blind.value.inverse(modulus) else { return nil }
        return Number(block).times(inverse, modulus).bytes(bytesCount)
    }

    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of so many bytes (RFC 8017, section 8.1.2).
    package func verifyPSS(_ signature: [UInt8], of message: [UInt8], saltBytes: Int) -> Bool {
        guard let context = EVP_PKEY_CTX_new(key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(context) }
        let digest = Digest.sha384(message)
        let isReady = EVP_PKEY_verify_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_signature_md(context, Fetched.sha384) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, Int32(saltBytes)) == 1
        guard isReady, EVP_PKEY_verify(context, signature, signature.count, digest, digest.count) == 1 else {
            ERR_clear_error()
            return false
        }
        return true
    }

    /// Of the modulus.
    package var bytesCount: Int { Int(EVP_PKEY_get_size(key)) }

    fileprivate var modulus: Number? {
        var number: OpaquePointer?
        return EVP_PKEY_get_bn_param(key, "n", &number) == 1 ? Number(owning: number!) : nil
    }
}

/// What hides a block from its signer: a number below the modulus that has an inverse. Zeroed when the last owner lets go.
package struct RSABlind {
    fileprivate let value: Number

    /// `wide` modulo the modulus: as good as uniform when it is at least 16 bytes longer and uniform. `nil` without an inverse.
    package init?(reducing wide: SecretBytes, of key: RSAPublicKey) {
        guard let modulus = key.modulus, let value = wide.read({ Number($0, wide.count) }).modulo(modulus), value.inverse(modulus) != nil else { return nil }
        self.value = value
    }

    fileprivate func copy(_ count: Int) -> [UInt8] { value.bytes(count) }
}

/// An owned number of OpenSSL's, flagged so that its arithmetic takes the same time for all values of a length, and cleansed at the end.
// SAFETY: made in init, changed by nobody afterwards, freed in deinit, never handed out of this file.
private final class Number {
    let number: OpaquePointer

    init(owning number: OpaquePointer) {
        self.number = number
        BN_set_flags(number, BN_FLG_CONSTTIME)
    }

    convenience init(_ bytes: [UInt8]) { self.init(bytes, bytes.count) }
    convenience init(_ bytes: UnsafePointer<UInt8>, _ count: Int) { self.init(owning: BN_bin2bn(bytes, Int32(count), BN_secure_new())) }

    deinit { BN_clear_free(number) }

    func bytes(_ count: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: count)
        precondition(BN_bn2binpad(number, &out, Int32(count)) == Int32(count), "a remainder is as long as the modulus at most")
        return out
    }

    func modulo(_ modulus: Number) -> Number? { result { BN_div(nil, $0, number, modulus.number, $1) } }
    func inverse(_ modulus: Number) -> Number? { result { BN_mod_inverse($0, number, modulus.number, $1) == nil ? 0 : 1 } }
    func times(_ other: Number, _ modulus: Number) -> Number { result { BN_mod_mul($0, number, other.number, modulus.number, $1) }! }

    private func result(_ compute: (OpaquePointer?, OpaquePointer?) -> Int32) -> Number? {
        let scratch = BN_CTX_secure_new()
        defer { BN_CTX_free(scratch) }
        let out = Number(owning: BN_secure_new())
        guard compute(out.number, scratch) == 1 else {
            ERR_clear_error()
            return nil
        }
        return out
    }
}

private enum RSABlocks {
    /// Two thousand private keys of 2,048 bits.
    private static let lockedBytes = 4 << 20
    private static let smallestBytes = 32

    /// OpenSSL keeps there what it makes as secret: the numbers of private keys. Without the right to lock memory it is not locked, but
    /// still between guard pages and out of core dumps.
    static let lockedHeap = CRYPTO_secure_malloc_init(lockedBytes, smallestBytes)

    typealias Begin = (OpaquePointer?) -> Int32
    typealias Perform = (OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>?, UnsafePointer<UInt8>?, Int) -> Int32

    static func apply(_ key: OpaquePointer, _ block: [UInt8], _ begin: Begin, _ perform: Perform) -> [UInt8]? {
        var count = Int(EVP_PKEY_get_size(key))
        guard block.count == count, let context = EVP_PKEY_CTX_new(key, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        var out = [UInt8](repeating: 0, count: count)
        guard begin(context) == 1, EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1, perform(context, &out, &count, block, block.count) == 1,
            count == out.count
        else {
            ERR_clear_error()
            return nil
        }
        return out
    }
}

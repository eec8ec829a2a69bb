internal import COpenSSL
internal import CSodium

/// One-shot digests and keyed digests.
package enum Digest {
    package static func sha1(_ bytes: some Collection<UInt8>) -> [UInt8] { evp(Fetched.sha1, bytes, size: 20) }
    package static func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] { evp(Fetched.sha256, bytes, size: 32) }
    package static func sha384(_ bytes: some Collection<UInt8>) -> [UInt8] { evp(Fetched.sha384, bytes, size: 48) }
    package static func sha512(_ bytes: some Collection<UInt8>) -> [UInt8] { evp(Fetched.sha512, bytes, size: 64) }
    /// SHA-512/256 (FIPS 180-4, section 5.3.6): not SHA-512 cut short, for it begins elsewhere.
    package static func sha512_256(_ bytes: some Collection<UInt8>) -> [UInt8] { evp(Fetched.sha512_256, bytes, size: 32) }
    package static func sha3_256(_ bytes: some Collection<UInt8>) -> [UInt8] { evp(Fetched.sha3_256, bytes, size: 32) }

    /// The first `count` bytes of SHAKE-256's output (FIPS 202).
    package static func shake256(_ bytes: some Collection<UInt8>, count: Int) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { fatalError("out of memory for a digest") }
        defer { EVP_MD_CTX_free(context) }
        let bytes = Array(bytes)
        var out = [UInt8](repeating: 0, count: count)
        let ok = EVP_DigestInit_ex(context, Fetched.shake256, nil) & EVP_DigestUpdate(context, bytes, bytes.count) & EVP_DigestFinalXOF(context, &out, count)
        precondition(ok == 1, "SHAKE-256 is always available")
        return out
    }

    /// HMAC-SHA256 (RFC 2104), any key length.
    package static func hmacSHA256(key: some Collection<UInt8>, _ bytes: some Collection<UInt8>) -> [UInt8] {
        var keyed = KeyedSHA256(key: Array(key))
        defer { keyed.wipe() }
        return keyed.digest(Array(bytes))
    }

    /// HKDF-SHA256 (RFC 5869): extract with `salt`, expand with `info`.
    package static func hkdfSHA256(secret: [UInt8], salt: [UInt8], info: [UInt8], count: Int) -> [UInt8] {
        expandSHA256(secret: hmacSHA256(key: salt, secret), info: info, count: count)
    }

    /// HKDF-SHA256's expansion alone (RFC 5869, section 2.3), for protocols that take a shared secret as the pseudorandom key; at most
    /// 255 × 32 bytes.
    package static func expandSHA256(secret: [UInt8], info: [UInt8], count: Int) -> [UInt8] {
        precondition(count <= 255 * KeyedSHA256.digestBytes)
        var keyed = KeyedSHA256(key: secret)
        defer { keyed.wipe() }
        var out: [UInt8] = []
        out.reserveCapacity(count + KeyedSHA256.digestBytes)
        var block: [UInt8] = []
        var counter: UInt8 = 1
        while out.count < count {
            block = keyed.digest(block + info + [counter])
            out += block
            counter &+= 1
        }
        out.removeLast(out.count - count)
        return out
    }

    /// HKDF-SHA512's expansion (RFC 5869) of a secret that is uniform already, as a wallet's seed is; at most 255 × 64 bytes.
    package static func expandSHA512(secret: SecretBytes, info: [UInt8], count: Int) -> SecretBytes {
        precondition(count <= 255 * 64)
        return SecretBytes(count: count) { out in
            var block = [UInt8](), done = 0, counter: UInt8 = 1
            while done < count {
                block = hmacSHA512(key: secret, block + info + [counter])
                let part = min(block.count, count - done)
                (out + done).update(from: block, count: part)
                done += part
                counter &+= 1
            }
            block.wipe()
        }
    }

    /// HMAC-SHA512 (RFC 2104).
    package static func hmacSHA512(key: SecretBytes, _ bytes: [UInt8]) -> [UInt8] {
        _ = Sodium.ready
        var out = [UInt8](repeating: 0, count: 64)
        var state = crypto_auth_hmacsha512_state()
        _ = key.read { crypto_auth_hmacsha512_init(&state, $0, key.count) }
        crypto_auth_hmacsha512_update(&state, bytes, UInt64(bytes.count))
        crypto_auth_hmacsha512_final(&state, &out)
        sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha512_state>.size)
        return out
    }

    /// KDF-TOR (tor-spec 5.2.1): SHA1(secret | 0) | SHA1(secret | 1) | …
    package static func kdfTor(secret: [UInt8], count: Int) -> [UInt8] {
        var out: [UInt8] = []
        var counter: UInt8 = 0
        while out.count < count {
            out += sha1(secret + [counter])
            counter += 1
        }
        return Array(out.prefix(count))
    }

    /// Whether both have the same bytes, in a time that depends on their lengths only.
    package static func equal(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
        // SAFETY: both buffers hold for the call, which keeps neither.
        let areEqual = a.withContiguousStorageIfAvailable { a in
            b.withContiguousStorageIfAvailable { b in a.count == b.count && sodium_memcmp(a.baseAddress, b.baseAddress, a.count) == 0 }
        }
        guard let areEqual = areEqual ?? nil else { return equal(Array(a), Array(b)) }
        return areEqual
    }

    private static func evp(_ kind: OpaquePointer?, _ bytes: some Collection<UInt8>, size: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: size)
        let bytes = Array(bytes)
        let ok = EVP_Digest(bytes, bytes.count, &out, nil, kind, nil)
        precondition(ok == 1, "digest is always available")
        return out
    }
}

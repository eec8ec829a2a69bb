internal import COpenSSL

/// An RSA public key as Tor uses it: identified by the SHA-1 of its PKCS#1 DER.
package final class RSAPublicKey {
    // SAFETY: owned by this object, freed in deinit, never handed out of Sealing.
    let key: OpaquePointer

    fileprivate init(owning key: OpaquePointer) { self.key = key }
    deinit { EVP_PKEY_free(key) }

    /// PKCS#1 RSAPublicKey; `nil` when malformed, longer than 16,384 bits, or with trailing bytes.
    package convenience init?(der: [UInt8]) {
        guard der.count <= 4096 else { return nil }
        let parsed = der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var cursor = buffer.baseAddress
            guard let key = d2i_PublicKey(EVP_PKEY_RSA, nil, &cursor, der.count) else { return nil }
            guard cursor == buffer.baseAddress! + der.count else {
                EVP_PKEY_free(key)
                return nil
            }
            return key
        }
        guard let parsed else {
            ERR_clear_error()
            return nil
        }
        self.init(owning: parsed)
    }

    /// PKCS#1 RSAPublicKey.
    package var der: [UInt8] {
        var out: UnsafeMutablePointer<UInt8>?
        let count = i2d_PublicKey(key, &out)
        precondition(count > 0, "an RSA key always has a DER form")
        defer { CRYPTO_free(out, #file, #line) }
        return Array(UnsafeBufferPointer(start: out, count: Int(count)))
    }

    package var bits: Int { Int(EVP_PKEY_get_bits(key)) }
    /// The Tor identity of the key: SHA-1 of its DER.
    package var fingerprint: [UInt8] { Digest.sha1(der) }

    /// Public exponent, or `nil` when it does not fit 64 bits.
    package var exponent: UInt64? {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, "e", &number) == 1 else { return nil }
        defer { BN_free(number) }
        return BN_num_bits(number) <= 64 ? UInt64(BN_get_word(number)) : nil
    }

    /// What the PKCS#1 v1.5 signature signs, without any digest prefix; `nil` when it is no valid signature of this key.
    package func recover(_ signature: [UInt8]) -> [UInt8]? {
        let context = EVP_PKEY_CTX_new(key, nil)
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_verify_recover_init(context) == 1, dc_pkey_set_rsa_padding_pkcs1(context) == 1 else { return nil }
        var out = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key)))
        var count = out.count
        guard EVP_PKEY_verify_recover(context, &out, &count, signature, signature.count) == 1 else {
            ERR_clear_error()
            return nil
        }
        return Array(out[..<count])
    }

    /// Whether `signature` is over exactly `digest` (no OID prefix), as all of Tor's RSA signatures are.
    package func verify(_ signature: [UInt8], of digest: [UInt8]) -> Bool {
        guard let recovered = recover(signature) else { return false }
        return Digest.equal(recovered, digest)
    }
}

/// An RSA key pair.
package final class RSAKey {
    // SAFETY: owned by this object, freed (and cleansed by OpenSSL) in deinit, never handed out of Sealing.
    let key: OpaquePointer
    package let publicKey: RSAPublicKey

    private init(owning key: OpaquePointer) {
        self.key = key
        EVP_PKEY_up_ref(key)
        publicKey = RSAPublicKey(owning: key)
    }

    deinit { EVP_PKEY_free(key) }

    /// A fresh key with exponent 65537.
    package static func generate(bits: Int) -> RSAKey {
        guard let key = dc_rsa_generate(Int32(bits)) else { fatalError("RSA key generation failed") }
        return RSAKey(owning: key)
    }

    /// Reads an unencrypted PEM private key of any form; `nil` when there is none.
    package convenience init?(pem: [UInt8]) {
        guard let key = PrivateKeyPEM.read(pem) else { return nil }
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else {
            EVP_PKEY_free(key)
            return nil
        }
        self.init(owning: key)
    }

    /// `-----BEGIN RSA PRIVATE KEY-----`, the form stock tor writes.
    package var pem: [UInt8] {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        let ok = PEM_write_bio_PrivateKey_traditional(bio, key, nil, nil, 0, nil, nil)
        precondition(ok == 1, "an RSA key always has a PEM form")
        var text: UnsafeMutablePointer<CChar>?
        let count = dc_bio_mem_data(bio, &text)
        return text!.withMemoryRebound(to: UInt8.self, capacity: Int(count)) { Array(UnsafeBufferPointer(start: $0, count: Int(count))) }
    }

    /// PKCS#1 v1.5 signature over `digest` itself, without an OID prefix.
    package func sign(_ digest: [UInt8]) -> [UInt8] {
        let context = EVP_PKEY_CTX_new(key, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var out = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key)))
        var count = out.count
        let ok = EVP_PKEY_sign_init(context) == 1 && dc_pkey_set_rsa_padding_pkcs1(context) == 1
            && EVP_PKEY_sign(context, &out, &count, digest, digest.count) == 1
        precondition(ok, "a digest fits every RSA key we use")
        return Array(out[..<count])
    }
}

enum PrivateKeyPEM {
    /// A private key of any kind, which the caller frees; `nil` when there is none, or an encrypted one.
    static func read(_ pem: [UInt8]) -> OpaquePointer? {
        // SAFETY: the BIO reads the array's memory where it is, so it must not outlive this closure.
        let parsed = pem.withUnsafeBytes { memory -> OpaquePointer? in
            let bio = BIO_new_mem_buf(memory.baseAddress, Int32(truncatingIfNeeded: memory.count))
            defer { BIO_free(bio) }
            // The callback answers "no passphrase", so that an encrypted key fails instead of asking the terminal.
            return PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
        }
        if parsed == nil { ERR_clear_error() }
        return parsed
    }
}

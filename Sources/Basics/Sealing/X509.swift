internal import COpenSSL
internal import Glibc

/// The few X.509 things that Tor's link protocol needs.
package struct X509Certificate {
    package let der: [UInt8]
    /// `nil` when the certificate's key is not RSA.
    package let rsaKey: RSAPublicKey?
    package let notBefore: Int64
    package let notAfter: Int64
    package let isSelfSigned: Bool
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER): what a key is pinned by.
    package let keyDigest: [UInt8]

    /// `nil` when malformed.
    package init?(der: [UInt8]) {
        let parsed = der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var cursor = buffer.baseAddress
            return d2i_X509(nil, &cursor, der.count)
        }
        guard let parsed else {
            ERR_clear_error()
            return nil
        }
        defer { X509_free(parsed) }
        self.der = der
        guard let key = X509_get0_pubkey(parsed) else { return nil }
        if EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA {
            var out: UnsafeMutablePointer<UInt8>?
            let count = i2d_PublicKey(key, &out)
            defer { CRYPTO_free(out, #file, #line) }
            rsaKey = count > 0 ? RSAPublicKey(der: Array(UnsafeBufferPointer(start: out, count: Int(count)))) : nil
        } else {
            rsaKey = nil
        }
        isSelfSigned = X509_verify(parsed, key) == 1
        keyDigest = Self.digest(of: key)
        ERR_clear_error()
        guard let before = Self.seconds(X509_get0_notBefore(parsed)), let after = Self.seconds(X509_get0_notAfter(parsed)) else { return nil }
        notBefore = before
        notAfter = after
    }

    /// Self-signed with SHA-256, for `key`; times are seconds since 1970.
    package static func selfSigned(_ key: RSAKey, commonName: String, notBefore: Int64, notAfter: Int64) -> [UInt8] {
        selfSigned(key.key, EVP_sha256(), commonName: commonName, notBefore: notBefore, notAfter: notAfter)
    }

    /// - Parameter digest: what the signature is over; none for Ed25519, which has its own.
    static func selfSigned(_ key: OpaquePointer, _ digest: OpaquePointer?, commonName: String, notBefore: Int64, notAfter: Int64) -> [UInt8] {
        let certificate = X509_new()
        defer { X509_free(certificate) }
        X509_set_version(certificate, 2)
        var random = SecureRandom()
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), random.next() >> 1)
        ASN1_TIME_set(X509_getm_notBefore(certificate), Int(notBefore))
        ASN1_TIME_set(X509_getm_notAfter(certificate), Int(notAfter))
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, Array(commonName.utf8), Int32(commonName.utf8.count), -1, 0)
        X509_set_issuer_name(certificate, name)
        X509_set_pubkey(certificate, key)
        let signed = X509_sign(certificate, key, digest)
        precondition(signed > 0, "signing with our own key works")
        return der(certificate)
    }

    /// DER of every certificate in a PEM text, at most 16, in its order.
    static func chain(pem: [UInt8]) -> [[UInt8]] {
        // SAFETY: the BIO reads the array's memory where it is, so it must not outlive this closure.
        pem.withUnsafeBytes { memory in
            let bio = BIO_new_mem_buf(memory.baseAddress, Int32(truncatingIfNeeded: memory.count))
            defer { BIO_free(bio) }
            var found: [[UInt8]] = []
            while found.count < 16, let certificate = PEM_read_bio_X509(bio, nil, { _, _, _, _ in 0 }, nil) {
                found.append(der(certificate))
                X509_free(certificate)
            }
            ERR_clear_error()
            return found
        }
    }

    static func digest(of key: OpaquePointer) -> [UInt8] {
        var out: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &out)
        defer { CRYPTO_free(out, #file, #line) }
        return Digest.sha256(count > 0 ? Array(UnsafeBufferPointer(start: out, count: Int(count))) : [])
    }

    static func der(_ certificate: OpaquePointer?) -> [UInt8] {
        var out: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509(certificate, &out)
        precondition(count > 0, "a certificate always has a DER form")
        defer { CRYPTO_free(out, #file, #line) }
        return Array(UnsafeBufferPointer(start: out, count: Int(count)))
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return Int64(timegm(&parts))
    }
}

internal import COpenSSL

/// An Ed25519 key and a certificate of its own for it: by which one side of a TLS connection is known to the other.
package final class TLSIdentity: @unchecked Sendable {
    // SAFETY: owned here, freed (and cleansed by OpenSSL) in deinit, never handed out of Sealing, never changed: any thread may use it.
    let key: OpaquePointer
    /// DER. It names nobody and never expires: what counts is the key.
    package let certificate: [UInt8]
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER).
    package let keyDigest: [UInt8]

    package static let seedBytes = 32

    /// A fresh key that exists in this process only.
    package convenience init() { self.init(seed: .random(Self.seedBytes)) }

    /// The key that was kept as `seed`.
    package init(seed: SecretBytes) {
        precondition(seed.count == Self.seedBytes, "a seed of 32 bytes")
        guard let key = seed.read({ EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, $0, Self.seedBytes) }) else {
            fatalError("OpenSSL has no Ed25519")
        }
        self.key = key
        certificate = X509Certificate.selfSigned(key, nil, commonName: "dustcloud", notBefore: 0, notAfter: Self.endOfTime)
        keyDigest = X509Certificate.digest(of: key)
    }

    deinit { EVP_PKEY_free(key) }

    /// 9999-12-31T23:59:59Z, which X.509 takes for no end (RFC 5280, 4.1.2.5).
    private static let endOfTime: Int64 = 253_402_300_799
}

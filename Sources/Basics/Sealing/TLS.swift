internal import COpenSSL

/// Settings and the link certificate shared by all TLS sessions of one node (tor-spec "Negotiating and initializing channels").
///
/// TLS 1.2 at least, no tickets, no session cache, no renegotiation, no peer verification: identity is in the CERTS cell.
package final class TLSContext: @unchecked Sendable {
    // SAFETY: owned here, freed in deinit; after init nothing changes it but OpenSSL's own counting, which is atomic, so that
    // sessions may be made on any thread.
    let context: OpaquePointer
    /// DER of our own certificate; empty for a context that only dials.
    package let certificate: [UInt8]

    /// A context for both roles with a fresh RSA-2048 key and a random name. Times are seconds since 1970.
    package init(notBefore: Int64, notAfter: Int64) {
        context = Self.makeContext()
        let key = RSAKey.generate(bits: 2048)
        certificate = X509Certificate.selfSigned(key, commonName: Self.randomName(suffix: ".net"), notBefore: notBefore, notAfter: notAfter)
        let parsed = certificate.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return d2i_X509(nil, &cursor, buffer.count)
        }
        defer { X509_free(parsed) }
        let ok = SSL_CTX_use_certificate(context, parsed) == 1 && SSL_CTX_use_PrivateKey(context, key.key) == 1
        precondition(ok, "our own certificate and key fit")
    }

    /// A context that can only dial: what a client needs.
    package init() {
        context = Self.makeContext()
        certificate = []
    }

    /// A context for two who know each other by their keys, in both roles: TLS 1.3 only, and both show a certificate. Who issued it says nothing, so
    /// nobody looks; that the peer holds its key is proven, and the caller compares `keyDigest` of the peer's certificate with the key it expects.
    package init(mutual identity: TLSIdentity) {
        context = Self.makeContext()
        certificate = identity.certificate
        let parsed = certificate.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return d2i_X509(nil, &cursor, buffer.count)
        }
        defer { X509_free(parsed) }
        let ok = dc_ssl_ctx_set_min_proto(context, TLS1_3_VERSION) == 1 && SSL_CTX_use_certificate(context, parsed) == 1
            && SSL_CTX_use_PrivateKey(context, identity.key) == 1
        precondition(ok, "our own certificate and key fit")
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        SSL_CTX_set_cert_verify_callback(context, { _, _ in 1 }, nil)
    }

    /// A server that shows a certificate of its operator's. `nil` when there is none in `chain`, or the key is another's.
    ///
    /// - Parameters:
    ///   - chain: PEM, the server's own certificate first.
    ///   - key: PEM, not encrypted.
    package init?(chain: [UInt8], key: [UInt8]) {
        let certificates = X509Certificate.chain(pem: chain)
        guard let first = certificates.first, let key = PrivateKeyPEM.read(key) else { return nil }
        defer { EVP_PKEY_free(key) }
        context = Self.makeContext()
        certificate = first
        let fits = certificates.enumerated().allSatisfy { index, der in Self.show(der, isOwn: index == 0, in: context) }
        guard fits, SSL_CTX_use_PrivateKey(context, key) == 1, SSL_CTX_check_private_key(context) == 1 else {
            ERR_clear_error()
            return nil
        }
    }

    /// A context that only dials, for peers that are known by their names or by what DNS says of them: each session is told with `TLSSession.expect`.
    /// Those by name need a chain from a certificate in the file of PEM, or from one that the system believes. `nil` when the file has none.
    package convenience init?(believing file: String?) {
        self.init()
        let isTaken = if let file { SSL_CTX_load_verify_file(context, file) } else { SSL_CTX_set_default_verify_paths(context) }
        defer { ERR_clear_error() }
        guard isTaken == 1, SSL_CTX_dane_enable(context) == 1 else { return nil }
    }

    deinit { SSL_CTX_free(context) }

    private static func show(_ der: [UInt8], isOwn: Bool, in context: OpaquePointer) -> Bool {
        let parsed = der.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return d2i_X509(nil, &cursor, buffer.count)
        }
        guard let parsed else { return false }
        defer { X509_free(parsed) }
        return (isOwn ? SSL_CTX_use_certificate(context, parsed) : dc_ssl_ctx_add_chain_certificate(context, parsed)) == 1
    }

    private static func makeContext() -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_method()) else { fatalError("OpenSSL has no TLS") }
        _ = dc_ssl_ctx_set_min_proto(context, TLS1_2_VERSION)
        SSL_CTX_set_options(context, dc_ssl_safe_options)
        _ = dc_ssl_ctx_set_mode(context, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        _ = dc_ssl_ctx_set_session_cache_off(context)
        SSL_CTX_set_num_tickets(context, 0)
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        _ = dc_ssl_ctx_set_groups(context, "X25519:P-256")
        return context
    }

    private static func randomName(suffix: String) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        let bytes = SecureRandom.bytes(16)
        return "www." + String(decoding: bytes.map { letters[Int($0 & 31)] }, as: UTF8.self) + suffix
    }
}

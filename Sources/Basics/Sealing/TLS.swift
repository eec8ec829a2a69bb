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

    deinit { SSL_CTX_free(context) }

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

/// One TLS connection over a non-blocking socket. It does not own the socket.
package final class TLSSession {
    // SAFETY: owned here, freed in deinit; confined to the loop that owns the channel.
    private let session: OpaquePointer

    package enum Progress: Equatable { case done, wantsRead, wantsWrite, closed, failed }

    package init(context: TLSContext, fd: Int32, isServer: Bool, serverName: String? = nil) {
        guard let session = SSL_new(context.context) else { fatalError("out of memory for TLS") }
        self.session = session
        SSL_set_fd(session, fd)
        SSL_set_read_ahead(session, 1)
        if isServer { SSL_set_accept_state(session) } else { SSL_set_connect_state(session) }
    }

    deinit { SSL_free(session) }

    package func handshake() -> Progress {
        ERR_clear_error()
        return progress(SSL_do_handshake(session))
    }

    /// Bytes read into `buffer` (> 0), or the reason why there are none.
    // SAFETY: `buffer` is valid for `capacity` bytes for the length of the call.
    package func read(into buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> (count: Int, progress: Progress) {
        // SSL_get_error looks at the thread's error queue: what another session or key left there would be taken for this one's.
        ERR_clear_error()
        let count = SSL_read(session, buffer, Int32(capacity))
        return count > 0 ? (Int(count), .done) : (0, progress(count))
    }

    /// Bytes of `buffer` that were taken (> 0), or the reason why none were.
    // SAFETY: `buffer` is valid for `count` bytes for the length of the call.
    package func write(_ buffer: UnsafePointer<UInt8>, count: Int) -> (count: Int, progress: Progress) {
        ERR_clear_error()
        let written = SSL_write(session, buffer, Int32(count))
        return written > 0 ? (Int(written), .done) : (0, progress(written))
    }

    /// Whether decrypted or still unparsed bytes wait inside the session, so that no readiness event will come for them.
    package var hasPending: Bool { SSL_has_pending(session) == 1 }

    package func shutdown() {
        SSL_shutdown(session)
        ERR_clear_error()
    }

    /// RFC 5705 exporter.
    package func exportKey(label: String, context: [UInt8], count: Int) -> [UInt8]? {
        var out = [UInt8](repeating: 0, count: count)
        let ok = SSL_export_keying_material(session, &out, count, label, label.utf8.count, context, context.count, 1)
        return ok == 1 ? out : nil
    }

    /// DER of the peer's certificate, if it sent one.
    package var peerCertificate: [UInt8]? {
        guard let certificate = SSL_get1_peer_certificate(session) else { return nil }
        defer { X509_free(certificate) }
        return X509Certificate.der(certificate)
    }

    private func progress(_ result: Int32) -> Progress {
        if result > 0 { return .done }
        switch SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ: return .wantsRead
        case SSL_ERROR_WANT_WRITE: return .wantsWrite
        case SSL_ERROR_ZERO_RETURN: return .closed
        default: return .failed
        }
    }
}

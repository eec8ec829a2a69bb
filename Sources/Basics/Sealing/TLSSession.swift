internal import COpenSSL

/// One TLS connection over a non-blocking socket, which it does not own.
///
/// System calls cost more than the cipher of a record, so they are made for many records at once: `read` takes what the socket has, up
/// to the size of the loop's `TLSInput`, and opens all records that are complete in it; `write` seals records into memory of the
/// session, which goes out when a batch is full or with `push`.
package final class TLSSession {
    // SAFETY: owned here, freed in deinit; confined to the loop that owns the channel. OpenSSL's BIO points to `wire`, which lives as long.
    let session: OpaquePointer
    private let wire: UnsafeMutablePointer<TLSWire>
    private let input: TLSInput
    /// What came behind the end of the handshake, for the first `read`.
    private var early: [UInt8] = []
    /// What one `read` may bring: everything received at once, and the part of a record that was kept from before.
    package static let readBytes = TLSInput.sizeBytes + (17 << 10)

    package enum Progress: Equatable { case done, wantsRead, wantsWrite, closed, failed }

    /// - Parameter input: shared by the sessions of one loop; nothing is kept in it between two calls.
    package init(context: TLSContext, fd: Int32, isServer: Bool, input: TLSInput) {
        guard let session = SSL_new(context.context) else { fatalError("out of memory for TLS") }
        self.session = session
        self.input = input
        wire = .allocate(capacity: 1)
        wire.initialize(to: TLSWire(fd: fd))
        let bio = TLSWire.bio(wire)
        SSL_set_bio(session, bio, bio)
        if isServer { SSL_set_accept_state(session) } else { SSL_set_connect_state(session) }
    }

    deinit {
        SSL_free(session)
        wire.deinitialize(count: 1)
        wire.deallocate()
    }

    package func handshake() -> Progress {
        while true {
            ERR_clear_error()
            let result = progress(SSL_do_handshake(session))
            let pushed = push()
            if pushed == .failed { return .failed }
            guard result == .wantsRead else {
                early += wire.pointee.takeRest()
                return result
            }
            let received = wire.pointee.receive(into: input)
            if received != .done { return pushed == .wantsWrite && received == .wantsRead ? .wantsWrite : received }
        }
    }

    /// Bytes read into `buffer`, and why there are no more: `wantsRead` until the socket is readable again, else the end, which may come
    /// with the last bytes. Nothing stays behind inside the session, so that the socket's readiness tells everything.
    // SAFETY: `buffer` is valid for `capacity` bytes, at least `readBytes`, for the length of the call.
    package func read(into buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> (count: Int, progress: Progress) {
        precondition(capacity >= Self.readBytes, "room for everything that one call may bring")
        let received = early.isEmpty ? wire.pointee.receive(into: input) : wire.pointee.receive(&early, into: input)
        guard received == .done else { return (0, received) }
        let (count, stopped) = open(into: buffer, capacity: capacity)
        // An answer that TLS itself owes, to a key update for instance.
        return push() == .failed && stopped == .wantsRead ? (count, .failed) : (count, stopped)
    }

    /// Opens every record that is complete.
    private func open(into buffer: UnsafeMutablePointer<UInt8>, capacity: Int) -> (count: Int, stopped: Progress) {
        // SSL_get_error looks at the thread's error queue: what another session or key left there would be taken for this one's.
        ERR_clear_error()
        var total = 0
        while true {
            let count = SSL_read(session, buffer + total, Int32(truncatingIfNeeded: capacity - total))
            guard count > 0 else { return (total, progress(count)) }
            total += Int(count)
        }
    }

    /// Bytes of `buffer` that were sealed (> 0), or the reason why none were: `wantsWrite` once the socket has not taken a whole batch.
    // SAFETY: `buffer` is valid for `count` bytes for the length of the call.
    package func write(_ buffer: UnsafePointer<UInt8>, count: Int) -> (count: Int, progress: Progress) {
        if wire.pointee.isFull {
            let pushed = push()
            guard pushed == .done else { return (0, pushed) }
        }
        ERR_clear_error()
        let written = SSL_write(session, buffer, Int32(count))
        return written > 0 ? (Int(written), .done) : (0, progress(written))
    }

    /// Gives the socket what was sealed: `done`, `wantsWrite` when it did not take all, or `failed`.
    package func push() -> Progress { wire.pointee.send() }

    /// Sealed, and not taken by the socket yet.
    package var unsentBytes: Int { wire.pointee.unsentBytes }

    /// Bytes that came from the socket since the last call, records' headers and all.
    package func takeReceivedBytes() -> Int { wire.pointee.takeReceivedBytes() }

    /// Bytes that were made for the socket since the last call, records' headers and all; the socket may not have them yet.
    package func takeSealedBytes() -> Int { wire.pointee.takeSealedBytes() }

    /// Memory held for what is sealed.
    package var sealedBytes: Int { wire.pointee.bytes }

    /// Gives memory back that only traffic needs.
    package func releaseIdleMemory() { wire.pointee.releaseIfIdle() }

    package func shutdown() {
        SSL_shutdown(session)
        ERR_clear_error()
        _ = push()
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

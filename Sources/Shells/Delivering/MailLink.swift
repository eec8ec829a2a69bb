internal import Ambience
internal import Glibc
internal import Loops
internal import Sealing

/// One connection to a server, plain at first, TLS from when it is asked for.
final class MailLink {
    /// Where the links of one loop read.
    final class Memory {
        let input = TLSInput()
        fileprivate var buffer = [UInt8](repeating: 0, count: TLSSession.readBytes)
    }

    private let loop: EventLoop
    private let fd: Int32
    private let memory: Memory
    private var source: IOSource?
    private var session: TLSSession?
    private var onSecured: ((Bool) -> Void)?
    private var unsent: ArraySlice<UInt8> = []

    var onBytes: (([UInt8]) -> Void)?
    /// All that was sent so far is with the system.
    var onDrained: (() -> Void)?
    /// Once, however it ends, unless by `close`.
    var onEnd: (() -> Void)?

    /// Takes over the connected socket.
    ///
    /// - Parameter early: what came already, behind a proxy's answer.
    init(loop: EventLoop, fd: Int32, early: [UInt8] = [], memory: Memory) {
        (self.loop, self.fd, self.memory) = (loop, fd, memory)
        source = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in readable() }, onWritable: { [unowned self] in writable() })
        source?.setReading(true)
        if !early.isEmpty { loop.soon { [weak self] in self?.onBytes?(early) } }
    }

    deinit { close() }

    func send(_ bytes: [UInt8]) {
        guard source != nil else { return }
        if unsent.isEmpty { unsent = bytes[...] } else { unsent += bytes }
        flush()
    }

    /// Begins TLS; `done` hears whether it stands, with the right peer. What is unread then is never read.
    func secure(_ context: TLSContext, _ peer: TLSPeer, done: @escaping (Bool) -> Void) {
        let session = TLSSession(context: context, fd: fd, isServer: false, input: memory.input)
        guard source != nil, session.expect(peer) else { return loop.soon { done(false) } }
        self.session = session
        onSecured = done
        loop.soon { [weak self] in self?.handshake() }
    }

    /// At once; nobody hears of it.
    func close() {
        guard let source else { return }
        self.source = nil
        source.cancel()
        if onSecured == nil { session?.shutdown() }
        Sockets.close(fd)
        (onBytes, onDrained, onEnd, onSecured) = (nil, nil, nil, nil)
    }

    private func end() {
        let secured = onSecured, handler = onEnd
        close()
        if let secured { secured(false) } else { handler?() }
    }

    private func readable() {
        guard source != nil else { return }
        guard onSecured == nil else { return handshake() }
        guard let session else { return readPlain() }
        // SAFETY: `memory.buffer` is never empty, and the call keeps no pointer.
        let (count, progress) = memory.buffer.withUnsafeMutableBufferPointer { session.read(into: $0.baseAddress!, capacity: $0.count) }
        if count > 0 { onBytes?(Array(memory.buffer[..<count])) }
        if source != nil, progress != .wantsRead { end() }
    }

    private func readPlain() {
        // SAFETY: no more than the buffer has, and the call keeps no pointer.
        let count = memory.buffer.withUnsafeMutableBytes { recv(fd, $0.baseAddress, 16 << 10, 0) }
        if count > 0 { return onBytes?(Array(memory.buffer[..<count])) ?? () }
        if count == 0 || (errno != EAGAIN && errno != EINTR) { end() }
    }

    private func handshake() {
        guard source != nil, let session, let done = onSecured else { return }
        switch session.handshake() {
        case .done:
            onSecured = nil
            source?.setWriting(session.unsentBytes > 0)
            done(true)
            // What came behind the end of the handshake is in the session, and the socket may say nothing more.
            readable()
        case .wantsRead: source?.setWriting(session.unsentBytes > 0)
        case .wantsWrite: source?.setWriting(true)
        case .closed, .failed: end()
        }
    }

    private func writable() {
        if onSecured != nil { handshake() } else { flush() }
    }

    private func flush() {
        let isSent: Bool? = if let session { flush(session) } else { flushPlain() }
        guard let isSent else { return end() }
        source?.setWriting(!isSent)
        if isSent {
            unsent = []
            onDrained?()
        }
    }

    /// Whether all is with the system; `nil` when the connection is gone.
    private func flushPlain() -> Bool? {
        while !unsent.isEmpty {
            // SAFETY: `unsent` is not empty, and the call keeps no pointer.
            let count = unsent.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? false : nil }
            unsent = unsent.dropFirst(count)
        }
        return true
    }

    private func flush(_ session: TLSSession) -> Bool? {
        while !unsent.isEmpty {
            // SAFETY: `unsent` is not empty, and the call keeps no pointer.
            let (count, progress) = unsent.withUnsafeBufferPointer { session.write($0.baseAddress!, count: $0.count) }
            if progress == .failed || progress == .closed { return nil }
            guard count > 0 else { break }
            unsent = unsent.dropFirst(count)
        }
        guard session.push() != .failed else { return nil }
        let isSent = unsent.isEmpty && session.unsentBytes == 0
        if isSent { session.releaseIdleMemory() }
        return isSent
    }
}

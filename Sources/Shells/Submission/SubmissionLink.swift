internal import Ambience
internal import Glibc
internal import Loops
internal import Sealing

/// One connection of a mail program: in the clear, under TLS from the start, or first one and then the other.
final class SubmissionLink {
    /// Unsent replies that close the connection: the client asks much and reads nothing.
    static let unsentLimitBytes = 256 << 10
    /// For the client to close its side after the last reply, so that the reply is not lost on the way.
    static let lingering = Instant.Span.seconds(5)

    /// Where the links of one loop read.
    final class Memory {
        let input = TLSInput()
        var buffer = [UInt8](repeating: 0, count: TLSSession.readBytes)
    }

    private let loop: EventLoop
    private let fd: Int32
    private let memory: Memory
    private var source: IOSource?
    private var session: TLSSession?
    private(set) var isHandshaking = false
    private var unsent: [UInt8] = []
    private var onceSent: (() -> Void)?
    private var isFinishing = false
    private var isHalfClosed = false
    private var isPaused = false

    var onBytes: (([UInt8]) -> Void)?
    /// TLS stands.
    var onSecured: (() -> Void)?
    /// Once, however it ends, unless by `close`.
    var onEnd: (() -> Void)?

    /// Takes over the connected socket.
    init(loop: EventLoop, fd: Int32, memory: Memory) {
        (self.loop, self.fd, self.memory) = (loop, fd, memory)
        source = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in readable() }, onWritable: { [unowned self] in writable() })
        source?.setReading(true)
    }

    deinit { close() }

    /// As soon as all replies are out.
    func startTLS(_ context: TLSContext) {
        source?.setReading(false)
        onceSent = { [unowned self] in
            session = TLSSession(context: context, fd: fd, isServer: true, input: memory.input)
            isHandshaking = true
            source?.setReading(true)
        }
        flush()
    }

    func send(_ bytes: [UInt8]) {
        guard source != nil, !isFinishing else { return }
        unsent += bytes
        guard unsent.count <= Self.unsentLimitBytes else { return end() }
        flush()
    }

    /// Closes once everything is sent and the client has heard it, or had time to.
    func finish() {
        guard source != nil, !isFinishing else { return }
        isFinishing = true
        setPaused(false)
        loop.after(Self.lingering) { [weak self] in self?.end() }
        flush()
    }

    func setPaused(_ isPaused: Bool) {
        self.isPaused = isPaused
        source?.setReading(!isPaused || isHandshaking)
    }

    func close() {
        guard let source else { return }
        self.source = nil
        source.cancel()
        if !isHandshaking { session?.shutdown() }
        Sockets.close(fd)
        (onBytes, onSecured, onEnd, onceSent) = (nil, nil, nil, nil)
    }

    private func end() {
        let handler = onEnd
        close()
        handler?()
    }

    // MARK: In

    private func readable() {
        guard source != nil else { return }
        if isHandshaking { return handshake() }
        let (count, goesOn) = session.map(readSealed) ?? readPlain()
        if count > 0, !isFinishing { onBytes?(Array(memory.buffer[..<count])) }
        if source != nil, !goesOn { end() }
    }

    private func readPlain() -> (Int, Bool) {
        // SAFETY: `memory.buffer` is never empty, and the call keeps no pointer.
        let count = memory.buffer.withUnsafeMutableBytes { recv(fd, $0.baseAddress, $0.count, 0) }
        return count > 0 ? (count, true) : (0, count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    private func readSealed(_ session: TLSSession) -> (Int, Bool) {
        // SAFETY: `memory.buffer` is never empty, and the call keeps no pointer.
        let (count, progress) = memory.buffer.withUnsafeMutableBufferPointer { session.read(into: $0.baseAddress!, capacity: $0.count) }
        return (count, progress == .wantsRead)
    }

    private func handshake() {
        switch session?.handshake() {
        case .done:
            isHandshaking = false
            source?.setWriting(session.map { $0.unsentBytes > 0 } ?? false)
            onSecured?()
            // What came behind the end of the handshake is in the session, and the socket may say nothing more.
            readable()
        case .wantsRead: source?.setWriting(session.map { $0.unsentBytes > 0 } ?? false)
        case .wantsWrite: source?.setWriting(true)
        case .closed, .failed, nil: end()
        }
    }

    // MARK: Out

    private func writable() {
        if isHandshaking { handshake() } else { flush() }
    }

    private func flush() {
        guard source != nil, !isHandshaking else { return }
        while !unsent.isEmpty {
            guard let count = session.map(writeSealed) ?? writePlain() else { return end() }
            guard count > 0 else { break }
            unsent.removeFirst(count)
        }
        guard session?.push() != .failed else { return end() }
        let isDone = unsent.isEmpty && (session?.unsentBytes ?? 0) == 0
        source?.setWriting(!isDone)
        guard isDone else { return }
        session?.releaseIdleMemory()
        let next = onceSent
        onceSent = nil
        next?()
        if isFinishing { halfClose() }
    }

    private func halfClose() {
        guard !isHalfClosed else { return }
        isHalfClosed = true
        session?.shutdown()
        shutdown(fd, Int32(SHUT_WR))
    }

    /// Bytes taken, or `nil` when the connection is gone.
    private func writePlain() -> Int? {
        // SAFETY: the call keeps no pointer.
        let count = unsent.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        return count >= 0 ? count : errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    private func writeSealed(_ session: TLSSession) -> Int? {
        // SAFETY: `unsent` is not empty, and the call keeps no pointer.
        let (count, progress) = unsent.withUnsafeBufferPointer { session.write($0.baseAddress!, count: $0.count) }
        return progress == .failed || progress == .closed ? nil : max(0, count)
    }
}

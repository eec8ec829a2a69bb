package import Ambience
internal import Glibc
package import Loops
package import Sealing

/// One connection on a loop: in the clear, under TLS from the start, or first one and then the other.
package final class Link {
    /// Where the links of one loop read.
    package final class Memory {
        fileprivate let input = TLSInput()
        fileprivate var buffer = [UInt8](repeating: 0, count: TLSSession.readBytes)

        package init() {}
    }

    private let loop: EventLoop
    private let fd: Int32
    private let memory: Memory
    private var source: IOSource?
    private var session: TLSSession?
    /// TLS that begins once all is out, and one that has begun.
    private var next: (session: TLSSession, isServer: Bool)?
    package private(set) var isHandshaking = false
    private var onSecured: ((Bool) -> Void)?
    private var isPaused = false
    private var isFinishing = false
    private var isHalfClosed = false
    private var unsent: [UInt8] = []
    /// Of `unsent`, what is with the system already.
    private var sentBytes = 0

    package var onBytes: (([UInt8]) -> Void)?
    /// All that was sent so far is with the system.
    package var onSent: (() -> Void)?
    /// Once, however it ends, unless by `close` or while `secure` is at work.
    package var onEnd: (() -> Void)?
    /// More than that unsent ends it: the peer asks much and reads nothing.
    package var unsentLimitBytes = Int.max

    /// Takes over the connected socket.
    package init(loop: EventLoop, fd: Int32, memory: Memory) {
        (self.loop, self.fd, self.memory) = (loop, fd, memory)
        source = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in readable() }, onWritable: { [unowned self] in writable() })
        source?.setReading(true)
    }

    deinit { close() }

    /// Begins TLS as soon as all is out; nothing that comes in the clear meanwhile is read.
    ///
    /// - Parameters:
    ///   - peer: who a server must prove to be.
    ///   - done: whether TLS stands, with that peer. If not, the link has ended.
    package func secure(_ context: TLSContext, isServer: Bool, peer: TLSPeer? = nil, done: @escaping (Bool) -> Void) {
        let session = TLSSession(context: context, fd: fd, isServer: isServer, input: memory.input)
        guard source != nil, peer.map(session.expect) ?? true else {
            close()
            return loop.soon { done(false) }
        }
        (next, onSecured) = ((session, isServer), done)
        read()
        flush()
    }

    /// What the peer proved to have the key of, once TLS stands.
    package var peerCertificate: [UInt8]? { session?.peerCertificate }

    /// What is sent is wiped once the system has it.
    package func send(_ bytes: [UInt8]) {
        guard source != nil, !isFinishing else { return }
        unsent += bytes
        guard unsent.count - sentBytes <= unsentLimitBytes else { return end() }
        flush()
    }

    /// Closes once all is sent and the peer has closed its side, or had so much time: so the last words are not lost on the way.
    package func finish(lingering: Instant.Span) {
        guard source != nil, !isFinishing else { return }
        isFinishing = true
        setPaused(false)
        loop.after(lingering) { [weak self] in self?.end() }
        flush()
    }

    /// Reads nothing meanwhile, but what TLS needs to begin.
    package func setPaused(_ isPaused: Bool) {
        self.isPaused = isPaused
        read()
    }

    /// At once; nobody hears of it.
    package func close() {
        guard let source else { return }
        self.source = nil
        source.cancel()
        if !isHandshaking { session?.shutdown() }
        unsent.wipe()
        Sockets.close(fd)
        (onBytes, onSent, onEnd, onSecured) = (nil, nil, nil, nil)
    }

    private func end() {
        let secured = onSecured, handler = onEnd
        close()
        if let secured { secured(false) } else { handler?() }
    }

    // MARK: In

    private func read() { source?.setReading(next == nil && (isHandshaking || !isPaused)) }

    private func readable() {
        guard source != nil else { return }
        if isHandshaking { return handshake() }
        let (count, goesOn) = session.map(readSealed) ?? readPlain()
        if count > 0, !isFinishing { onBytes?(Array(memory.buffer[..<count])) }
        if source != nil, !goesOn { end() }
    }

    private func readPlain() -> (count: Int, goesOn: Bool) {
        // SAFETY: `memory.buffer` is never empty, and the call keeps no pointer.
        let count = memory.buffer.withUnsafeMutableBytes { recv(fd, $0.baseAddress, $0.count, 0) }
        return count > 0 ? (count, true) : (0, count < 0 && (errno == EAGAIN || errno == EINTR))
    }

    private func readSealed(_ session: TLSSession) -> (count: Int, goesOn: Bool) {
        // SAFETY: `memory.buffer` is never empty, and the call keeps no pointer.
        let (count, progress) = memory.buffer.withUnsafeMutableBufferPointer { session.read(into: $0.baseAddress!, capacity: $0.count) }
        return (count, progress == .wantsRead)
    }

    // MARK: TLS

    /// All is out.
    private func beginTLS(_ fresh: TLSSession, isServer: Bool) {
        (session, next, isHandshaking) = (fresh, nil, true)
        read()
        if !isServer { loop.soon { [weak self] in self?.readable() } }
    }

    private func handshake() {
        guard let session else { return }
        switch session.handshake() {
        case .done:
            isHandshaking = false
            source?.setWriting(session.unsentBytes > 0)
            read()
            let secured = onSecured
            onSecured = nil
            secured?(true)
            // What came behind the end of the handshake is in the session, and the socket may say nothing more.
            readable()
        case .wantsRead: source?.setWriting(session.unsentBytes > 0)
        case .wantsWrite: source?.setWriting(true)
        case .closed, .failed: end()
        }
    }

    // MARK: Out

    private func writable() {
        if isHandshaking { handshake() } else { flush() }
    }

    private func flush() {
        guard source != nil, !isHandshaking else { return }
        while sentBytes < unsent.count {
            guard let count = session.map(writeSealed) ?? writePlain() else { return end() }
            guard count > 0 else { break }
            sentBytes += count
        }
        guard session?.push() != .failed else { return end() }
        if sentBytes == unsent.count { forgetSent() }
        let isDone = unsent.isEmpty && (session?.unsentBytes ?? 0) == 0
        source?.setWriting(!isDone)
        if isDone { sent() }
    }

    private func forgetSent() {
        unsent.wipe()
        (unsent, sentBytes) = ([], 0)
    }

    private func sent() {
        session?.releaseIdleMemory()
        if let (fresh, isServer) = next { beginTLS(fresh, isServer: isServer) }
        onSent?()
        if isFinishing, source != nil { halfClose() }
    }

    private func halfClose() {
        guard !isHalfClosed else { return }
        isHalfClosed = true
        session?.shutdown()
        shutdown(fd, Int32(SHUT_WR))
    }

    /// Bytes taken, or `nil` when the connection is gone.
    private func writePlain() -> Int? {
        // SAFETY: no further than `unsent` reaches, and the call keeps no pointer.
        let count = unsent.withUnsafeBytes { Glibc.send(fd, $0.baseAddress! + sentBytes, $0.count - sentBytes, Int32(MSG_NOSIGNAL)) }
        return count >= 0 ? count : errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    private func writeSealed(_ session: TLSSession) -> Int? {
        // SAFETY: no further than `unsent` reaches, which is not empty here, and the call keeps no pointer.
        let (count, progress) = unsent.withUnsafeBufferPointer { session.write($0.baseAddress! + sentBytes, count: $0.count - sentBytes) }
        return progress == .failed || progress == .closed ? nil : max(0, count)
    }
}

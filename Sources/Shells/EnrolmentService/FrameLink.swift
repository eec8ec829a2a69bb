internal import Ambience
internal import Loops
internal import Sealing

/// One TLS connection on a loop, for messages that are small and few.
final class FrameLink {
    /// Unsent bytes that close the connection: the peer does not read.
    private static let unsentLimitBytes = 256 << 10

    /// Where the links of one loop read.
    final class Memory {
        let input = TLSInput()
        fileprivate var buffer = [UInt8](repeating: 0, count: TLSSession.readBytes)
    }

    private let fd: Int32
    private let session: TLSSession
    private let memory: Memory
    private var source: IOSource?
    private var isSecured = false
    private var unsent: [UInt8] = []
    private var isLast = false

    /// TLS stands, with a peer that has proven the key whose digest is given.
    var onOpen: (([UInt8]) -> Void)?
    var onBytes: (([UInt8]) -> Void)?
    /// Once, however it ends, unless by `close`.
    var onEnd: (() -> Void)?

    /// Takes over the connected socket.
    init(loop: EventLoop, fd: Int32, context: TLSContext, isServer: Bool, memory: Memory) {
        self.fd = fd
        self.memory = memory
        session = TLSSession(context: context, fd: fd, isServer: isServer, input: memory.input)
        source = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in readable() }, onWritable: { [unowned self] in writable() })
        source?.setReading(true)
        if !isServer { loop.soon { [weak self] in self?.readable() } }
    }

    deinit { close() }

    /// Sends, wipes its own copy as it goes, and with `last` closes afterwards.
    func send(_ bytes: [UInt8], last: Bool = false) {
        guard source != nil, !isLast else { return }
        isLast = last
        unsent += bytes
        guard unsent.count <= Self.unsentLimitBytes else { return end() }
        flush()
    }

    func close() {
        guard let source else { return }
        self.source = nil
        source.cancel()
        session.shutdown()
        unsent.wipe()
        Sockets.close(fd)
        (onOpen, onBytes, onEnd) = (nil, nil, nil)
    }

    private func end() {
        let handler = onEnd
        close()
        handler?()
    }

    private func readable() {
        guard source != nil else { return }
        guard isSecured else { return handshake() }
        // SAFETY: `memory.buffer` is never empty, and the call keeps no pointer.
        let (count, progress) = memory.buffer.withUnsafeMutableBufferPointer { session.read(into: $0.baseAddress!, capacity: $0.count) }
        if count > 0 { onBytes?(Array(memory.buffer[..<count])) }
        if source != nil, progress != .wantsRead { end() }
    }

    private func handshake() {
        switch session.handshake() {
        case .done:
            guard let der = session.peerCertificate, let certificate = X509Certificate(der: der) else { return end() }
            isSecured = true
            source?.setWriting(session.unsentBytes > 0)
            onOpen?(certificate.keyDigest)
            // What came behind the end of the handshake is in the session, and the socket may say nothing more.
            readable()
        case .wantsRead: source?.setWriting(session.unsentBytes > 0)
        case .wantsWrite: source?.setWriting(true)
        case .closed, .failed: end()
        }
    }

    private func writable() {
        if isSecured { flush() } else { handshake() }
    }

    private func flush() {
        while !unsent.isEmpty {
            // SAFETY: `unsent` is not empty, and the call keeps no pointer.
            let (count, progress) = unsent.withUnsafeBufferPointer { session.write($0.baseAddress!, count: $0.count) }
            if progress == .failed || progress == .closed { return end() }
            guard count > 0 else { break }
            if count == unsent.count { unsent.wipe() }
            unsent.removeFirst(count)
        }
        guard session.push() != .failed else { return end() }
        let isDone = unsent.isEmpty && session.unsentBytes == 0
        source?.setWriting(!isDone)
        guard isDone else { return }
        session.releaseIdleMemory()
        if isLast { end() }
    }
}

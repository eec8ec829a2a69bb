package import Ambience
package import Loops
package import Relaying

/// Where directory requests come in: BEGIN_DIR streams and, where configured, a plain TCP DirPort.
package final class DirectoryPort {
    package struct Settings: Sendable {
        /// Requests under way at most; further ones are told that the directory is busy.
        package var sessionLimit = 512
        /// Of these, from DirPorts: descriptors of the process that strangers can occupy without a link handshake. Further ones are closed.
        package var plainSessionLimit = 256
        /// For the whole request; a 50 kB upload over three slow hops fits many times.
        package var requestTimeout = Instant.Span.seconds(60)
        /// Of that, what everybody has though others find no room: half a megabyte over a circuit fits.
        package var sureTime = Instant.Span.seconds(10)
        /// For the answer to be taken; a consensus of the public network (3 MB) needs 5 kB/s.
        package var answerTimeout = Instant.Span.seconds(600)

        package init() {}
    }

    private let loop: EventLoop
    private let server: DirectoryServer
    private let time: any TimeSource
    private let settings: Settings
    private var listeners: [TCPListener] = []
    private var sessions: [ObjectIdentifier: DirectorySession] = [:]
    private var plainSessions = 0

    /// Answers are dated by `time`, else by the loop's clock.
    package init(loop: EventLoop, server: DirectoryServer, settings: Settings = Settings(), time: (any TimeSource)? = nil) {
        self.loop = loop
        self.time = time ?? loop
        self.server = server
        self.settings = settings
    }

    package var sessionCount: Int { sessions.count }
    /// Makes what holds a DirPort connection from this address to the relay's bandwidth.
    package var meter: (IPAddress) -> (any ByteMeter)? = { _ in nil }
    /// A relay that hibernates takes no connections.
    package var isClosed = false

    /// Serves DirPort connections; the address actually bound (port 0 picks one).
    @discardableResult
    package func listen(on address: SocketAddress) throws(FileError) -> SocketAddress {
        let listener = try TCPListener(loop: loop, address: address, kind: .directory) { [weak self] fd, peer in self?.accept(fd, peer) }
        listeners.append(listener)
        return listener.address
    }

    package func stopListening() {
        for listener in listeners { listener.close() }
        listeners = []
    }

    /// Serves one incoming BEGIN_DIR stream. `address` is where its circuit comes from, if that is not the stream's peer.
    package func serve(_ stream: OnionStream, from address: IPAddress? = nil) {
        let session = begin(DirectoryServer.Peer(address: address ?? stream.peerAddress, isTunnelled: true, isAnonymous: stream.isFromRelay), stream)
        stream.onEvent = { event in
            switch event {
            case .data(let bytes): session.receive(bytes)
            case .ended: session.closed()
            default: break
            }
        }
        if sessions.count > settings.sessionLimit, !makeRoom() { session.refuse() }
    }

    /// Serves one incoming BEGIN_DIR stream of another loop, whose other end is a socket.
    /// `isAnonymous`: it came to us through another relay. `address` is where its circuit comes from.
    package func serve(_ fd: Int32, isAnonymous: Bool, from address: IPAddress? = nil) {
        let connection = TCPConnection(loop: loop, fd: fd)
        let session = attach(connection, DirectoryServer.Peer(address: address, isTunnelled: true, isAnonymous: isAnonymous))
        if sessions.count > settings.sessionLimit, !makeRoom() { session.refuse() }
    }

    private func accept(_ fd: Int32, _ peer: SocketAddress) {
        guard !isClosed, plainSessions < settings.plainSessionLimit, sessions.count < settings.sessionLimit || makeRoom() else {
            return SocketLedger.reject(fd, .directory, peer.ip)
        }
        SocketLedger.note(fd, .directory, .received, peer.ip)
        let connection = TCPConnection(loop: loop, fd: fd)
        connection.meter = meter(peer.ip)
        plainSessions += 1
        attach(connection, DirectoryServer.Peer(address: peer.ip, isTunnelled: false)) { [weak self] in self?.plainSessions -= 1 }
    }

    @discardableResult
    private func attach(_ connection: TCPConnection, _ peer: DirectoryServer.Peer, onOver: @escaping () -> Void = {}) -> DirectorySession {
        let session = begin(peer, connection, onOver: onOver)
        connection.onData = { session.receive($0) }
        connection.onEnd = { session.peerFinished() }
        connection.onClose = { session.closed() }
        return session
    }

    private func begin(_ peer: DirectoryServer.Peer, _ transport: any DirectoryTransport, onOver: @escaping () -> Void = {}) -> DirectorySession {
        var key: ObjectIdentifier?
        let session = DirectorySession(
            loop: loop, time: time, server: server, settings: settings, peer: peer, transport: transport, makeRoom: { [weak self] in self?.makeRoom() ?? false },
            onOver: { [weak self] in
                if let key { self?.sessions[key] = nil }
                onOver()
            })
        key = ObjectIdentifier(session)
        sessions[ObjectIdentifier(session)] = session
        return session
    }

    /// Whoever sends slowly keeps nobody out: the one goes that has been sending for longest, if it has had its time.
    private func makeRoom() -> Bool {
        let slowest = sessions.values.filter { $0.isReceiving && loop.now - $0.began >= settings.sureTime }.min { $0.began < $1.began }
        slowest?.drop()
        return slowest != nil
    }
}

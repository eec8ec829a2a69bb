internal import Ambience
internal import Glibc
internal import Logging
internal import Loops
internal import Relaying
internal import Sealing
internal import Transports

/// The local port where transport proxies hand over their clients' connections, telling whose they are (ext-orport-spec.txt).
final class ExtORPort {
    /// Handshakes under way; at the bound a new connection is closed at once.
    private static let handshakeLimit = 1024
    private static let handshakeTimeout = Instant.Span.seconds(30)

    private let loop: EventLoop
    private let router: OnionRouter
    private let cookie: [UInt8]
    private let log = Logger(label: "transports")
    private var listener: TCPListener?
    private var handshakes = 0

    /// Writes a fresh cookie to `cookieFile`.
    init(loop: EventLoop, router: OnionRouter, cookieFile: String, isGroupReadable: Bool) throws(FileError) {
        self.loop = loop
        self.router = router
        cookie = SecureRandom.bytes(ExtORPortHandshake.cookieBytes)
        try Files.replace(cookieFile, with: Array(ExtORPortHandshake.cookieHeader.utf8) + cookie)
        if isGroupReadable { chmod(cookieFile, 0o640) }
    }

    func listen(on address: SocketAddress) throws(FileError) -> SocketAddress {
        let listener = try TCPListener(loop: loop, address: address, kind: .extendedOR) { [weak self] fd, peer in self?.accept(fd, peer) }
        self.listener = listener
        return listener.address
    }

    func stop() { listener?.close() }

    private func accept(_ fd: Int32, _ peer: SocketAddress) {
        guard handshakes < Self.handshakeLimit else { return SocketLedger.reject(fd, .extendedOR, peer.ip) }
        SocketLedger.note(fd, .extendedOR, .received, peer.ip)
        handshakes += 1
        let connection = TCPConnection(loop: loop, fd: fd)
        var handshake = ExtORPortHandshake(cookie: cookie, nonce: SecureRandom.bytes(ExtORPortHandshake.nonceBytes))
        let timer = loop.after(Self.handshakeTimeout) { connection.abort() }
        let over = { [weak self] in
            timer.cancel()
            self?.handshakes -= 1
        }
        // The connection's source keeps it, and with it these closures, until it is closed or handed over.
        connection.onClose = over
        connection.onData = { [weak self] bytes in
            do throws(ExtORPortHandshake.Failure) {
                let progress = try handshake.receive(bytes)
                if !progress.send.isEmpty { connection.send(progress.send) }
                if progress.isRefused {
                    self?.log.warning("A program that does not know our cookie tried to use the extended ORPort")
                    connection.finish()
                } else if let client = progress.client {
                    over()
                    self?.handOver(connection, client, peer)
                }
            } catch {
                self?.log.info("A program at the extended ORPort breaks the protocol: \(error)")
                connection.finish()
            }
        }
        connection.send(ExtORPortHandshake.greeting)
    }

    private func handOver(_ connection: TCPConnection, _ client: ExtORPortHandshake.Client, _ peer: SocketAddress) {
        connection.onClose = nil
        guard connection.unsentBytes == 0, let fd = connection.detach() else { return connection.abort() }
        router.accept(fd, client.address ?? peer, transport: client.transport)
    }
}

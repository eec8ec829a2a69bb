package import Ambience

/// Accepts TCP connections; each descriptor belongs to whoever `onAccept` gives it to.
package final class TCPListener {
    /// Connections taken in one turn, so that a flood of them leaves time for others.
    private static let acceptsPerTurn = 64
    /// Pause when there is no descriptor for a connection that waits: readiness would be reported for ever.
    private static let exhaustionPause = Instant.Span.seconds(1)

    private let loop: EventLoop
    private let fd: Int32
    private var source: IOSource?
    package let address: SocketAddress

    /// - Parameter kind: what the connections are for that come; the listener itself is counted among them.
    package convenience init(
        loop: EventLoop, address: SocketAddress, kind: SocketKind? = nil, onAccept: @escaping (_ fd: Int32, _ peer: SocketAddress) -> Void
    ) throws(FileError) {
        let fd = try Sockets.listen(on: address)
        self.init(loop: loop, fd: fd, address: Sockets.ownAddress(fd) ?? address, onAccept: onAccept)
        if let kind { SocketLedger.note(fd, kind, .listening, address.ip) }
    }

    /// Takes over a listening socket.
    package init(loop: EventLoop, fd: Int32, address: SocketAddress, onAccept: @escaping (_ fd: Int32, _ peer: SocketAddress) -> Void) {
        self.loop = loop
        self.fd = fd
        self.address = address
        source = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in acceptSome(onAccept) }, onWritable: {})
        source?.setReading(true)
    }

    deinit { close() }

    private func acceptSome(_ onAccept: (_ fd: Int32, _ peer: SocketAddress) -> Void) {
        for _ in 0..<Self.acceptsPerTurn where source != nil {
            switch Sockets.accept(fd) {
            case .connection(let connection, let peer): onAccept(connection, peer)
            case .none: return
            case .exhausted: return pause()
            }
        }
    }

    private func pause() {
        source?.setReading(false)
        loop.after(Self.exhaustionPause) { [weak self] in self?.source?.setReading(true) }
    }

    package func close() {
        guard let source else { return }
        source.cancel()
        self.source = nil
        Sockets.close(fd)
    }
}

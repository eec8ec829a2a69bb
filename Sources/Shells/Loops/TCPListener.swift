package import Ambience

/// Accepts TCP connections; each descriptor belongs to whoever `onAccept` gives it to.
package final class TCPListener {
    /// Connections taken in one turn, so that a flood of them leaves time for others.
    private static let acceptsPerTurn = 64

    private let fd: Int32
    private var source: IOSource?
    package let address: SocketAddress

    package init(loop: EventLoop, address: SocketAddress, onAccept: @escaping (_ fd: Int32, _ peer: SocketAddress) -> Void) throws(FileError) {
        let fd = try Sockets.listen(on: address)
        self.fd = fd
        self.address = Sockets.ownAddress(fd) ?? address
        source = IOSource(loop: loop, fd: fd, onReadable: {
            for _ in 0..<Self.acceptsPerTurn {
                guard let (connection, peer) = Sockets.accept(fd) else { return }
                onAccept(connection, peer)
            }
        }, onWritable: {})
        source?.setReading(true)
    }

    deinit { close() }

    package func close() {
        guard let source else { return }
        source.cancel()
        self.source = nil
        Sockets.close(fd)
    }
}

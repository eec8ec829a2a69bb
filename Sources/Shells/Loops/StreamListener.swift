package import Ambience
internal import CLinux
internal import Glibc

/// Accepts local programs' connections on a TCP port or a Unix socket; each descriptor belongs to whoever `onAccept` gives it to.
package final class StreamListener {
    private let loop: EventLoop
    private var tcp: TCPListener?
    private var fd: Int32 = -1
    private var source: IOSource?
    private let path: String?
    private let onAccept: (Int32) -> Void
    /// Where it listens, `nil` for a Unix socket.
    package private(set) var address: SocketAddress?

    package init(loop: EventLoop, address: SocketAddress, kind: SocketKind? = nil, onAccept: @escaping (Int32) -> Void) throws(FileError) {
        self.loop = loop
        self.onAccept = onAccept
        path = nil
        let listener = try TCPListener(loop: loop, address: address, kind: kind) { fd, peer in
            if let kind { SocketLedger.note(fd, kind, .received, peer.ip) }
            onAccept(fd)
        }
        tcp = listener
        self.address = listener.address
    }

    /// - Parameter mode: who may connect, as of a file.
    package init(loop: EventLoop, path: String, mode: UInt32, onAccept: @escaping (Int32) -> Void) throws(FileError) {
        self.loop = loop
        self.onAccept = onAccept
        self.path = path
        fd = try Sockets.listen(onPath: path, mode: mode)
        source = IOSource(loop: loop, fd: fd, onReadable: { [unowned self] in acceptOne() }, onWritable: {})
        source?.setReading(true)
    }

    deinit { close() }

    /// `ADDRESS:PORT` or `unix:PATH`.
    package var name: String { path.map { "unix:\($0)" } ?? address.map { "\($0)" } ?? "" }

    private func acceptOne() {
        let connection = dc_accept_nonblocking(fd, nil, nil)
        if connection >= 0 { onAccept(connection) } else if errno == EMFILE || errno == ENFILE { pause() }
    }

    private func pause() {
        source?.setReading(false)
        loop.after(.seconds(1)) { [weak self] in self?.source?.setReading(true) }
    }

    package func close() {
        tcp?.close()
        tcp = nil
        guard let source else { return }
        source.cancel()
        self.source = nil
        Sockets.close(fd)
        if let path { unlink(path) }
    }
}

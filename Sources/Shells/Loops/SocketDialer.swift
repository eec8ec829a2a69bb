package import Ambience
internal import Glibc

/// Opens one outgoing TCP connection.
package final class SocketDialer {
    private var source: IOSource?
    private var timer: Timer?
    private var done: ((Result<Int32, FileError>) -> Void)?
    private let fd: Int32
    private let address: SocketAddress

    /// Calls `done` exactly once, never before it returns: with a connected descriptor that the receiver owns, or the reason.
    @discardableResult
    package static func dial(
        loop: EventLoop, _ address: SocketAddress, from source: IPAddress? = nil, timeout: Instant.Span,
        _ done: @escaping (Result<Int32, FileError>) -> Void
    ) -> SocketDialer? {
        do throws(FileError) {
            return SocketDialer(loop: loop, fd: try loop.dial(address, from: source), address: address, timeout: timeout, done)
        } catch {
            loop.soon { done(.failure(error)) }
            return nil
        }
    }

    private init(loop: EventLoop, fd: Int32, address: SocketAddress, timeout: Instant.Span, _ done: @escaping (Result<Int32, FileError>) -> Void) {
        self.fd = fd
        self.address = address
        self.done = done
        source = IOSource(loop: loop, fd: fd, onReadable: {}, onWritable: { self.decide(Sockets.connectError(fd)) })
        source?.setWriting(true)
        timer = loop.after(timeout) { self.decide(ETIMEDOUT) }
    }

    /// Gives up without calling `done`.
    package func cancel() {
        guard done != nil else { return }
        settle()
        close(fd)
    }

    private func decide(_ code: Int32) {
        guard let done else { return }
        settle()
        guard code == 0 else {
            close(fd)
            return done(.failure(FileError(path: "\(address)", operation: "connect to", code: code)))
        }
        done(.success(fd))
    }

    private func settle() {
        source?.cancel()
        source = nil
        timer?.cancel()
        timer = nil
        done = nil
    }
}

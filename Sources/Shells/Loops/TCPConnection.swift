package import Ambience
internal import Glibc

/// What a connection may move, and where it is told what it moved.
package protocol ByteMeter: AnyObject {
    var readableBytes: Int { get }
    var writableBytes: Int { get }
    func moved(read: Int, written: Int)
    /// Calls `goOn` once, when there may be more.
    func wait(_ goOn: @escaping () -> Void)
}

/// A small buffered non-blocking TCP connection for control-plane use (directory requests, SOCKS negotiation).
///
/// It owns its descriptor until `detach`. Callbacks are dropped once it is closed.
package final class TCPConnection {
    /// More unsent bytes than this close the connection: the peer does not read.
    package static let sendBufferLimitBytes = 64 << 20
    private static let readBytes = 16 << 10

    private let loop: EventLoop
    private let fd: Int32
    private var source: IOSource?
    private var unsent: ArraySlice<UInt8> = []
    private var finishing = false
    /// Waiting for the meter, per direction.
    private var isReadThrottled = false
    private var isWriteThrottled = false
    private var isPaused = false

    /// Without one it moves what it can.
    package var meter: (any ByteMeter)?
    package var onData: (([UInt8]) -> Void)?
    /// The peer sent all it will send; without a handler the connection is closed.
    package var onEnd: (() -> Void)?
    /// Called once, however the connection ends, also after `finish`; not after `abort` or `detach`.
    package var onClose: (() -> Void)?
    package var isOpen: Bool { source != nil }
    package var unsentBytes: Int { unsent.count }

    /// Takes over a connected socket.
    package init(loop: EventLoop, fd: Int32) {
        self.loop = loop
        self.fd = fd
        // The source's callbacks keep the connection alive until it is closed or detached.
        source = IOSource(loop: loop, fd: fd, onReadable: { self.readable() }, onWritable: { self.flush() })
        source?.setReading(true)
    }

    /// Connects within `timeout`; the result is `nil` when that fails.
    package static func dial(loop: EventLoop, _ address: SocketAddress, timeout: Instant.Span, _ done: @escaping (TCPConnection?) -> Void) {
        SocketDialer.dial(loop: loop, address, timeout: timeout) { result in
            switch result {
            case .success(let fd): done(TCPConnection(loop: loop, fd: fd))
            case .failure: done(nil)
            }
        }
    }

    package func send(_ bytes: [UInt8]) {
        guard isOpen, !finishing else { return }
        if unsent.isEmpty { unsent = bytes[...] } else { unsent += bytes }
        guard unsent.count <= Self.sendBufferLimitBytes else { return closed() }
        flush()
    }

    /// Closes once everything is sent.
    package func finish() {
        finishing = true
        flush()
    }

    package func pauseReading() {
        isPaused = true
        source?.setReading(false)
    }

    package func resumeReading() {
        isPaused = false
        source?.setReading(true)
    }

    /// Closes at once, without `onClose`.
    package func abort() {
        forget()
        closed()
    }

    /// Gives up the descriptor; unsent bytes are lost, so call it when there are none.
    package func detach() -> Int32? {
        guard let source else { return nil }
        source.cancel()
        self.source = nil
        forget()
        return fd
    }

    private func readable() {
        if meter?.readableBytes == 0 { return throttleReading() }
        var buffer = [UInt8](repeating: 0, count: Self.readBytes)
        let count = read(fd, &buffer, buffer.count)
        if count > 0 {
            meter?.moved(read: count, written: 0)
            buffer.removeLast(buffer.count - count)
            onData?(buffer)
        } else if count == 0 {
            source?.setReading(false)
            if let onEnd { onEnd() } else { closed() }
        } else if errno != EAGAIN, errno != EINTR {
            closed()
        }
    }

    private func throttleReading() {
        source?.setReading(false)
        guard !isReadThrottled else { return }
        isReadThrottled = true
        meter?.wait { [weak self] in
            guard let self else { return }
            isReadThrottled = false
            source?.setReading(!isPaused)
        }
    }

    private func throttleWriting() {
        source?.setWriting(false)
        guard !isWriteThrottled else { return }
        isWriteThrottled = true
        meter?.wait { [weak self] in
            self?.isWriteThrottled = false
            self?.flush()
        }
    }

    private func flush() {
        while isOpen, !unsent.isEmpty {
            let limit = meter?.writableBytes ?? .max
            guard limit > 0 else { return throttleWriting() }
            let count = unsent.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, min(limit, $0.count), Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                meter?.moved(read: 0, written: count)
                unsent = unsent.dropFirst(count)
            } else if errno == EAGAIN || errno == EINTR {
                break
            } else {
                return closed()
            }
        }
        source?.setWriting(!unsent.isEmpty)
        if unsent.isEmpty {
            unsent = []
            if finishing { closed() }
        }
    }

    private func closed() {
        guard let source else { return }
        source.cancel()
        self.source = nil
        Sockets.close(fd)
        let handler = onClose
        forget()
        handler?()
    }

    private func forget() {
        onData = nil
        onEnd = nil
        onClose = nil
    }
}

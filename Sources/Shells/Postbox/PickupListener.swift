package import Ambience
internal import Glibc
internal import Loops
package import Pickup
internal import Synchronization

/// Serves mail programs of this machine. A thread for each connection: there are few, and a letter may be large.
package final class PickupListener: Sendable {
    package enum Language: Sendable { case imap, pop3 }

    /// At this number a further connection is closed at once.
    package static let connectionsLimit = 32
    /// A program that says nothing for so long is gone: RFC 3501 asks for 30 min. Seconds.
    package static let silenceSeconds = 1_800
    /// A program that reads nothing for so long is gone. Seconds.
    private static let patienceSeconds = 60
    /// Between two looks for news, for programs that idle. Milliseconds.
    private static let glanceMilliseconds: Int32 = 1_000
    private static let readBytes = 64 << 10

    package let address: SocketAddress
    private let fd: Int32
    private let language: Language
    private let storage: any LetterStorage
    private let login: PickupLogin
    private let open = Atomic(0)
    private let isClosing = Atomic(false)
    private let thread = Mutex<WorkThread?>(nil)

    /// - Parameter address: of this machine alone: passwords go in the clear.
    package init(_ language: Language, _ address: SocketAddress, _ storage: any LetterStorage, _ login: PickupLogin) throws(FileError) {
        fd = try Sockets.listen(on: address)
        self.address = Sockets.ownAddress(fd) ?? address
        (self.language, self.storage, self.login) = (language, storage, login)
        thread.withLock { $0 = WorkThread("pickup") { self.accept() } }
    }

    /// Takes no more connections, and ends those that there are within seconds.
    package func stop() {
        guard !isClosing.exchange(true, ordering: .acquiringAndReleasing) else { return }
        thread.withLock { $0 }?.join()
        Sockets.close(fd)
    }

    private func accept() {
        while !isClosing.load(ordering: .acquiring) {
            guard Self.isReady(fd, POLLIN, Self.glanceMilliseconds) else { continue }
            guard case .connection(let connection, _) = Sockets.accept(fd) else {
                // Out of descriptors: some may be free in a moment.
                _ = poll(nil, 0, 100)
                continue
            }
            guard open.add(1, ordering: .acquiringAndReleasing).newValue <= Self.connectionsLimit else {
                open.subtract(1, ordering: .acquiringAndReleasing)
                Sockets.close(connection)
                continue
            }
            WorkThread("pickup \(connection)") { [self] in
                language == .imap ? serveIMAP(connection) : servePOP3(connection)
                Sockets.close(connection)
                open.subtract(1, ordering: .acquiringAndReleasing)
            }.detach()
        }
    }

    // MARK: one connection

    private func serveIMAP(_ fd: Int32) {
        var session = IMAPSession(storage, login)
        guard Self.send(fd, IMAPSession.greeting) else { return }
        var silentSince = SystemTime().now
        while !session.isOver, !isClosing.load(ordering: .acquiring), SystemTime().now - silentSince < .seconds(Int64(Self.silenceSeconds)) {
            if Self.isReady(fd, POLLIN, Self.glanceMilliseconds) {
                guard let bytes = Self.receive(fd) else { return }
                silentSince = SystemTime().now
                session.receive(bytes) { Self.send(fd, $0) }
            } else { session.tell { Self.send(fd, $0) } }
        }
    }

    private func servePOP3(_ fd: Int32) {
        var session = POP3Session(storage, login)
        guard Self.send(fd, POP3Session.greeting) else { return }
        var silentSince = SystemTime().now
        while !session.isOver, !isClosing.load(ordering: .acquiring), SystemTime().now - silentSince < .seconds(Int64(Self.silenceSeconds)) {
            guard Self.isReady(fd, POLLIN, Self.glanceMilliseconds) else { continue }
            guard let bytes = Self.receive(fd) else { return }
            silentSince = SystemTime().now
            session.receive(bytes) { Self.send(fd, $0) }
        }
    }

    private static func isReady(_ fd: Int32, _ event: Int32, _ milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: fd, events: Int16(event), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }

    /// `nil` once the program has gone.
    private static func receive(_ fd: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: readBytes)
        let count = recv(fd, &buffer, buffer.count, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return [] }
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }

    private static func send(_ fd: Int32, _ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            // SAFETY: as many bytes as there are; the call keeps no pointer.
            let count = bytes[offset...].withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 { offset += count; continue }
            guard count < 0, errno == EAGAIN || errno == EINTR, isReady(fd, POLLOUT, Int32(patienceSeconds * 1_000)) else { return false }
        }
        return true
    }
}

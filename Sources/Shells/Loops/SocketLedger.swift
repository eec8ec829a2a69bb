package import Ambience
internal import Synchronization

/// What the TCP connection of a socket is for, from the operator's side.
package enum SocketKind: Int, CaseIterable, Sendable {
    case relay
    case exit
    case socks
    case directory
    case control
    case extendedOR
    case metrics
}

/// Which TCP sockets the process has and had, by what they are for. One for all loops, asked once per connection.
///
/// Whoever gets to know what a socket is for notes it; `Sockets.close` takes it off. What nobody noted is not counted.
package enum SocketLedger {
    package enum Side: Int, CaseIterable, Sendable {
        case listening
        case initiated
        case received
    }

    package struct Counts: Equatable, Sendable {
        package internal(set) var created: UInt64 = 0
        package internal(set) var opened: UInt64 = 0
        /// Received, and closed at once because of a limit or a policy.
        package internal(set) var rejected: UInt64 = 0

        package init() {}
    }

    private struct Book {
        var counts = [Counts](repeating: Counts(), count: SocketKind.allCases.count * Side.allCases.count * 2)
        /// By descriptor, of which the process has a limited number; -1 where nothing is noted.
        var entries: [Int16] = []
    }

    private static let book = Mutex(Book())

    private static func entry(_ kind: SocketKind, _ side: Side, isIPv4: Bool) -> Int { (kind.rawValue * Side.allCases.count + side.rawValue) * 2 + (isIPv4 ? 0 : 1) }

    package static func counts(_ kind: SocketKind, _ side: Side, isIPv4: Bool) -> Counts { book.withLock { $0.counts[entry(kind, side, isIPv4: isIPv4)] } }

    /// The socket is open, and for this.
    package static func note(_ fd: Int32, _ kind: SocketKind, _ side: Side, _ address: IPAddress) {
        guard fd >= 0 else { return }
        let (fd, entry) = (Int(fd), entry(kind, side, isIPv4: address.isIPv4))
        book.withLock { book in
            while book.entries.count <= fd { book.entries.append(-1) }
            if book.entries[fd] >= 0 { book.counts[Int(book.entries[fd])].opened -= 1 }
            book.entries[fd] = Int16(entry)
            book.counts[entry].created += 1
            book.counts[entry].opened += 1
        }
    }

    /// Closes a connection that came and is not wanted.
    package static func reject(_ fd: Int32, _ kind: SocketKind, _ address: IPAddress) {
        book.withLock { $0.counts[entry(kind, .received, isIPv4: address.isIPv4)].rejected += 1 }
        Sockets.close(fd)
    }

    static func closing(_ fd: Int32) {
        book.withLock { book in
            guard fd >= 0, Int(fd) < book.entries.count, case let entry = book.entries[Int(fd)], entry >= 0 else { return }
            book.entries[Int(fd)] = -1
            book.counts[Int(entry)].opened -= 1
        }
    }
}

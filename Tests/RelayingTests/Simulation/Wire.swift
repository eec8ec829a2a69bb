import Ambience
import Glibc

/// A TCP connection of the simulation: two socket pairs and, between them, a seeded carrier that takes its time, cuts the bytes
/// anywhere, can be slow or stand still, and shows a tap what passes.
final class Wire {
    /// A descriptor that others close. Its peer hears of that from the system only when nobody else has the socket; a child that another
    /// test is starting may, for a moment. So whether the number still means the same socket is looked at instead.
    private struct End {
        let fd: Int32
        private let inode: ino_t?

        init(_ fd: Int32) { (self.fd, inode) = (fd, Self.inode(fd)) }

        var isClosed: Bool { Self.inode(fd) != inode }

        private static func inode(_ fd: Int32) -> ino_t? {
            var about = stat()
            return fstat(fd, &about) == 0 ? about.st_ino : nil
        }
    }

    /// What carries bytes one way.
    final class Direction {
        let from: Int32
        let to: Int32
        private let (sender, receiver): (End, End)
        private unowned let wire: Wire
        /// Read from one side, not taken by the other yet.
        var rest: ArraySlice<UInt8> = []
        var isScheduled = false

        fileprivate init(wire: Wire, from: Int32, of sender: Int32, to: Int32, of receiver: Int32) {
            (self.wire, self.from, self.to) = (wire, from, to)
            (self.sender, self.receiver) = (End(sender), End(receiver))
        }

        var hasNoSender: Bool { sender.isClosed }
        var hasNoReceiver: Bool { receiver.isClosed }

        /// There is something to carry.
        func begin() { wire.schedule(self, wire.latency + wire.slowness) }
    }

    let name: String
    /// The descriptor of the end that dialled, and of the one that accepts; they belong to whoever gets them.
    let near: Int32
    let far: Int32
    private unowned let world: VirtualWorld
    private var directions: [Direction] = []
    private let latency: Instant.Span
    private let chunkBytes: Int
    /// Nothing moves until then.
    private var frozenUntil = Instant.zero
    /// Added to every movement.
    var slowness = Instant.Span(nanoseconds: 0)
    /// Sees every byte, with whether it goes from near to far, in the order it is delivered.
    var tap: ((_ bytes: ArraySlice<UInt8>, _ isForward: Bool) -> Void)?
    private(set) var isCut = false
    private(set) var bytesMoved = 0

    init(name: String, world: VirtualWorld) {
        self.name = name
        self.world = world
        let left = Self.pair()
        let right = Self.pair()
        near = left.0
        far = right.0
        latency = world.span(100...30_000)
        chunkBytes = [700, 1500, 5000, 20_000].randomElement(using: &world.random) ?? 1500
        let buffer = Int32([4096, 16_384, 65_536].randomElement(using: &world.random) ?? 4096)
        for fd in [left.0, left.1, right.0, right.1] { Self.set(fd, SO_SNDBUF, buffer) }
        directions = [
            Direction(wire: self, from: left.1, of: near, to: right.1, of: far), Direction(wire: self, from: right.1, of: far, to: left.1, of: near),
        ]
    }

    private static func pair() -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        let made = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
        precondition(made == 0, "no descriptors left for a simulation")
        return (ends[0], ends[1])
    }

    private static func set(_ fd: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(fd, SOL_SOCKET, option, &value, 4)
    }

    /// The connection breaks at once: what is on its way is lost.
    func cut() {
        guard !isCut else { return }
        isCut = true
        tap = nil
        for direction in directions { hangUp(direction.from) }
    }

    /// Whoever is at the other end reads what it has, and then the end: at once, though a child may have the socket too. Closing alone
    /// would tell of an error instead, if something was left unread.
    private func hangUp(_ fd: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while read(fd, &buffer, buffer.count) > 0 {}
        shutdown(fd, Int32(SHUT_RDWR))
        close(fd)
    }

    func freeze(for span: Instant.Span) { frozenUntil = max(frozenUntil, world.now + span) }

    /// The directions that wait for bytes.
    var waiting: [Direction] { isCut ? [] : directions.filter { !$0.isScheduled } }

    private func schedule(_ direction: Direction, _ span: Instant.Span) {
        direction.isScheduled = true
        world.at(max(world.now + span, frozenUntil)) { [weak self] in self?.move(direction) }
    }

    private func move(_ direction: Direction) {
        guard !isCut else { return }
        guard frozenUntil <= world.now else { return schedule(direction, Instant.Span(nanoseconds: 0)) }
        direction.isScheduled = false
        if direction.rest.isEmpty, !take(direction) { return }
        guard !direction.hasNoReceiver else { return cut() }
        let count = direction.rest.withUnsafeBytes { send(direction.to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else {
            // A full receiver is asked again later; one that is gone takes the whole connection with it.
            return errno == EAGAIN ? schedule(direction, .milliseconds(3) + slowness) : cut()
        }
        bytesMoved += count
        tap?(direction.rest.prefix(count), direction === directions[0])
        direction.rest = direction.rest.dropFirst(count)
        if !direction.rest.isEmpty { schedule(direction, .milliseconds(3) + slowness) }
    }

    /// Reads a random amount; `false` when there is nothing, or the sender has closed.
    private func take(_ direction: Direction) -> Bool {
        var buffer = [UInt8](repeating: 0, count: Int.random(in: 1...chunkBytes, using: &world.random))
        let count = read(direction.from, &buffer, buffer.count)
        guard count > 0 else {
            if count == 0 || errno != EAGAIN || direction.hasNoSender { cut() }
            return false
        }
        direction.rest = buffer[..<count]
        return true
    }
}

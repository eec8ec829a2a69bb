internal import Ambience
internal import Enrolment
internal import Leasing
internal import Links
internal import Loops
internal import Sealing

/// The server's thread: accepts, keeps the time of those who connect, and asks the book.
final class EnrolmentDesk {
    /// Connections at once, and of them such as have not said who they are: all and of one address. A further one is closed.
    static let connectionsLimit = 4096
    static let strangersLimit = 256
    static let strangersOfOneLimit = 32
    /// A stranger's time for TLS and its first message, and a mote's between two reports.
    static let strangerSpan = Instant.Span.seconds(10)
    static let silenceSpan = Instant.Span.seconds(60)
    private static let tidySpan = Instant.Span.seconds(3600)

    private final class Visitor {
        let link: Link
        let peer: IPAddress
        var session: CoordinatorSession?
        var deadline: Instant

        init(_ link: Link, _ peer: IPAddress, deadline: Instant) {
            (self.link, self.peer, self.deadline) = (link, peer, deadline)
        }
    }

    private let loop: EventLoop
    private let context: TLSContext
    private let book: AdmissionBook
    private let memory = Link.Memory()
    private var listener: TCPListener?
    private var visitors: [ObjectIdentifier: Visitor] = [:]
    /// One connection per mote: a later one takes the place of an earlier, which may be dead without knowing it.
    private var motes: [MoteKey: ObjectIdentifier] = [:]

    /// Takes over the listening socket.
    init(_ loop: EventLoop, _ fd: Int32, _ address: SocketAddress, _ identity: TLSIdentity, _ book: AdmissionBook) {
        self.loop = loop
        self.book = book
        context = TLSContext(mutual: identity)
        listener = TCPListener(loop: loop, fd: fd, address: address) { [unowned self] in admit($0, $1.ip) }
        loop.every(.seconds(1)) { [unowned self] in closeLate() }
        loop.every(Self.tidySpan) { [unowned self] in self.book.tidy(now: self.loop.wall) }
    }

    func run() {
        book.tidy(now: loop.wall)
        loop.run()
        listener?.close()
        for visitor in visitors.values { visitor.link.close() }
        visitors = [:]
    }

    func stop() { loop.stop() }

    private func admit(_ fd: Int32, _ peer: IPAddress) {
        let strangers = visitors.values.lazy.filter { $0.session?.mote == nil }
        guard visitors.count < Self.connectionsLimit, strangers.count < Self.strangersLimit, strangers.count(where: { $0.peer == peer }) < Self.strangersOfOneLimit
        else { return Sockets.close(fd) }
        let link = Link(loop: loop, fd: fd, memory: memory)
        let visitor = Visitor(link, peer, deadline: loop.now + Self.strangerSpan)
        visitors[ObjectIdentifier(visitor)] = visitor
        link.onBytes = { [unowned self, unowned visitor] in heard($0, visitor) }
        link.onEnd = { [unowned self, unowned visitor] in dismiss(visitor) }
        link.open(context, isServer: true) { [unowned self, unowned visitor] key in
            guard let key else { return dismiss(visitor) }
            visitor.session = CoordinatorSession(certificateKey: key, peer: peer)
        }
    }

    private func heard(_ bytes: [UInt8], _ visitor: Visitor) {
        do throws(EnrolmentError) {
            for message in try visitor.session?.messages(bytes, now: loop.wall) ?? [] {
                guard visitor.session != nil else { return }
                guard let reply = try book.answer(message, &visitor.session!, now: loop.wall, loop.now) else { return dismiss(visitor) }
                if reply.isLast { book.tell(.refused(visitor.peer)) }
                if let key = visitor.session?.mote { settle(visitor, key) }
                if reply.isLast { visitor.link.onSent = { [unowned self, unowned visitor] in dismiss(visitor) } }
                visitor.link.send(reply.message.frame)
                visitor.deadline = loop.now + (reply.isLast ? Self.strangerSpan : Self.silenceSpan)
                if reply.isLast { return }
            }
        } catch { dismiss(visitor) }
    }

    private func settle(_ visitor: Visitor, _ key: MoteKey) {
        let id = ObjectIdentifier(visitor)
        if let earlier = motes.updateValue(id, forKey: key), earlier != id, let other = visitors[earlier] { dismiss(other) }
    }

    private func closeLate() {
        for visitor in visitors.values where loop.now >= visitor.deadline { dismiss(visitor) }
    }

    private func dismiss(_ visitor: Visitor) {
        visitor.link.close()
        // At the end of the turn: the link may be at work further up.
        loop.soon { [weak self] in self?.forget(visitor) }
    }

    private func forget(_ visitor: Visitor) {
        let id = ObjectIdentifier(visitor)
        visitors[id] = nil
        if let key = visitor.session?.mote, motes[key] == id { motes[key] = nil }
    }
}

internal import Ambience
internal import Glibc
package import Loops
internal import Onion
internal import Synchronization

/// The loops of a relay, one thread each, and what they share. Loop 0 is the one that the node runs itself, where its directory, client
/// and control live; the others only relay.
///
/// A channel, the circuits whose previous channel it is, and their streams stay on one loop for life. Accepted connections are given to
/// the loops in turn; a circuit is extended over a channel of any loop, through a `Passage` if it is another one. Only a circuit that
/// asks to join the conflux set of another loop ends there from then on, while its channel stays.
package final class RelayLoops: Sendable {
    /// More loops than this bring nothing: there is a ring for each ordered pair of them.
    package static let countLimit = 16
    /// Connections that were accepted for another loop and not looked at by it; at the bound a further one is closed.
    static let arrivingLimit = 1024

    private final class Seat: Sendable {
        let router: LoopBound<OnionRouter>
        /// Published by the loop itself at the end of each turn.
        let totals = Mutex(RouterTotals())
        let links = Mutex<[LinkView]>([])
        let arriving = Atomic(0)

        init(_ mailbox: Mailbox) { router = LoopBound(mailbox: mailbox) }
    }

    package let count: Int
    package let handshakes: HandshakePool
    let registry = LinkRegistry()
    let sets = LinkedSets()
    private let seats: [Seat]
    /// By producer, then by consumer; `nil` from a loop to itself.
    private let rings: [[CellRing?]]
    private let turn = Atomic(0)
    private let threads = Mutex<[WorkThread]>([])

    /// As many as the machine has processors.
    package static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// `main` is the mailbox of loop 0. Nothing runs before a router is spread over the loops.
    package init(count: Int, main: Mailbox, handshakeThreads: Int) {
        let count = min(max(1, count), Self.countLimit)
        self.count = count
        handshakes = HandshakePool(count: handshakeThreads)
        seats = (0..<count).map { Seat($0 == 0 ? main : Mailbox()) }
        rings = (0..<count).map { from in (0..<count).map { to in from == to ? nil : CellRing() } }
    }

    /// Called by the router of loop 0, on its thread: the others begin.
    func start(_ main: OnionRouter) {
        seats[0].router.bind(main)
        handshakes.start()
        let (policy, settings, servicePoints) = (main.policy, main.settings, main.servicePoints)
        let started = (1..<count).map { index in
            WorkThread("relay loop \(index)") { self.run(index, policy, settings, servicePoints) }
        }
        threads.withLock { $0 = started }
    }

    private func run(_ index: Int, _ policy: RouterPolicy, _ settings: RouterSettings, _ servicePoints: ServicePoints) {
        let seat = seats[index].router
        let loop = EventLoop(mailbox: seat.mailbox)
        let router = OnionRouter(loop: loop, policy: policy, settings: settings, servicePoints: servicePoints, loops: self, index: index)
        seat.bind(router)
        router.onDirectoryStream = { [unowned self] in forward($0) }
        withExtendedLifetime(router) { loop.run() }
    }

    func passages(of router: OnionRouter) -> [Passage?] {
        (0..<count).map { other in
            guard let outgoing = rings[router.index][other], let incoming = rings[other][router.index] else { return nil }
            return Passage(router: router, peer: seats[other].router, to: other, outgoing: outgoing, incoming: incoming)
        }
    }

    // MARK: For loop 0

    /// Whose turn it is to take a connection.
    func nextIndex() -> Int { turn.wrappingAdd(1, ordering: .relaxed).oldValue % count }

    func hand(_ fd: Int32, _ peer: SocketAddress, transport: String?, to index: Int) {
        let seat = seats[index]
        let isTaken = seat.arriving.add(1, ordering: .relaxed).newValue <= Self.arrivingLimit && seat.router.post {
            seat.arriving.subtract(1, ordering: .relaxed)
            $0.take(fd, peer, transport: transport)
        }
        guard !isTaken else { return }
        seat.arriving.subtract(1, ordering: .relaxed)
        Sockets.close(fd)
    }

    func push(_ policy: RouterPolicy) { for seat in seats.dropFirst() { seat.router.post { $0.policy = policy } } }

    /// Loop 0 tells its controllers.
    func tell(_ event: LinkEvent) { _ = seats[0].router.post { $0.onLinkEvent?(event) } }

    /// Closes all links of the other loops.
    func hibernate() { for seat in seats.dropFirst() { seat.router.post { $0.hibernate() } } }

    /// Closes everything on the other loops, and ends their threads and those of the handshakes.
    func closeAll() {
        for seat in seats.dropFirst() {
            seat.router.post {
                $0.closeAll()
                $0.loop.stop()
            }
        }
        for thread in threads.withLock({ threads in
            defer { threads = [] }
            return threads
        }) { thread.join() }
        handshakes.close()
    }

    // MARK: For all loops

    func publish(_ totals: RouterTotals, of index: Int) { seats[index].totals.withLock { $0 = totals } }

    func publish(_ links: [LinkView], of index: Int) { seats[index].links.withLock { $0 = links } }

    var otherLinks: [LinkView] { seats.dropFirst().flatMap { seat in seat.links.withLock { $0 } } }

    /// The sum of what all loops but 0 have published.
    var others: RouterTotals { seats.dropFirst().reduce(RouterTotals()) { sum, seat in sum + seat.totals.withLock { $0 } } }

    /// The stream goes on as a socket whose other end the directory on loop 0 serves.
    private func forward(_ stream: OnionStream) {
        guard let (near, far) = Sockets.pair() else { return stream.end(.resourceLimit) }
        let (isFromRelay, address) = (stream.isFromRelay, stream.peerAddress)
        stream.splice(fd: near, early: [])
        let isTaken = seats[0].router.post { router in
            if let serve = router.onDirectorySocket { serve(far, isFromRelay, address) } else { Sockets.close(far) }
        }
        if !isTaken { Sockets.close(far) }
    }
}

/// What one loop, or all of them together, hold and have done.
package struct RouterTotals: Sendable {
    package var statistics = RouterStatistics()
    package var channels = 0
    package var circuits = 0
    /// Of these, circuits of others that run through us.
    package var relayedCircuits = 0
    package var paddedLinks = 0

    static func + (a: RouterTotals, b: RouterTotals) -> RouterTotals {
        RouterTotals(
            statistics: a.statistics + b.statistics, channels: a.channels + b.channels, circuits: a.circuits + b.circuits,
            relayedCircuits: a.relayedCircuits + b.relayedCircuits, paddedLinks: a.paddedLinks + b.paddedLinks)
    }
}

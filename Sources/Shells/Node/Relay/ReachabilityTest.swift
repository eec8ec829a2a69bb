internal import Ambience
internal import Logging
internal import Loops
internal import Relaying

/// Finds out whether other relays reach one of our addresses: a circuit through two of them that ends here.
///
/// What counts is that a relay has linked to us there, by its own word and by the address that we tell of. That the circuit stands says
/// less: it may have come back over a link that we opened.
final class ReachabilityTest {
    private static let pause = Instant.Span.seconds(20)
    /// Of the tries that fail the operator hears after this.
    private static let patience = Instant.Span.seconds(Int64(20 * 60))

    let address: SocketAddress
    var isAssumed = false
    var onEvent: (RelayEvent) -> Void = { _ in }
    private let router: OnionRouter
    private let log = Logger(label: "relay")
    private let started: Instant
    private var wasReached = false
    private var hasComplained = false
    private var circuit: OriginCircuit?
    private var last: Instant?

    init(router: OnionRouter, address: SocketAddress) {
        self.router = router
        self.address = address
        started = router.loop.now
    }

    var isReached: Bool { wasReached || isAssumed }

    /// Once a second; whether it is reached from now on. Tries again for as long as it is not.
    func look(_ own: HopTarget, _ paths: SelfPaths) -> Bool {
        guard !isReached else { return false }
        guard !router.settings.reached.contains(isIPv4: address.ip.isIPv4) else {
            wasReached = true
            onEvent(.isReachable(address))
            log.notice("Self-testing indicates your ORPort \(address) is reachable from the outside. Excellent.")
            return true
        }
        complain()
        guard circuit == nil, last.map({ router.loop.now - $0 >= Self.pause }) ?? true, let path = paths.freshPath(to: own.at(address)) else { return false }
        if last == nil { tellOfBegin() }
        last = router.loop.now
        run(router.buildCircuit(path))
        return false
    }

    private func tellOfBegin() {
        onEvent(.checksReachability(address))
        log.notice("Now checking whether ORPort \(address) is reachable... (this may take a while; look for messages of success)")
    }

    private func run(_ circuit: OriginCircuit) {
        self.circuit = circuit
        circuit.onEvent = { [weak self, unowned circuit] event in
            self?.circuit = nil
            guard case .built = event else { return }
            circuit.onEvent = nil
            circuit.close()
        }
    }

    private func complain() {
        guard !hasComplained, router.loop.now - started >= Self.patience else { return }
        hasComplained = true
        log.warning(
            "Your server has not managed to confirm that its ORPort \(address) is reachable. Until it is, \(address.ip.isIPv4 ? "no descriptor" : "this address") is published. Please check your firewalls, ports, address, /etc/hosts file, etc.")
    }
}

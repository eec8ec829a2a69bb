internal import Ambience
internal import Directory
internal import DirectoryService
internal import Loops
internal import Relaying
internal import Sealing

/// Finds out whether others reach our ORPort: a circuit through two relays, with ourselves as its last hop.
///
/// Two, because a relay refuses to extend a circuit back to where it comes from.
final class SelfTest {
    static let helperCount = 2
    private static let pause = Instant.Span.seconds(20)

    private let router: OnionRouter
    private let store: DirectoryStore
    private var circuit: OriginCircuit?
    private var last: Instant?
    private var random = SecureRandom()

    init(router: OnionRouter, store: DirectoryStore) {
        self.router = router
        self.store = store
    }

    /// Starts a test unless one is under way or was just made; `done` is called when one succeeds.
    func run(to own: HopTarget, except identity: RSAIdentity, _ done: @escaping () -> Void) {
        guard circuit == nil, last.map({ router.loop.now - $0 >= Self.pause }) ?? true, case let helpers = helpers(except: identity), helpers.count == Self.helperCount
        else { return }
        last = router.loop.now
        let circuit = router.buildCircuit(helpers + [own])
        self.circuit = circuit
        circuit.onEvent = { [weak self] event in
            self?.circuit = nil
            guard case .built = event else { return }
            circuit.onEvent = nil
            circuit.close()
            done()
        }
    }

    /// Any relays whose keys we have.
    func helpers(except identity: RSAIdentity) -> [HopTarget] {
        guard let consensus = store.consensus(.microdesc) else { return [] }
        let usable = consensus.entries.lazy.filter { $0.rsa != identity }.shuffled(using: &random)
        return Array(usable.lazy.compactMap { [store] in HopTarget($0, store) }.prefix(Self.helperCount))
    }
}

extension HopTarget {
    /// A relay as the consensus has it; `nil` without its microdescriptor.
    init?(_ entry: ConsensusEntry, _ store: DirectoryStore) {
        guard let description = entry.microdescriptorDigest.flatMap(store.microdescriptor) else { return nil }
        self.init(rsa: entry.rsa, ed25519: description.ed25519, addresses: [entry.socketAddress], ntorKey: description.ntorKey)
    }
}

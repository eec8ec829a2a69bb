internal import Ambience
internal import Directory
internal import DirectoryService
internal import Loops
internal import Relaying
internal import Sealing

/// Finds out whether others reach our ORPort: a circuit through some relay, with ourselves as its last hop.
final class SelfTest {
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
        guard circuit == nil, last.map({ router.loop.now - $0 >= Self.pause }) ?? true, let helper = helper(except: identity) else { return }
        last = router.loop.now
        let circuit = router.buildCircuit([helper, own])
        self.circuit = circuit
        circuit.onEvent = { [weak self] event in
            self?.circuit = nil
            guard case .built = event else { return }
            circuit.onEvent = nil
            circuit.close()
            done()
        }
    }

    private func helper(except identity: RSAIdentity) -> HopTarget? {
        guard let consensus = store.consensus(.microdesc) else { return nil }
        let candidates = consensus.entries.filter { $0.rsa != identity && $0.microdescriptorDigest.flatMap(store.microdescriptor) != nil }
        guard let entry = candidates.randomElement(using: &random), let micro = entry.microdescriptorDigest.flatMap(store.microdescriptor) else { return nil }
        return HopTarget(rsa: entry.rsa, ed25519: micro.ed25519, addresses: [entry.socketAddress], ntorKey: micro.ntorKey)
    }
}

internal import Ambience
internal import Limits
internal import Onion
internal import Sealing
internal import Synchronization

/// Which loop each conflux set of the relay lives on, and the circuits that are on their way to theirs.
///
/// Asked once per CONFLUX_LINK and told once per set that ends. Sets are bounded by circuits, for each has at least one.
final class LinkedSets: Sendable {
    private struct Way: Hashable {
        let loop: Int
        let id: UInt32
    }

    private struct Tables {
        var homes: [[UInt8]: Int] = [:]
        var travellers: [Way: TravellingCircuit] = [:]
    }

    private let tables = Mutex(Tables())

    /// The loop of the set with this nonce; of one that is new, `loop`.
    func home(of nonce: [UInt8], orElse loop: Int) -> Int {
        tables.withLock { tables in
            if let home = tables.homes[nonce] { return home }
            tables.homes[nonce] = loop
            return loop
        }
    }

    /// The set has ended.
    func forget(_ nonce: [UInt8]) { tables.withLock { $0.homes[nonce] = nil } }

    /// The circuit leaves its loop, by the passage's id; whoever it comes to takes it.
    func send(_ traveller: TravellingCircuit, from loop: Int, _ id: UInt32) { tables.withLock { $0.travellers[Way(loop: loop, id: id)] = traveller } }

    /// No set, and nobody on the way to one.
    var isEmpty: Bool { tables.withLock { $0.homes.isEmpty && $0.travellers.isEmpty } }

    func take(from loop: Int, _ id: UInt32) -> TravellingCircuit? { tables.withLock { $0.travellers.removeValue(forKey: Way(loop: loop, id: id)) } }
}

/// A circuit between two loops: all of it but its previous channel.
// SAFETY: made by the loop that the circuit leaves, which keeps no reference but in `LinkedSets`; opened by the one loop that takes it from there.
final class TravellingCircuit: @unchecked Sendable {
    /// Who is at the other end of the previous channel.
    struct Origin {
        let peer: LinkPeer?
        let address: IPAddress
    }

    struct Layers: ~Copyable {
        var forward: HopCipher
        var backward: HopCipher
    }

    private var layers: Layers?
    let position: Circuit.Position
    let earlyCount: Int
    let streamBucket: TokenBucket
    let origin: Origin
    /// What it asks for.
    let message: ConfluxLinkMessage

    init(
        forward: consuming HopCipher, backward: consuming HopCipher, position: Circuit.Position, earlyCount: Int, streamBucket: TokenBucket, origin: Origin,
        _ message: ConfluxLinkMessage
    ) {
        layers = Layers(forward: forward, backward: backward)
        self.position = position
        self.earlyCount = earlyCount
        self.streamBucket = streamBucket
        self.origin = origin
        self.message = message
    }

    /// Once.
    func unpack() -> Layers? { layers.take() }
}

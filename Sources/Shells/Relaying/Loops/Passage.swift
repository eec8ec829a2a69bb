internal import Loops
internal import Onion

/// The way from this loop to another one and back: to circuits what a channel is, but its cells go through rings instead of TLS.
///
/// A circuit whose previous channel is here and whose next channel is there has a table entry on both sides under one id, chosen
/// by the side of the previous channel: there its `RelayCircuit` (mark `false`: what comes out of the ring comes backward), on the other
/// side a `FarLeg` (mark `true`). Ids are not used again before 2³¹ others were, so what was still in a ring for a circuit that is gone
/// finds nobody. A circuit that moved to the loop of its conflux set is its `RelayCircuit` there (mark `true`) and a `FarLeg` here, at the
/// previous channel (mark `false`).
///
/// Order: until CREATED came back through the ring, the opening side speaks by letters only, afterwards through the ring only; the
/// other side always uses the ring. So a DESTROY comes after the cells before it. A circuit that moves is announced in the ring, and its cells
/// follow there.
final class Passage {
    /// Between loops only: a circuit moves to the other loop; enough, or few, of its cells wait for its channel here.
    static let moved: UInt8 = 0xF0
    static let busy: UInt8 = 0xF1
    static let drained: UInt8 = 0xF2
    /// Cells that may wait for a slot: streams stop long before, but each may have one more thing to say.
    private static let owedLimit = 4096

    // SAFETY: the router owns its passages.
    unowned(unsafe) let router: OnionRouter
    let peer: LoopBound<OnionRouter>
    /// The number of the other loop.
    private let other: Int
    private let outgoing: CellRing
    private let incoming: CellRing
    @exclusivity(unchecked) var circuits = FlatTable<Circuit>()
    /// The half of the ids that is ours to choose from.
    private let half: UInt32
    private var lastID: UInt32 = 0
    @exclusivity(unchecked) private var isDirty = false
    /// What the full ring had no slot for, in order: cells of our own, and control messages, of which there are at most a few for each circuit.
    private var owed: [(id: UInt32, command: UInt8, content: [UInt8])] = []
    /// Circuits that end here and wait until the ring has room for what their streams have.
    private var held: [UInt32] = []
    // SAFETY: allocated once, freed in deinit; filled and copied within one call of the circuit that speaks.
    /// A cell body for `oweSpare`.
    let spare = UnsafeMutablePointer<UInt8>.allocate(capacity: CellLayout.bodyBytes)

    init(router: OnionRouter, peer: LoopBound<OnionRouter>, to other: Int, outgoing: CellRing, incoming: CellRing) {
        self.router = router
        self.peer = peer
        self.other = other
        self.outgoing = outgoing
        self.incoming = incoming
        half = router.index > other ? 1 << 31 : 0
    }

    deinit { spare.deallocate() }

    /// Bytes on their way to the other loop.
    var waitingBytes: Int { outgoing.waitingBytes + owed.count * CellLayout.bodyBytes }

    /// An unused id of our half.
    func freeCircuitID() -> UInt32? {
        for _ in 0..<64 {
            lastID = (lastID + 1) & 0x7FFF_FFFF
            if lastID != 0, !circuits.contains(lastID | half) { return lastID | half }
        }
        return nil
    }

    // MARK: Out

    /// Hands over a cell whose body is 509 bytes at `body`. `false` when the ring is full: the circuit must go. Long before, channels
    /// are not read any more (`OnionRouter.isHeldUp`).
    @inline(__always)
    func appendCell(_ id: UInt32, _ command: UInt8, _ body: UnsafePointer<UInt8>) -> Bool {
        guard let slot = nextSlot(id, command) else { return false }
        slot.update(from: body, count: CellLayout.bodyBytes)
        return true
    }

    /// Room behind everything that was said before; nearly the last makes channels wait.
    @inline(__always)
    private func nextSlot(_ id: UInt32, _ command: UInt8) -> UnsafeMutablePointer<UInt8>? {
        guard isPaidUp, let slot = outgoing.reserveCell(id, command) else { return nil }
        markDirty()
        if !outgoing.isRoomy { router.isHeldUp = true }
        return slot
    }

    /// Whether nothing is owed, which would have to come first.
    @inline(__always)
    private var isPaidUp: Bool {
        if owed.isEmpty { return true }
        payOwed()
        markDirty()
        return owed.isEmpty
    }

    /// Whether circuits that end here may put in what their streams have; if not, `hold` them until they may.
    @inline(__always)
    var hasRoomForOwn: Bool { owed.isEmpty && outgoing.isHalfFree }

    /// Calls the circuit's `channelDrained` once there is room again.
    func hold(_ id: UInt32) {
        held.append(id)
        awaitRoom()
    }

    /// Has us woken when the ring has room, or at once if it has it already.
    private func awaitRoom() { if outgoing.waitForRoom() { router.loop.mailbox.ring() } }

    /// Called when the other loop rang.
    func wakeHeld() {
        guard !held.isEmpty || !owed.isEmpty, outgoing.waitForRoom() else { return }
        payOwed()
        markDirty()
        let ids = held
        held = []
        for id in ids { circuits.find(id)?.value.takeUnretainedValue().channelDrained() }
    }

    /// Room for a relay cell's body that begins here; the caller fills it at once. `nil` when it must use `spare` and `oweSpare`.
    @inline(__always)
    func reserveCell(_ id: UInt32) -> UnsafeMutablePointer<UInt8>? { nextSlot(id, CellCommand.relay) }

    /// The cell in `spare` goes when there is room. `false` at the bound: the circuit must go.
    func oweSpare(_ id: UInt32) -> Bool {
        guard owed.count < Self.owedLimit else { return false }
        owed.append((id, CellCommand.relay, Array(UnsafeBufferPointer(start: spare, count: CellLayout.bodyBytes))))
        markDirty()
        return true
    }

    /// The circuit with this id moves to the other loop: it must look for it in `LinkedSets`. `false` when the ring is full.
    func announce(_ id: UInt32) -> Bool {
        markDirty()
        return put(id, Self.moved, [])
    }

    /// Hands over a control message, zero-padded, now or when there is room.
    func sendControl(_ id: UInt32, _ command: UInt8, _ content: [UInt8]) {
        markDirty()
        if !put(id, command, content) { owed.append((id, command, content)) }
    }

    func sendDestroy(_ id: UInt32, _ reason: DestroyReason) { sendControl(id, CellCommand.destroy, [reason.rawValue]) }

    private func put(_ id: UInt32, _ command: UInt8, _ content: [UInt8]) -> Bool {
        guard isPaidUp, let slot = outgoing.reserveCell(id, command) else { return false }
        fill(slot, content)
        return true
    }

    private func fill(_ slot: UnsafeMutablePointer<UInt8>, _ content: [UInt8]) {
        slot.update(repeating: 0, count: CellLayout.bodyBytes)
        slot.update(from: content, count: min(content.count, CellLayout.bodyBytes))
    }

    private func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        router.dirtyPassages.append(self)
    }

    /// Shows the other loop what this turn brought, and wakes it once. Called at the end of the turn.
    func flush() {
        isDirty = false
        payOwed()
        outgoing.publish()
        peer.mailbox.ring()
        if !owed.isEmpty { awaitRoom() }
    }

    private func payOwed() {
        guard !owed.isEmpty else { return }
        var paid = 0
        while paid < owed.count, let slot = outgoing.reserveCell(owed[paid].id, owed[paid].command) {
            fill(slot, owed[paid].content)
            paid += 1
        }
        owed.removeFirst(paid)
        if !outgoing.isRoomy { router.isHeldUp = true }
    }

    /// Whether channels may be read as far as this passage goes; when not, the other loop wakes us once they may.
    func hasRoom() -> Bool { outgoing.waitForRoom() }

    // MARK: In

    /// Everything that the other loop has shown, cells in their slots.
    func drain() {
        while let (id, command, body) = incoming.take() {
            guard let (circuit, isForward) = circuits.find(id) else {
                if command == Self.moved { router.receiveTraveller(through: self, from: other, id: id) }
                continue
            }
            if command == CellCommand.relay || command == CellCommand.relayEarly {
                circuit._withUnsafeGuaranteedRef { $0.receiveRelay(body, isForward: isForward, isEarly: command == CellCommand.relayEarly) }
            } else {
                control(circuit.takeUnretainedValue(), isForward, command, body)
            }
        }
        if incoming.release() { peer.mailbox.ring() }
    }

    private func control(_ circuit: Circuit, _ isForward: Bool, _ command: UInt8, _ body: UnsafeMutablePointer<UInt8>) {
        switch command {
        case CellCommand.created2: circuit.receiveCreated(command, Array(UnsafeBufferPointer(start: body, count: CellLayout.bodyBytes)))
        case Self.busy: circuit.noteFarChannel(isBusy: true)
        case Self.drained: circuit.noteFarChannel(isBusy: false)
        case CellCommand.destroy: circuit.receiveDestroy(isForward: isForward, reason: DestroyReason(rawValue: body[0]) ?? .none)
        default: break
        }
    }
}

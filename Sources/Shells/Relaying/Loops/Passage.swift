internal import Loops
internal import Onion

/// The way from this loop to another one and back: to circuits what a channel is, but its cells go through rings instead of TLS.
///
/// A circuit whose previous channel is here and whose next channel is there has a table entry on both sides under one id, chosen
/// by the side of the previous channel: there its `RelayCircuit` (mark `false`: what comes out of the ring comes backward), on the other
/// side a `FarLeg` (mark `true`). Ids are not used again before 2³¹ others were, so what was still in a ring for a circuit that is gone
/// finds nobody.
///
/// Order: until CREATED came back through the ring, the opening side speaks by letters only, afterwards through the ring only; the
/// other side always uses the ring. So a DESTROY comes after the cells before it.
final class Passage {
    unowned let router: OnionRouter
    let peer: LoopBound<OnionRouter>
    private let outgoing: CellRing
    private let incoming: CellRing
    @exclusivity(unchecked) var circuits = FlatTable<Circuit>()
    /// The half of the ids that is ours to choose from.
    private let half: UInt32
    private var lastID: UInt32 = 0
    @exclusivity(unchecked) private var isDirty = false
    /// Control messages that the full ring had no slot for: at most two for each circuit.
    private var owed: [(id: UInt32, command: UInt8, content: [UInt8])] = []

    init(router: OnionRouter, peer: LoopBound<OnionRouter>, isUpper: Bool, outgoing: CellRing, incoming: CellRing) {
        self.router = router
        self.peer = peer
        self.outgoing = outgoing
        self.incoming = incoming
        half = isUpper ? 1 << 31 : 0
    }

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
        guard let slot = outgoing.reserveCell(id, command) else { return false }
        slot.update(from: body, count: CellLayout.bodyBytes)
        markDirty()
        if !outgoing.isRoomy { router.isHeldUp = true }
        return true
    }

    /// Hands over a control message, zero-padded, now or when there is room.
    func sendControl(_ id: UInt32, _ command: UInt8, _ content: [UInt8]) {
        markDirty()
        if !owed.isEmpty || !put(id, command, content) { owed.append((id, command, content)) }
    }

    func sendDestroy(_ id: UInt32, _ reason: DestroyReason) { sendControl(id, CellCommand.destroy, [reason.rawValue]) }

    private func put(_ id: UInt32, _ command: UInt8, _ content: [UInt8]) -> Bool {
        guard let slot = outgoing.reserveCell(id, command) else { return false }
        slot.update(repeating: 0, count: CellLayout.bodyBytes)
        slot.update(from: content, count: min(content.count, CellLayout.bodyBytes))
        return true
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
    }

    private func payOwed() {
        while let first = owed.first, put(first.id, first.command, first.content) { owed.removeFirst() }
    }

    /// Whether channels may be read as far as this passage goes; when not, the other loop wakes us once they may.
    func hasRoom() -> Bool {
        guard outgoing.waitForRoom() else { return false }
        if !owed.isEmpty { markDirty() }
        return true
    }

    // MARK: In

    /// Everything that the other loop has shown, cells in their slots.
    func drain() {
        while let (id, command, body) = incoming.take() {
            guard let (circuit, isForward) = circuits.find(id) else { continue }
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
        case CellCommand.destroy: circuit.receiveDestroy(isForward: isForward, reason: DestroyReason(rawValue: body[0]) ?? .none)
        default: break
        }
    }
}

internal import Onion

/// The last step of somebody's circuit whose next channel lives on another loop than its previous one: here, at the next channel, cells
/// only pass. Layers, streams and windows are with the `RelayCircuit` on the other loop.
final class FarLeg: Circuit {
    private let passage: Passage
    private let passageID: UInt32
    private let next: Channel
    private let nextID: UInt32

    init(router: OnionRouter, passage: Passage, id: UInt32, next: Channel, nextID: UInt32) {
        self.passage = passage
        passageID = id
        self.next = next
        self.nextID = nextID
        super.init(router: router)
        passage.circuits.insert(id, self, mark: true)
        next.attach(nextID, self, isForward: false)
        router.adopt(self)
    }

    override func receiveRelay(_ body: UnsafeMutablePointer<UInt8>, isForward: Bool, isEarly: Bool) {
        if isForward {
            if !next.appendCell(nextID, isEarly ? CellCommand.relayEarly : CellCommand.relay, body) { close(.resourceLimit) }
        } else {
            guard !isEarly else { return violated() }
            if !passage.appendCell(passageID, CellCommand.relay, body) { close(.resourceLimit) }
        }
    }

    override func receiveCreated(_ command: UInt8, _ body: [UInt8]) { passage.sendControl(passageID, command, body) }

    override func receiveDestroy(isForward: Bool, reason: DestroyReason) {
        finish(telling: isForward ? nil : .destroyed, tellingNext: isForward ? .destroyed : nil)
    }

    override func channelClosed(isForward: Bool) { receiveDestroy(isForward: isForward, reason: .channelClosed) }

    override func close(_ reason: DestroyReason) { finish(telling: reason, tellingNext: .destroyed) }

    private func finish(telling reason: DestroyReason?, tellingNext nextReason: DestroyReason?) {
        guard !isClosed else { return }
        isClosed = true
        passage.circuits.remove(passageID)
        if let reason { passage.sendDestroy(passageID, reason) }
        next.detach(nextID)
        if let nextReason { next.sendDestroy(nextID, nextReason) }
        router.release(self)
    }
}

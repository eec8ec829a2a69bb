internal import Onion

/// Somebody's circuit whose onion skin is being answered on another thread: it holds the id, and nothing may come over it yet.
final class PendingCircuit: Circuit {
    private let previous: Channel
    private let id: UInt32
    private let kind: SkinKind

    init(router: OnionRouter, previous: Channel, id: UInt32, kind: SkinKind) {
        self.previous = previous
        self.id = id
        self.kind = kind
        super.init(router: router)
        previous.attach(id, self, isForward: true)
        router.adopt(self)
    }

    func decide(_ outcome: HandshakePool.Outcome) {
        guard !isClosed else { return }  // destroyed or without a link meanwhile: nobody wants the answer
        switch outcome {
        case .answered(let answer):
            router.statistics.skinsAnswered[kind] += 1
            leave()
            router.open(answer, on: previous, id: id)
        case .refused: violated()
        case .late: dropped()
        }
    }

    private func dropped() {
        router.statistics.skinsDropped[kind] += 1
        close(.resourceLimit)
    }

    private func leave() {
        isClosed = true
        previous.detach(id)
        router.release(self)
    }

    // A client cannot have keys before our answer, so it has nothing to say yet.
    override func receiveRelay(_ body: UnsafeMutablePointer<UInt8>, isForward: Bool, isEarly: Bool) { violated() }
    override func receiveCreated(_ command: UInt8, _ body: [UInt8]) { violated() }
    override func receiveDestroy(isForward: Bool, reason: DestroyReason) { if !isClosed { leave() } }
    override func channelClosed(isForward: Bool) { if !isClosed { leave() } }

    override func close(_ reason: DestroyReason) {
        guard !isClosed else { return }
        leave()
        previous.sendDestroy(id, reason)
    }
}

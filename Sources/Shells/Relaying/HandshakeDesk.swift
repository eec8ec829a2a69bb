internal import Loops

/// One loop's side of the `HandshakePool`: the onion skins of a turn go to its threads together, and answers come back together, for to
/// wake a thread costs a good part of what a handshake does.
final class HandshakeDesk {
    /// Onion skins that one thread takes, and answers before any of the answers goes out.
    private static let batchLimit = 8

    private let pool: HandshakePool
    private let mailbox: Mailbox
    private lazy var here = LoopBound(self, mailbox: mailbox)
    private var skins: [[UInt8]] = []
    /// Whose those are.
    private var askers: [PendingCircuit] = []
    /// Who waits for an answer, by the number of the batch.
    private var waiting: [Int: ArraySlice<PendingCircuit>] = [:]
    private var lastBatch = 0

    init(_ pool: HandshakePool, mailbox: Mailbox) {
        self.pool = pool
        self.mailbox = mailbox
    }

    /// `body`, a CREATE2, is answered after this turn.
    func take(_ body: [UInt8], for circuit: PendingCircuit) {
        skins.append(body)
        askers.append(circuit)
    }

    /// Before what the turn produced is sent.
    func endTurn(_ policy: RouterPolicy) {
        guard !skins.isEmpty else { return }
        let (skins, askers) = (skins, askers)
        (self.skins, self.askers) = ([], [])
        let size = min(Self.batchLimit, (skins.count + pool.threadCount - 1) / pool.threadCount)
        for start in stride(from: 0, to: skins.count, by: size) {
            let part = start..<min(start + size, skins.count)
            ask(Array(skins[part]), for: askers[part], policy)
        }
    }

    private func ask(_ skins: [[UInt8]], for circuits: ArraySlice<PendingCircuit>, _ policy: RouterPolicy) {
        lastBatch += 1
        let isTaken = pool.answer(skins, policy: policy) { [here, lastBatch] outcomes in here.post { $0.decide(lastBatch, outcomes) } }
        if isTaken { waiting[lastBatch] = circuits } else { for circuit in circuits { circuit.decide(.late) } }
    }

    private func decide(_ batch: Int, _ outcomes: [HandshakePool.Outcome]) {
        guard let circuits = waiting.removeValue(forKey: batch) else { return }
        for (circuit, outcome) in zip(circuits, outcomes) { circuit.decide(outcome) }
    }
}

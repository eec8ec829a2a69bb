package import Sealing

/// What a mote that is on the exchange does with what clients say in AUTHORIZE cells: messages and the TLS exporter in; answers, who is let
/// in, and what must be on disk first, out.
package struct GateCounter<Keys: AccessKeys> {
    package struct Verdict: Equatable, Sendable {
        /// `GateMessages.bytesCount`.
        package let answer: [UInt8]
        /// The slice for which the link is let in.
        package var admitted: Slice?
        /// Write it down before the answer goes out; if that fails, answer what `unwritten` gives instead.
        package var record: SpendRecord?
    }

    private let key: Ed25519Key
    private var owners: Set<[UInt8]>
    private var slices: ClosedRange<Slice>
    private var gate: Gate<Keys>

    /// - Parameters:
    ///   - key: the mote's, on the exchange.
    ///   - owners: public keys that are let in for nothing, as often as they come.
    ///   - admitted: what the mote wrote down before it was last started.
    package init(key: Ed25519Key, offer: MoteOffer, owners: Set<[UInt8]>, keys: Keys, admitted: [SpendRecord] = []) {
        (self.key, self.owners, slices) = (key, owners, offer.slices)
        gate = Gate(mote: key.publicKey, size: offer.size, keys: keys)
        for record in admitted { gate.restore(record) }
    }

    /// What the owner's wallet says now, and the exchange's keys of now.
    package mutating func renew(_ offer: MoteOffer, owners: Set<[UInt8]>, keys: Keys) {
        (self.owners, slices) = (owners, offer.slices)
        gate.renew(size: offer.size, keys: keys)
    }

    /// `nil` for what no client of ours says: the link should be closed.
    ///
    /// - Parameter isFull: nothing more can be written down.
    package mutating func answer(_ message: [UInt8], exporter: [UInt8], at now: Slice, isFull: Bool = false) -> Verdict? {
        guard let question = try? GateQuestion(message) else { return nil }
        switch question {
        case .ask(let asked):
            let slice = asked == .present ? now : asked
            let hasRoom = !isFull && (slice == now || slice == now + 1) && slices.contains(slice) && gate.hasRoom(in: slice)
            return Verdict(answer: GateAnswer.gate(GateStatement(slice, hasRoom: hasRoom, taken: UInt16(clamping: gate.taken(in: now - 1)), exporter: exporter, by: key)).bytes)
        case .token(let slice, let token, let salt, let signature):
            let spend = Spend(token, .spent(slice, salt: salt, session: Signed.session(exporter, token: token.input.nonce), signature: signature))
            guard !isFull else { return receipt(token.input.nonce, slice, .full) }
            return admit(spend, slice, exporter, now)
        case .owner(let slice, let owner, let signature):
            let isOwner = owners.contains(owner) && (slice == now || slice == now + 1)
                && Ed25519.verify(signature, of: Signed.owner(mote: key.publicKey, slice, exporter: exporter), by: owner)
            return receipt(owner, slice, isOwner ? .served : .refused)
        }
    }

    private mutating func admit(_ spend: Spend, _ slice: Slice, _ exporter: [UInt8], _ now: Slice) -> Verdict {
        let subject = spend.token.input.nonce
        do throws(Gate<Keys>.Refusal) {
            guard slices.contains(slice) else { throw .notAdmitted }
            try gate.admit(spend, exporter: exporter, at: now)
            var verdict = receipt(subject, slice, .served)
            verdict.record = SpendRecord(spend)
            return verdict
        } catch { return receipt(subject, slice, error == .full ? .full : .refused) }
    }

    private func receipt(_ subject: [UInt8], _ slice: Slice, _ outcome: GateReceipt.Outcome) -> Verdict {
        Verdict(answer: GateAnswer.receipt(GateReceipt(subject, slice, outcome, by: key)).bytes, admitted: outcome == .served ? slice : nil)
    }

    /// In place of a verdict whose record could not be written down: a token of which there is no evidence earns nothing, so it is refused.
    package func unwritten(_ verdict: Verdict) -> Verdict {
        guard let record = verdict.record else { return verdict }
        return receipt(record.token.input.nonce, record.slice, .refused)
    }
}

internal import Ambience
internal import Exchange

extension History {
    /// What happened since a backup. Everything but orders is public and signed, so the exchange has it from the log; orders come from the
    /// wallets, which repeat them until they are answered, and the log says in which slice each was and in which order.
    enum Event {
        case order(Order, Slice, Reply)
        case listing(Offer, Slice)
        case certificate([UInt8], Slice, Bool)
        case allowance(Slice, MoteClass, Bool)
        case clearing([SwapRequest], beacon: [UInt8], Slice, [Swap])
        case fraud(FraudProof, Slice)
        case retirement(KeyID, Slice)
    }

    /// The disk is lost, and an old backup is all that there is. When what came after it has come again, nothing is other than it was.
    mutating func restore() {
        guard let saved else { return }
        let before = store.snapshot
        restores += 1
        saved.restore()
        for (index, event) in saved.journal.enumerated() {
            do { try redo(event) } catch { complain("could not be done again: \(error)") }
            // Wallets do not know how far others are: some are answered twice.
            if index % 4 == 0, case .order(let order, let slice, let reply)? = saved.journal[...index].randomElement(using: &random), deliver(order, at: slice) != reply {
                complain("an order that came again after a restored backup got another answer")
            }
        }
        if store.snapshot != before { complain("after a restored backup something is other than it was") }
    }

    private mutating func redo(_ event: Event) throws {
        switch event {
        case .order(let order, let slice, let reply):
            if deliver(order, at: slice) != reply { complain("after a restored backup an order got another answer") }
        case .listing(let offer, let slice): _ = try exchange.list(offer, at: slice)
        case .certificate(let mote, let slice, let isUp): try exchange.certify(mote, at: slice, isUp: isUp)
        case .allowance(let start, let size, let isStaked): try store.transaction { try $0.setAllowance(start, size, isStaked: isStaked, 1) }
        case .clearing(let requests, let beacon, let slice, let swaps):
            if try exchange.clear(requests, beacon: beacon, at: slice) != swaps { complain("after a restored backup the clearing came to something else") }
        case .fraud(let proof, let slice): _ = try exchange.slash(proof, at: slice)
        case .retirement(let key, let slice): try exchange.retire(key, at: slice)
        }
    }

    /// Kills an order at its first statement, at its second and so on until it is through. Each time there is no trace of it, or all of it, and
    /// sent again it comes to the same. False if it is refused.
    mutating func killEverywhere(_ order: Order, at slice: Slice, _ backup: () -> () -> Void) -> Bool {
        let undo = backup(), before = store.snapshot
        defer { undo() }
        guard let reply = try? exchange.carryOut(order, at: slice), case .carriedOut = reply else { return false }
        let after = store.snapshot
        guard after != before else { return false }
        for statements in 0... {
            undo()
            store.killAfter = statements
            let first = try? exchange.carryOut(order, at: slice)
            store.killAfter = nil
            let between = store.snapshot
            if between != before && between != after { complain("killed at statement \(statements) of \(order.shape), the ledger is in between") }
            if (try? exchange.carryOut(order, at: slice)) != reply || store.snapshot != after { complain("killed at statement \(statements), \(order.shape) came to something else") }
            if first == reply { return true }
            kills += 1
        }
        return true
    }
}

internal import Sealing

/// An order that was checked: what its one transaction does.
struct OrderPlan {
    let order: Order
    let id: [UInt8]
    let spent: [KeyRole]
    let made: [KeyRole]
    let stopsAtLoad: Bool

    /// What a transaction would refuse; it looks again.
    func check<S: LedgerStatements>(_ statements: inout S, at slice: Slice) throws {
        for spend in order.inputs {
            guard let key = KeyID(spend.token.input.keyID), try !statements.isSpent(key, spend.token.input.nonce) else { throw Refusal.spent }
        }
        if let (key, name) = once, try statements.isSpent(key, name) { throw Refusal.spent }
        try checkEarned(&statements, at: slice)
        _ = try raised(&statements, at: slice)
    }

    func carryOut<S: LedgerStatements>(_ statements: inout S, at slice: Slice) throws -> Outcome {
        let outcome = try draw(&statements)
        try checkEarned(&statements, at: slice)
        try statements.insertRequest(id, order.shape, at: slice, outcome)
        if outcome == .lost, case .trial = order.shape { return outcome }
        try spend(&statements)
        try make(&statements, outcome)
        for (slice, parts) in try raised(&statements, at: slice).sorted(by: { $0.key < $1.key }) { try statements.addLoad(parts, at: slice) }
        for entry in entries(outcome) { try statements.insertEntry(id, entry) }
        return outcome
    }

    /// Orders come in the beacon's order, so whoever is among the first wins (I7).
    private func draw<S: LedgerStatements>(_ statements: inout S) throws -> Outcome {
        guard case .permit(let start, let size, let isStaked) = made.first else { return .done }
        let issued = try statements.count(order.outputs[0].key).issued
        return try issued < statements.allowance(start, size, isStaked: isStaked) ? .done : .lost
    }

    // MARK: tokens

    private func spend<S: LedgerStatements>(_ statements: inout S) throws {
        for spend in order.inputs {
            guard let key = KeyID(spend.token.input.keyID), try statements.insertNullifier(key, spend.token.input.nonce) else { throw Refusal.spent }
            var count = try statements.count(key)
            count.redeemed += 1
            // I2: not even a thief of the key takes out more than was ever put in.
            guard count.redeemed <= count.issued else { throw Refusal.forged }
            try statements.setCount(key, count)
        }
        if let (key, name) = once, try !statements.insertNullifier(key, name) { throw Refusal.spent }
    }

    /// What may be used once although it is no token: a receipt, and a swap's right of a slice.
    private var once: (KeyID, [UInt8])? {
        switch order.detail {
        case .receipt(let receipt, _): (.receipts, receipt)
        case .swap(let swap, _, let slice): (.rights, Digest.sha256(swap + slice.bytes))
        default: nil
        }
    }

    private func make<S: LedgerStatements>(_ statements: inout S, _ outcome: Outcome) throws {
        for batch in batches(outcome) {
            for blinded in batch.blinded {
                guard try statements.insertOutput(batch.key, Digest.sha256(blinded), of: id) else { throw Refusal.spent }
            }
            var count = try statements.count(batch.key)
            count.issued += Int64(batch.blinded.count)
            try statements.setCount(batch.key, count)
        }
    }

    private func batches(_ outcome: Outcome) -> ArraySlice<Batch> {
        guard case .permit = order.shape else { return order.outputs[...] }
        return outcome == .lost ? order.outputs.suffix(1) : order.outputs.prefix(1)
    }

    // MARK: load

    /// What a purchase adds to the loads of the slices that it can be for: none, if all motes are sold as far as they may be.
    private func raised<S: LedgerStatements>(_ statements: inout S, at slice: Slice) throws -> [Slice: Int64] {
        guard stopsAtLoad, case .buy = order.shape, case .day(let day) = order.detail else { return [:] }
        let first = slice + 1, last = slice + LoadGate.ahead
        let shares = try statements.classes(from: first, to: last).filter { $0.key.day == day }
        let count = order.outputs.reduce(0) { $0 + Int64($1.blinded.count) }
        guard let raised = LoadGate.raised(by: count, shares: shares, loads: try statements.loads(from: first, to: last)) else { throw Refusal.soldOut }
        return raised
    }

    // MARK: accounts

    /// What goes in, what comes out, and the fee or the pack between them, one entry for each account that changes. They add up to nothing (I1).
    private func entries(_ outcome: Outcome) -> [Entry] {
        var sums: [Account: Int64] = [:]
        for role in spent { if let account = role.account { sums[account, default: 0] -= role.value } }
        for (batch, role) in zip(order.outputs, made) where batches(outcome).contains(batch) {
            if let account = role.account { sums[account, default: 0] += role.amount(batch.blinded.count) }
        }
        sums[order.shape == .prepay ? .prepaid : .fees, default: 0] -= sums.values.reduce(0, +)
        return sums.filter { $0.value != 0 }.map { Entry($0, $1) }.sorted { $0.account.description < $1.account.description }
    }

    // MARK: what must have been earned

    private func checkEarned<S: LedgerStatements>(_ statements: inout S, at slice: Slice) throws {
        switch order.detail {
        case .mote(let mote):
            for (spend, role) in zip(order.inputs, spent) { try checkServed(&statements, mote, spend, role) }
        case .swap(let id, let bucket, let slice):
            guard let swap = try statements.swap(id), order.shape == .right(swap.size), swap.orderKey == order.orderKey, swap.bucket == bucket,
                (swap.first...swap.last).contains(slice - 2), try statements.isUp(swap.mote, at: slice - 2) == true
            else { throw Refusal.unearned }
        case .signature: try checkOver(&statements, at: slice)
        default: break
        }
    }

    /// A stake comes back when its lot is over; before, only if no mote was listed with it.
    private func checkOver<S: LedgerStatements>(_ statements: inout S, at slice: Slice) throws {
        guard let mote = order.inputs.first?.token.input.nonce, let role = spent.first, case .permit(let start, _, _) = role, !role.accepted.contains(slice) else { return }
        for own in start..<start + MoteClass.slicesPerPermit where try statements.listing(mote, at: own) != nil { throw Refusal.untimely }
    }

    /// The mote was there in that slice, and in that bucket if the token is for one.
    private func checkServed<S: LedgerStatements>(_ statements: inout S, _ mote: [UInt8], _ spend: Spend, _ role: KeyRole) throws {
        guard case .spent(let slice, _, _, _) = spend.evidence, let listing = try statements.listing(mote, at: slice), try statements.isUp(mote, at: slice) == true
        else { throw Refusal.unearned }
        switch role {
        case .access(let day): guard slice.day == day else { throw Refusal.unearned }
        case .barterAccess(let bucket, let day): guard slice.day == day, listing.bucket == bucket else { throw Refusal.unearned }
        default: throw Refusal.unearned
        }
    }
}

extension KeyRole {
    /// A permit's stake is its tokens' worth together; of everything else each token has a worth.
    fileprivate func amount(_ count: Int) -> Int64 { value * Int64(count) }
}

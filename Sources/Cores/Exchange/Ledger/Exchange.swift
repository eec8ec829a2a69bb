internal import Sealing

/// Carries orders out. This is where a token's way leads through (the wallet blinds, the exchange answers, the wallet holds, a mote takes,
/// the mote's owner deposits):
///
/// 1. An order is checked without the database: its shape, its keys and their times, every token and signature. Then, reading only, whether
///    its tokens are spent and what it claims is earned.
/// 2. Its answer is computed, so that nothing is taken for what cannot be answered.
/// 3. One transaction checks again and notes the order, what it spends, what it gets and what that does to the accounts. There is no state between.
/// 4. The answer is a function of the order and the keys alone: an order that comes again gets the same bytes, from no memory.
package struct Exchange<Store: LedgerStore, Desk: TokenDesk> {
    package let store: Store
    package let desk: Desk
    package let rules: MarketRules

    package init(store: Store, desk: Desk, rules: MarketRules = .usual) { (self.store, self.desk, self.rules) = (store, desk, rules) }

    /// Throws only what the store throws; then nothing happened, and the order may come again.
    package func carryOut(_ bytes: [UInt8], at slice: Slice) throws -> Reply {
        guard let order = try? Order(bytes) else { return .refused(.malformed) }
        return try carryOut(order, at: slice)
    }

    /// Nothing is locked, and nothing dear computed, for an order that cannot be carried out.
    package func carryOut(_ order: Order, at slice: Slice) throws -> Reply {
        let id = order.id
        // Before all checks of time: an order that was carried out is answered as long as its keys are known.
        if let outcome = try store.inspect({ try $0.outcome(of: id) }) { return answer(order, outcome) }
        do {
            let plan = try checked(order, id, at: slice)
            try store.inspect { try plan.check(&$0, at: slice) }
            let answers = try answers(order, plan.made)
            return try store.transaction { statements in
                if let outcome = try statements.outcome(of: id) { return answer(order, outcome) }
                let outcome = try plan.carryOut(&statements, at: slice)
                return .carriedOut(order.shape.answered(answers, outcome), isLost: outcome == .lost)
            }
        } catch let refusal as Refusal { return .refused(refusal) }
    }

    // MARK: what needs no database

    private func checked(_ order: Order, _ id: [UInt8], at slice: Slice) throws(Refusal) -> OrderPlan {
        let spent = try roles(of: order)
        try checkTimes(order, spent, at: slice)
        guard let wanted = order.shape.outputs(spent, at: slice, detail: order.detail), matches(order, wanted) else { throw .malformed }
        guard wanted.allSatisfy({ $0.role.issued.contains(slice) || $0.role.isCredit }) else { throw .untimely }
        let core = order.core
        // The cheapest first: whoever floods us with orders pays more for each than the first check that it fails.
        try checkDetail(order, core)
        guard zip(order.inputs, spent).allSatisfy({ desk.isGenuine($0.token, $1) }) else { throw .forged }
        try checkSignatures(order, core)
        return OrderPlan(order: order, id: id, spent: spent, made: wanted.map(\.role), stopsAtLoad: rules.stopsAtLoad)
    }

    /// What cannot be answered is not paid for. Both batches of a permit's are answered, whichever the draw gives.
    private func answers(_ order: Order, _ made: [KeyRole]) throws(Refusal) -> [[UInt8]] {
        let answers = zip(order.outputs, made).compactMap { desk.issue($0, $1) }
        guard answers.count == order.outputs.count else { throw .malformed }
        return answers
    }

    /// Of the inputs, which are as many as the shape takes and different from each other.
    private func roles(of order: Order) throws(Refusal) -> [KeyRole] {
        let count = order.inputs.count
        guard count == order.shape.inputs || order.shape == .deposit && (1..<Shape.bundle).contains(count), Set(order.inputs.map(\.token.input.nonce)).count == count
        else { throw .malformed }
        var roles: [KeyRole] = []
        for spend in order.inputs {
            guard let key = KeyID(spend.token.input.keyID), let role = desk.role(of: key), order.shape.takes(role), role.tokenType == spend.token.input.type
            else { throw .malformed }
            roles.append(role)
        }
        guard Set(roles).count <= 1 || order.shape == .deposit else { throw .malformed }
        return roles
    }

    private func checkTimes(_ order: Order, _ spent: [KeyRole], at slice: Slice) throws(Refusal) {
        for role in spent {
            guard window(order.shape, role)?.contains(slice) == true else { throw .untimely }
            if case .roll = order.shape, case .credit(_, let week) = role, week == slice.week { throw .untimely }
        }
    }

    private func window(_ shape: Shape, _ role: KeyRole) -> Range<Slice>? {
        switch shape {
        case .refund: role.refunded
        // Early, only for a mote that was never listed (`OrderPlan`).
        case .unstake: role.issued.lowerBound..<role.accepted.upperBound
        default: role.accepted
        }
    }

    private func matches(_ order: Order, _ wanted: [(role: KeyRole, count: Int)]) -> Bool {
        guard order.outputs.count == wanted.count else { return false }
        let blinded = order.outputs.flatMap(\.blinded)
        return Set(blinded).count == blinded.count && zip(order.outputs, wanted).allSatisfy { batch, wanted in
            batch.key == desk.key(of: wanted.role) && batch.type == wanted.role.tokenType && batch.blinded.count == wanted.count
        }
    }

    private func checkSignatures(_ order: Order, _ core: [UInt8]) throws(Refusal) {
        guard desk.isSigned(order.signature, Signed.order(core), by: order.orderKey) else { throw .forged }
        for spend in order.inputs {
            switch spend.evidence {
            case .bearer: break
            case .signed(let signature):
                guard desk.isSigned(signature, Signed.refund(core), by: spend.token.input.nonce) else { throw .forged }
            case .spent(let slice, let salt, let session, let signature):
                guard case .mote(let mote) = order.detail, Challenges.access(mote: mote, slice, salt: salt).digest == spend.token.input.challengeDigest,
                    desk.isSigned(signature, Signed.spend(mote: mote, slice, session: session), by: spend.token.input.nonce)
                else { throw .forged }
            }
        }
    }

    private func checkDetail(_ order: Order, _ core: [UInt8]) throws(Refusal) {
        switch order.detail {
        case .signature(let signature):
            guard let mote = order.inputs.first?.token.input.nonce, desk.isSigned(signature, Signed.unstake(core), by: mote) else { throw .forged }
        case .receipt(let id, let signature):
            guard desk.isSigned(signature, Signed.receipt(id), by: desk.cashier) else { throw .forged }
        case .work:
            guard Work.isEnough(core, bits: rules.workBits) else { throw .forged }
        default: break
        }
    }

    // MARK: the answer

    /// A function of the order and the keys.
    private func answer(_ order: Order, _ outcome: Outcome) -> Reply {
        let batches = order.shape.answered(order.outputs, outcome)
        let answers = batches.compactMap { batch in desk.role(of: batch.key).flatMap { desk.issue(batch, $0) } }
        return answers.count == batches.count ? .carriedOut(answers, isLost: outcome == .lost) : .refused(.untimely)
    }
}

extension KeyRole {
    /// Credit comes of the current week always, which `Shape.outputs` sees to.
    fileprivate var isCredit: Bool { if case .credit = self { true } else { false } }
}

extension Shape {
    fileprivate func takes(_ role: KeyRole) -> Bool {
        switch (self, role) {
        case (.buy(let own), .credit(let denomination, _)), (.roll(let own), .credit(let denomination, _)), (.split(let own), .credit(let denomination, _)),
            (.merge(let own), .credit(let denomination, _)):
            own == denomination
        case (.permit(let size), .credit(let denomination, _)): size.stake == denomination
        case (.refund, .access), (.deposit, .access), (.deposit, .barterAccess): true
        case (.unstake(let size), .permit(_, let own, let isStaked)): own == size && isStaked
        case (.barter, .barter): true
        default: false
        }
    }

    /// Which of an order's batches are answered.
    fileprivate func answered<Part>(_ batches: [Part], _ outcome: Outcome) -> [Part] {
        switch self {
        case .permit: outcome == .lost ? Array(batches.suffix(1)) : Array(batches.prefix(1))
        case .trial: outcome == .lost ? [] : batches
        default: batches
        }
    }
}

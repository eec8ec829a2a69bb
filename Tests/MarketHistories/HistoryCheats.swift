internal import Ambience
internal import Exchange

extension History {
    /// Somebody tries what must not work: each attempt is refused, and `deliver` sees that it changes nothing.
    mutating func cheat() {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: replayPast()
        case 1: spendTwice()
        case 2: forge()
        case 3: damage()
        case 4: reuseOutput()
        default: slash()
        }
    }

    /// An order of long ago: the same answer while its keys are known, and no second effect.
    private mutating func replayPast() {
        guard let (order, reply) = past.randomElement(using: &random) else { return }
        let before = store.snapshot
        if deliver(order) != reply { complain("an old order got another answer") }
        if store.snapshot != before { complain("an old order changed something") }
    }

    /// The tokens of an order that was carried out, in a new one.
    private mutating func spendTwice() {
        let spenders = past.filter { !$0.order.inputs.isEmpty }
        guard let (order, _) = spenders.randomElement(using: &random) else { return }
        let again = wallet.signed(
            Order(shape: order.shape, detail: order.detail, inputs: order.inputs, outputs: fresh(order.outputs), orderKey: wallet.bytes(), signature: order.signature))
        if case .carriedOut = deliver(again) { complain("the same tokens were spent twice (\(order.shape))") }
    }

    private mutating func fresh(_ batches: [Batch]) -> [Batch] {
        batches.map { batch in
            Batch(key: batch.key, type: batch.type, blinded: batch.blinded.map { [0x01] + wallet.bytes($0.count - 1) })
        }
    }

    /// Tokens that nobody issued.
    private mutating func forge() {
        let role = KeyRole.credit(.four, week: slice.week)
        let key = desk.key(of: role)!.bytes
        let forged = (0..<3).map { _ in
            Spend(Token(input: TokenInput(type: .voprf, nonce: wallet.bytes(), challengeDigest: Challenges.credit(.four).digest, keyID: key), authenticator: wallet.bytes(64)))
        }
        guard let made = wallet.make(.buy(.four), .day(slice.day), spending: forged, roles: [role], at: slice) else { return }
        if deliver(made.order) != .refused(.forged) { complain("forged credit was not refused as that") }
    }

    /// A bit of a valid order is changed on the way: no signature holds any more.
    private mutating func damage() {
        guard let (order, _) = past.randomElement(using: &random) else { return }
        var bytes = order.bytes
        bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        let before = store.snapshot
        if let reply = try? exchange.carryOut(bytes, at: slice), case .carriedOut = reply { complain("a damaged order was carried out") }
        if store.snapshot != before { complain("a damaged order changed something") }
    }

    /// A blinded message that was answered before, paid for again by mistake.
    private mutating func reuseOutput() {
        guard let old = past.last(where: { if case .prepay = $0.order.shape { true } else { false } })?.order, KeyRole.credit(.sixtyFour, week: slice.week) == desk.role(of: old.outputs[1].key)
        else { return }
        let receipt = wallet.bytes()
        let detail = OrderDetail.receipt(receipt, signature: ToyDesk.sign(Signed.receipt(receipt), desk.cashier))
        let order = wallet.signed(Order(shape: .prepay, detail: detail, inputs: [], outputs: old.outputs, orderKey: wallet.bytes(), signature: old.signature))
        if case .carriedOut = deliver(order) { complain("a blinded message was answered twice") }
    }

    /// A mote that deposited a token of which it said that it had no room loses its stake, once; without that deposit it does not.
    private mutating func slash() {
        guard let index = motes.indices.filter({ motes[$0].isListed }).randomElement(using: &random) else { return }
        let mote = motes[index]
        let deposited = past.filter { $0.order.detail == .mote(mote.key) }.flatMap(\.order.inputs)
        let spend = deposited.randomElement(using: &random) ?? mote.taken.first?.spend
        guard let spend, case .spent(let served, let salt, _, _) = spend.evidence else { return }
        let receipt = ToyDesk.sign(Signed.receipt(of: spend.token.input.nonce, served, isServed: false), mote.key)
        let proof = FraudProof(mote: mote.key, slice: served, token: spend.token, salt: salt, receipt: receipt)
        do {
            guard try exchange.slash(proof, at: slice) == nil else { return }
        } catch { return complain("slashing failed: \(error)") }
        if deposited.isEmpty || mote.isSlashed || mote.isUnstaked { complain("slashed without a reason, or twice") }
        motes[index].isSlashed = true
        saved?.journal.append(.fraud(proof, slice))
    }

    /// The rules of the ledger, and that every unit is where the people's own books say it is.
    mutating func check() {
        guard let rows = try? store.allRows() else { return complain("the store cannot be read") }
        for violation in LedgerAudit(rows, roles: desk.known).violations() { complain(violation) }
        var balances: [Account: Int64] = [:], held: [Account: Int64] = [:]
        for entry in rows.entries.values.joined() { balances[entry.account, default: 0] += entry.delta }
        if balances[.prepaid, default: 0] != -paid { complain("paid in were \(paid), booked are \(-balances[.prepaid, default: 0])") }
        for (role, tokens) in wallet.tokens { if let account = role.account { held[account, default: 0] += role.value * Int64(tokens.count) } }
        Holdings.add(wallet.accesses, motes, to: &held)
        for mote in motes where !mote.isUnstaked && !mote.isSlashed && !isRetired(mote.permitRole, rows) { held[.stake, default: 0] += mote.permitRole.value }
        for account in Set(balances.keys).union(held.keys) where ![.prepaid, .fees, .burned].contains(account) && balances[account, default: 0] != held[account, default: 0] {
            complain("\(account) has \(balances[account, default: 0]), people hold \(held[account, default: 0])")
        }
    }

    private func isRetired(_ role: KeyRole, _ rows: LedgerRows) -> Bool { desk.key(of: role).map { rows.retired.contains($0) } ?? false }
}

/// What people have in tokens of access: thousands of few keys, mostly one after another.
private enum Holdings {
    static func add(_ accesses: [ToyWallet.Access], _ motes: [ToyMote], to held: inout [Account: Int64]) {
        var run = Run()
        for access in accesses { run.add(access.role, to: &held) }
        for mote in motes { for taken in mote.taken { run.add(taken.role, to: &held) } }
        run.close(&held)
    }

    private struct Run {
        var last: KeyRole?
        var count: Int64 = 0

        mutating func add(_ role: KeyRole, to held: inout [Account: Int64]) {
            if role != last {
                close(&held)
                last = role
            }
            count += 1
        }

        mutating func close(_ held: inout [Account: Int64]) {
            if let last, let account = last.account { held[account, default: 0] += last.value * count }
            count = 0
        }
    }
}

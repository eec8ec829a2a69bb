import Ambience
import Exchange
import MarketHistories
import Sealing
import Testing

@Suite("Attacks on the ledger")
struct LedgerAttackTests {
    private func answers(_ reply: Reply) throws -> [[UInt8]] {
        guard case .carriedOut(let answers, _) = reply else { throw OrderError.malformed }
        return answers
    }

    // MARK: flooding

    /// What a wallet without any token can make up: right in every form, with nothing behind it.
    private func floods(_ world: ExchangeWorld) throws -> [Order] {
        let day = world.slice.day, start = world.slice + 2, over = Slice.first(ofDay: day - 2), right = KeyRole.barter(bucket: 0, world.slice + 1)
        let old = KeyRole.credit(.four, week: world.slice.week - 1), permit = KeyRole.permit(over, .small, isStaked: true), late = KeyRole.access(day: day - 2)
        for role in [old, right, .barter(bucket: 0, world.slice + 2)] { world.issuer.open(role) }
        let signed: [KeyRole] = [late, permit, .permit(start, .small, isStaked: true), .permit(start, .small, isStaked: false), .barterAccess(bucket: 0, day: day)]
        for (index, role) in signed.enumerated() { world.issuer.open(role, ExchangeWorld.rsa[index]) }
        let four = KeyRole.credit(.four, week: world.slice.week), mote = SecureRandom.bytes(32)
        return try [
            fake(.buy(.four), .day(day), four, world), fake(.roll(.four), .none, old, world), fake(.split(.four), .none, four, world), fake(.merge(.four), .none, four, world),
            fake(.permit(.small), .start(start), four, world), fake(.unstake(.small), .signature([UInt8](repeating: 1, count: 64)), permit, world),
            fake(.refund, .none, late, world), fake(.deposit, .mote(mote), .access(day: day), world), fake(.barter, .none, right, world),
            fake(.prepay, .receipt(mote, signature: [UInt8](repeating: 1, count: 64)), nil, world), fake(.trial(.small), .work(start, nonce: Array(mote.prefix(8))), nil, world),
            fake(.right(.small), .swap(mote, bucket: 0, world.slice + 2), nil, world),
        ]
    }

    private func fake(_ shape: Shape, _ detail: OrderDetail, _ role: KeyRole?, _ world: ExchangeWorld) throws -> Order {
        let counter = UInt64.random(in: 0..<1 << 40), count = shape.inputs
        let (plain, _) = try world.make(shape, detail, roles: role.map { [KeyRole](repeating: $0, count: count) } ?? [], from: counter)
        let inputs = try role.map { role in
            try (0..<count).map { _ in
                let key = try #require(world.issuer.key(of: role))
                let input = TokenInput(type: role.tokenType, nonce: SecureRandom.bytes(32), challengeDigest: SecureRandom.bytes(32), keyID: key.bytes)
                return Spend(Token(input: input, authenticator: SecureRandom.bytes(role.tokenType.authenticatorBytes)), evidence(shape, world.slice))
            }
        }
        return world.sign(Order(shape: shape, detail: detail, inputs: inputs ?? [], outputs: plain.outputs, orderKey: [], signature: []), counter)
    }

    private func evidence(_ shape: Shape, _ slice: Slice) -> Spend.Evidence {
        switch shape {
        case .refund: .signed(SecureRandom.bytes(64))
        case .deposit: .spent(slice, salt: SecureRandom.bytes(32), session: SecureRandom.bytes(32), signature: SecureRandom.bytes(64))
        default: .bearer
        }
    }

    @Test("a flood of orders with nothing behind them costs one check each, opens no transaction and is answered by nothing dear")
    func flood() throws {
        let world = ExchangeWorld(), desk = CountingDesk(world.issuer)
        var rules = world.exchange.rules
        // So much that no nonce has it by chance.
        rules.workBits = 64
        let exchange = Exchange(store: world.store, desk: desk, rules: rules), before = world.store.transactions
        for _ in 0..<10 {
            for order in try floods(world) {
                desk.reset()
                let reply = try exchange.carryOut(order.bytes, at: world.slice)
                // What needs no token is turned away for what it claims.
                #expect(reply == (order.shape == .right(.small) ? .refused(.unearned) : .refused(.forged)), "\(order.shape)")
                #expect(desk.genuine + desk.signatures <= 1 && desk.issued == 0, "\(order.shape)")
            }
        }
        #expect(world.store.transactions == before)
    }

    @Test("tokens that were spent buy nobody any work of the exchange's, however often they are shown")
    func spentFlood() throws {
        let world = ExchangeWorld(), desk = CountingDesk(world.issuer), (pack, pending) = try world.pack(from: 1)
        let exchange = Exchange(store: world.store, desk: desk, rules: world.exchange.rules), role = KeyRole.credit(.sixtyFour, week: world.slice.week)
        let tokens = try world.finish(pending[1], answers(exchange.carryOut(pack, at: world.slice))[1], role), roles = [role, role, role]
        _ = try answers(exchange.carryOut(world.make(.buy(.sixtyFour), .day(world.slice.day), spending: tokens, roles: roles, from: 1000).0, at: world.slice))
        let (issued, transactions) = (desk.issued, world.store.transactions)
        for counter in UInt64(2)..<8 {
            let (again, _) = try world.make(.buy(.sixtyFour), .day(world.slice.day), spending: tokens, roles: roles, from: 1000 * counter)
            #expect(try exchange.carryOut(again, at: world.slice) == .refused(.spent))
        }
        #expect(desk.issued == issued && world.store.transactions == transactions)
    }

    // MARK: the network

    @Test("orders that come one to five times, in any order and with their answers lost, have one effect and identical answers", arguments: 0..<3 as Range<UInt64>)
    func repeated(seed: UInt64) throws {
        let world = ExchangeWorld(), week = world.slice.week, other = MemoryStore()
        var orders: [Order] = [], replies: [[UInt8]: Reply] = [:], random = SeededRandom(seed: seed)
        for counter in stride(from: UInt64(0), to: 6000, by: 1000) {
            let (pack, pending) = try world.pack(from: counter), reply = try world.exchange.carryOut(pack, at: world.slice)
            let large = try world.finish(pending[1], answers(reply)[1], .credit(.sixtyFour, week: week))[0]
            let (split, _) = try world.make(.split(.sixtyFour), .none, spending: [large], roles: [.credit(.sixtyFour, week: week)], from: counter + 100)
            (replies[pack.id], replies[split.id]) = (reply, try world.exchange.carryOut(split, at: world.slice))
            orders += [pack, split]
        }
        let exchange = Exchange(store: other, desk: world.issuer, rules: world.exchange.rules)
        var messages = orders.flatMap { [Order](repeating: $0, count: Int.random(in: 1...5, using: &random)) }.shuffled(using: &random)
        var turns = 0
        while !messages.isEmpty, turns < 10_000 {
            turns += 1
            let order = messages.removeFirst(), reply = try exchange.carryOut(order.bytes, at: world.slice)
            // One whose tokens were not given out yet is sent again, as wallets do.
            if case .refused = reply { messages.append(order) } else { #expect(reply == replies[order.id]) }
        }
        #expect(messages.isEmpty && other.snapshot == world.store.snapshot)
    }

    // MARK: insiders

    @Test("whatever an insider adds to the ledger or takes out of it, an auditor who counts again finds it")
    func printed() throws {
        let world = ExchangeWorld()
        _ = try answers(world.exchange.carryOut(world.pack(from: 1).order, at: world.slice))
        let credit = try #require(world.issuer.key(of: .credit(.sixtyFour, week: world.slice.week))), account = Account.credit(week: world.slice.week), id = SecureRandom.bytes(32)
        let right = try #require(world.issuer.open(.barter(bucket: 1, world.slice + 2)))
        let permit = try #require(world.issuer.open(.permit(world.slice + 1, .small, isStaked: false), ExchangeWorld.rsa[2]))
        let makes3: (inout LedgerRows) -> Void = {
            $0.outputs[credit, default: 0] += 3
            $0.counts[credit]?.issued += 3
        }
        let edits: [(String, (inout LedgerRows) -> Void)] = [
            ("I3", { $0.outputs[credit, default: 0] += 3 }),
            ("I4/I5", { makes3(&$0) }),
            ("I1", { makes3(&$0); $0.entries[id] = [Entry(account, 192)] }),
            ("I1", { makes3(&$0); $0.entries[id] = [Entry(.prepaid, -192), Entry(account, 192)] }),
            ("I2", { $0.counts[credit]?.redeemed = 4; $0.nullifiers[credit] = 4 }),
            ("I3", { $0.nullifiers[credit, default: 0] += 1 }),
            ("I6", { $0.counts[right] = KeyCount(issued: 1); $0.outputs[right] = 1 }),
            ("I7", { $0.counts[permit] = KeyCount(issued: 1); $0.outputs[permit] = 1 }),
        ]
        let roles = Dictionary(uniqueKeysWithValues: (world.store.rows.counts.keys + [right, permit]).map { ($0, world.issuer.role(of: $0)!) })
        #expect(LedgerAudit(world.store.rows, roles: roles).violations().isEmpty)
        for (rule, edit) in edits {
            var rows = world.store.rows
            edit(&rows)
            #expect(LedgerAudit(rows, roles: roles).violations().contains { $0.hasPrefix(rule) }, "\(rule)")
        }
    }

    @Test("with the keys alone nobody gets more out than was ever put in")
    func overdrawn() throws {
        let world = ExchangeWorld(), role = KeyRole.credit(.sixtyFour, week: world.slice.week)
        // Signed past the ledger: six genuine tokens, of which it knows nothing.
        let (unsent, pending) = try world.make(.roll(.sixtyFour), .none, from: 500)
        let forged = try world.finish(pending[0], try #require(world.issuer.issue(unsent.outputs[0], role)), role)
        let split = try world.make(.split(.sixtyFour), .none, spending: [forged[0]], roles: [role], from: 600).0, before = world.store.snapshot
        #expect(try world.exchange.carryOut(split, at: world.slice) == .refused(.forged))
        #expect(world.store.snapshot == before)
        // Among three honest ones, three of the six in all are taken.
        let (pack, own) = try world.pack(from: 1)
        let honest = try world.finish(own[1], answers(world.exchange.carryOut(pack, at: world.slice))[1], role)
        let taken = try (forged + honest).enumerated().filter { index, token in
            let order = try world.make(.split(.sixtyFour), .none, spending: [token], roles: [role], from: 700 + 10 * UInt64(index)).0
            if case .carriedOut = try world.exchange.carryOut(order, at: world.slice) { return true } else { return false }
        }
        #expect(taken.count == 3 && world.violations.isEmpty)
    }

    @Test("after a restored backup a cheat may spend once more what it spent since, but all together get no more out than was put in")
    func restoredBackup() throws {
        let world = ExchangeWorld(), role = KeyRole.credit(.sixtyFour, week: world.slice.week), small = KeyRole.credit(.sixteen, week: world.slice.week), (pack, pending) = try world.pack(from: 1)
        let tokens = try world.finish(pending[1], answers(world.exchange.carryOut(pack, at: world.slice))[1], role), restore = world.store.backup()
        let (first, firstPending) = try world.make(.split(.sixtyFour), .none, spending: [tokens[0]], roles: [role], from: 100)
        let old = try world.finish(firstPending[0], answers(world.exchange.carryOut(first, at: world.slice))[0], small)
        restore()
        let (second, secondPending) = try world.make(.split(.sixtyFour), .none, spending: [tokens[0]], roles: [role], from: 200)
        let new = try world.finish(secondPending[0], answers(world.exchange.carryOut(second, at: world.slice))[0], small)
        #expect(try world.exchange.carryOut(first, at: world.slice) == .refused(.spent))
        let taken = try (old + new).enumerated().filter { index, token in
            let order = try world.make(.split(.sixteen), .none, spending: [token], roles: [small], from: 300 + 10 * UInt64(index)).0
            if case .carriedOut = try world.exchange.carryOut(order, at: world.slice) { return true } else { return false }
        }
        #expect(taken.count == 4 && world.violations.isEmpty)
    }

    // MARK: motes

    private func refund(_ bought: [(token: Token, counter: UInt64)], _ world: ExchangeWorld, from counter: UInt64) throws -> Order {
        let role = KeyRole.access(day: world.slice.day)
        let (plain, _) = try world.make(.refund, .none, roles: bought.map { _ in role }, from: counter)
        let order = { (signature: (UInt64, [UInt8]) -> [UInt8], core: [UInt8]) in
            Order(
                shape: .refund, detail: .none, inputs: bought.map { Spend($0.token, .signed(signature($0.counter, core))) }, outputs: plain.outputs,
                orderKey: world.seed.orderKey(counter).publicKey, signature: [])
        }
        let key = try #require(world.issuer.key(of: role)), core = order({ _, _ in [] }, []).core
        return world.sign(order({ world.seed.signer(key, $0).sign(Signed.refund($1)) }, core), counter)
    }

    private func deposit(_ bought: [(token: Token, counter: UInt64)], _ mote: [UInt8], _ served: Slice, _ world: ExchangeWorld, from counter: UInt64) throws -> Order {
        let role = KeyRole.access(day: served.day)
        let (plain, _) = try world.make(.deposit, .mote(mote), roles: bought.map { _ in role }, from: counter)
        let spends = try bought.map { try world.spend($0.token, $0.counter, mote: mote, served, exporter: [UInt8](repeating: 7, count: 32)) }
        return world.sign(Order(shape: .deposit, detail: .mote(mote), inputs: spends, outputs: plain.outputs, orderKey: [], signature: []), counter)
    }

    @Test("a mote that never worked, or died, is paid for no slice in which it was not seen, and its buyers get all but a sixteenth back, once")
    func deadMote() throws {
        let world = ExchangeWorld(), mote = Ed25519Key().publicKey, served = world.slice + 1, day = world.slice.day
        let early = try world.access(mote: mote, at: served), late = try world.access(mote: mote, at: served + 1, from: 10_000)
        let listing = Listing(mote: mote, size: .small, bucket: 0, first: served, last: served + 3, permit: KeyID(mote)!, isStaked: false)
        #expect(try world.store.transaction { try $0.insertListing(listing) })
        try world.exchange.certify(mote, at: served + 1, isUp: false)
        let claims = try [deposit(early, mote, served, world, from: 20_000), deposit(late, mote, served + 1, world, from: 21_000)]
        for claim in claims { #expect(try world.exchange.carryOut(claim, at: served + 1) == .refused(.unearned)) }
        let back = try refund(Array(early + late.prefix(4)), world, from: 30_000), due = Slice.first(ofDay: day + 2)
        #expect(try world.exchange.carryOut(back, at: due - 1) == .refused(.untimely))
        let reply = try world.exchange.carryOut(back, at: due)
        #expect(try answers(reply).count == 2)
        #expect(try world.exchange.carryOut(back, at: due + 5) == reply)
        for claim in claims { #expect(try world.exchange.carryOut(claim, at: due) == .refused(.untimely)) }
        #expect(try world.exchange.carryOut(refund(Array(early + late.suffix(4)), world, from: 31_000), at: due) == .refused(.spent))
        #expect(world.store.rows.entries[back.id].map(Set.init) == [Entry(.escrow(day: day), -16), Entry(.credit(week: due.week), 15), Entry(.fees, 1)])
        #expect(world.violations.isEmpty)
    }

    /// Seconds of a slice after which the mote is dead, and in which part of all slices two of three witnesses saw it before.
    @Test("a mote that dies early in a slice is not paid for it, and one that dies late is; its buyers are refunded for the one and not for the other", arguments: [90, 450, 810])
    func diesWithin(death: Int64) throws {
        let world = ExchangeWorld(), mote = Ed25519Key().publicKey, served = world.slice + 1, day = world.slice.day, secrets = (0..<3).map { _ in SecretBytes.random(32) }
        func isUp(at slice: Slice) -> Bool { secrets.count { ProbePlan.second(of: mote, at: slice, secret: $0) < death } >= 2 }
        let seen = Double(death - ProbePlan.seconds.lowerBound) / Double(ProbePlan.seconds.count), part = min(1, max(0, seen)), table = part * part * (3 - 2 * part)
        let measured = Double((0..<2000).count { isUp(at: served + Int64($0)) }) / 2000
        print("dead after \(death) s: certified up in \(measured) of slices, by calculation \(table)")
        #expect(abs(measured - table) < 0.08)
        // Each of the two that a slice may come to, whichever of them is likelier here.
        for (number, slice) in [(0..<2000).first { isUp(at: served + Int64($0)) }, (0..<2000).first { !isUp(at: served + Int64($0)) }].enumerated() where slice != nil {
            let base = 100_000 * UInt64(number), at = number == 0 ? served : served + 1
            let bought = try world.access(mote: mote, at: at, from: base), more = try world.access(mote: mote, at: served + 2, from: base + 10_000)
            if number == 0 {
                let listing = Listing(mote: mote, size: .small, bucket: 0, first: served, last: served + 3, permit: KeyID(mote)!, isStaked: false)
                #expect(try world.store.transaction { try $0.insertListing(listing) })
            }
            // Said again, and otherwise, it stays as it was.
            for word in [number == 0, number == 0, number != 0] { try world.exchange.certify(mote, at: at, isUp: word) }
            let claim = try deposit(bought, mote, at, world, from: base + 20_000), reply = try world.exchange.carryOut(claim, at: at + 1)
            if number == 0 { #expect(try answers(reply).count == 1) } else { #expect(reply == .refused(.unearned)) }
            #expect(try world.exchange.carryOut(claim, at: at + 1) == reply)
            let due = Slice.first(ofDay: day + 2), back = try world.exchange.carryOut(refund(bought + more.prefix(4), world, from: base + 30_000), at: due)
            if number == 0 { #expect(back == .refused(.spent)) } else { #expect(try answers(back).count == 2) }
        }
        #expect(world.violations.isEmpty)
    }

    @Test("nothing of a permit's order or answer is in the offer that it is used for later")
    func stakeAndOwner() throws {
        let world = ExchangeWorld(), start = world.slice + 2, role = KeyRole.permit(start, .small, isStaked: true)
        let key = try #require(world.issuer.open(role, ExchangeWorld.rsa[2]))
        let (order, pending) = try world.make(.permit(.small), .start(start), from: 40)
        let answer = try #require(world.issuer.issue(order.outputs[0], role)), permit = try world.finish(pending[0], answer, role)[0]
        let offer = Offer(
            permit: permit, size: .small, bucket: 0, first: start, last: start + 3, group: 0, address: [1, 2, 3], keyRoot: SecureRandom.bytes(32),
            signature: world.seed.signer(key, 40).sign([1]))
        let known = windows(order.bytes + answer)
        // The key's name and the challenge say class and start: those are all that a join can be over.
        let common = windows(offer.bytes).intersection(known), told = windows(key.bytes)
        #expect(common.isSubset(of: told) && known.isSuperset(of: told))
    }

    /// All runs of sixteen bytes: slices are shorter, and both may say them.
    private func windows(_ bytes: [UInt8]) -> Set<[UInt8]> { Set((0...bytes.count - 16).map { Array(bytes[$0..<$0 + 16]) }) }
}

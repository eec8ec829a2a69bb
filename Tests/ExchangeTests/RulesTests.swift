import Ambience
import Exchange
import MarketHistories
import Sealing
import Testing

@Suite("What the exchange's rules hold back")
struct RulesTests {
    private let desk = ToyDesk()
    private let store = MemoryStore()
    private let slice = Slice(20_000 * Slice.perDay + 200)
    private var exchange: Exchange<MemoryStore, ToyDesk> { Exchange(store: store, desk: desk) }

    private func bytes(_ number: Int) -> [UInt8] { Digest.sha256("\(number)".utf8) }

    // MARK: hold-over

    /// One that could be read, and no more: whether it waits does not depend on what it is worth.
    private func order(_ shape: Shape, _ detail: OrderDetail, of role: KeyRole?, _ number: Int = 0) -> [UInt8] {
        let inputs = role.map { role in
            (0..<shape.inputs).map { index in
                let input = TokenInput(type: role.tokenType, nonce: bytes(100 * number + index), challengeDigest: bytes(1), keyID: desk.key(of: role)!.bytes)
                let evidence: Spend.Evidence = shape == .refund ? .signed([UInt8](repeating: 0, count: 64)) : .bearer
                return Spend(Token(input: input, authenticator: [UInt8](repeating: 0, count: role.tokenType.authenticatorBytes)), evidence)
            }
        }
        return Order(shape: shape, detail: detail, inputs: inputs ?? [], outputs: [], orderKey: bytes(2), signature: [UInt8](repeating: 0, count: 64)).bytes
    }

    private func setCount(_ role: KeyRole, issued: Int64, redeemed: Int64) throws {
        try store.transaction { try $0.setCount(desk.key(of: role)!, KeyCount(issued: issued, redeemed: redeemed)) }
    }

    private func verdict(_ order: [UInt8], since: Slice) throws -> HoldOver.Verdict { try exchange.holdOver([(order, since)], at: slice).verdicts[0] }

    @Test("an order with fewer than fifty sets to hide among waits eight slices, and then is given back")
    func heldOver() throws {
        let role = KeyRole.credit(.four, week: slice.week), buy = order(.buy(.four), .day(slice.day), of: role)
        try setCount(role, issued: 1000, redeemed: 801)
        #expect(try verdict(buy, since: slice) == .wait)
        #expect(try verdict(buy, since: slice - 7) == .wait)
        #expect(try verdict(buy, since: slice - 8) == .giveBack)
        try setCount(role, issued: 1000, redeemed: 800)
        #expect(try verdict(buy, since: slice) == .carryOut)
        let other = order(.roll(.four), .none, of: .credit(.four, week: slice.week - 1))
        let (verdicts, hidden) = try exchange.holdOver([(buy, slice), (other, slice), (order(.buy(.four), .day(slice.day), of: role, 1), slice)], at: slice)
        #expect(verdicts == [.carryOut, .wait, .carryOut])
        #expect(hidden.first { $0.pool.shape == .buy(.four) }.map { $0.orders == 2 && $0.set == 50 && !$0.isHeld } == true)
        #expect(hidden.first { $0.pool.shape == .roll(.four) }.map { $0.orders == 1 && $0.set == 0 && $0.isHeld } == true)
        #expect(Reply(Reply.refused(.tooFew).bytes) == .refused(.tooFew))
    }

    @Test("at the end of a key's life, when few have credit of it left, spending it is held")
    func keyEdge() throws {
        let role = KeyRole.credit(.sixteen, week: slice.week - 2), last = role.accepted.upperBound - 1
        let buy = order(.buy(.sixteen), .day(last.day), of: role)
        for left in stride(from: Int64(600), through: 0, by: -30) {
            try setCount(role, issued: 3000, redeemed: 3000 - left)
            #expect(try exchange.holdOver([(buy, last)], at: last).verdicts == [left >= 200 ? .carryOut : .wait])
        }
    }

    @Test("what comes back of a day's access tokens hides among all that were bought for it, so the last of them are not held for ever")
    func refundsNotStranded() throws {
        let role = KeyRole.access(day: slice.day - 2), refund = order(.refund, .none, of: role)
        try setCount(role, issued: 799, redeemed: 0)
        #expect(try verdict(refund, since: slice) == .wait)
        try setCount(role, issued: 800, redeemed: 784)
        #expect(try verdict(refund, since: slice) == .carryOut)
    }

    @Test("what hides nobody, was carried out before or is no order does not wait")
    func notHeld() throws {
        let pack = order(.prepay, .receipt(bytes(3), signature: [UInt8](repeating: 0, count: 64)), of: nil)
        let right = order(.barter, .none, of: .barter(bucket: 0, slice + 1))
        let buy = order(.buy(.four), .day(slice.day), of: .credit(.four, week: slice.week))
        for body in [pack, right, [1, 2, 3], []] { #expect(try verdict(body, since: slice) == .carryOut) }
        #expect(try verdict(buy, since: slice) == .wait)
        try store.transaction { try $0.insertRequest(Digest.sha256(buy), .buy(.four), at: slice, .done) }
        #expect(try verdict(buy, since: slice) == .carryOut)
    }

    // MARK: the cap on groups

    private func offer(_ number: Int, _ size: MoteClass, bucket: UInt8, group: UInt8? = nil) -> Offer {
        let role = KeyRole.permit(slice, size, isStaked: true), mote = bytes(number)
        let input = TokenInput(type: .blindRSA, nonce: mote, challengeDigest: Challenges.permit(from: slice).digest, keyID: desk.key(of: role)!.bytes)
        let permit = ToyDesk.tokens([input], desk.issue(Batch(key: desk.key(of: role)!, type: .blindRSA, blinded: [ToyDesk.blinded(input)]), role)!)[0]
        let offer = { (signature: [UInt8]) in
            Offer(
                permit: permit, size: size, bucket: bucket, first: slice, last: slice + 3, group: group ?? bucket, address: [], keyRoot: [UInt8](repeating: 0, count: 32),
                signature: signature)
        }
        return offer(ToyDesk.sign(offer([]).signed, mote))
    }

    @Test("no provider group ever has more than a third of a slice's shares, but for its first three motes", arguments: 0..<6 as Range<UInt64>)
    func groupCap(seed: UInt64) throws {
        var random = SeededRandom(seed: seed), refused = 0
        for number in 0..<250 {
            // One group comes twice as often as the others together.
            let bucket = Bool.random(using: &random) ? UInt8.random(in: 1..<6, using: &random) : 0
            let size = MoteClass.allCases.randomElement(using: &random)!
            let refusal = try exchange.list(offer(number, size, bucket: bucket), at: slice)
            #expect(refusal == nil || refusal == .crowded)
            if refusal != nil { refused += 1 }
            let shares = try store.inspect { try $0.shares(at: slice + 1) }, all = shares.values.reduce(0, +)
            for own in shares.values { #expect(own <= max(all / 3, 3 * MoteClass.large.shares)) }
        }
        #expect(refused > 0 && store.rows.listings.count > 60)
        #expect(try store.inspect { try $0.shares(at: slice + 4) }.isEmpty)
    }

    @Test("a group alone lists three motes; a wrong group, or a bucket that there is not, is no offer")
    func floor() throws {
        for number in 0..<3 { #expect(try exchange.list(offer(number, .small, bucket: 4), at: slice) == nil) }
        #expect(try exchange.list(offer(3, .small, bucket: 4), at: slice) == .crowded)
        #expect(store.rows.listings.count == 3)
        #expect(try exchange.list(offer(4, .small, bucket: 5, group: 4), at: slice) == .malformed)
        #expect(try exchange.list(offer(5, .small, bucket: 32), at: slice) == .malformed)
        let offer = offer(6, .small, bucket: 9)
        #expect(try Offer(offer.bytes) == offer)
        for end in stride(from: 0, to: offer.bytes.count, by: 7) { #expect(throws: OrderError.malformed) { try Offer(Array(offer.bytes[..<end])) } }
    }

    @Test("the stake of a mote that could not be listed comes back at once, and then lists nothing; that of a listed one waits")
    func unstakeAtOnce() throws {
        for number in 0..<3 { _ = try exchange.list(offer(number, .small, bucket: 4), at: slice) }
        let role = KeyRole.permit(slice, .small, isStaked: true)
        try store.transaction { statements in
            try statements.setCount(desk.key(of: role)!, KeyCount(issued: 4, redeemed: 0))
            for _ in 0..<4 { try statements.insertEntry([1], Entry(.stake, role.value)) }
        }
        for (number, isEarly) in [(0, false), (3, true)] {
            let order = unstake(offer(number, .small, bucket: 4).permit)
            let reply = try exchange.carryOut(order, at: slice)
            if case .carriedOut = reply { #expect(isEarly) } else { #expect(!isEarly && reply == .refused(.untimely)) }
        }
        #expect(try exchange.list(offer(3, .small, bucket: 5), at: slice) == .spent)
        // When the lot is over and its tokens' time too, the others follow.
        guard case .carriedOut = try exchange.carryOut(unstake(offer(0, .small, bucket: 4).permit, week: role.accepted.lowerBound.week), at: role.accepted.lowerBound) else {
            throw OrderError.malformed
        }
    }

    private func unstake(_ permit: Token, week: Int64? = nil) -> Order {
        let credit = KeyRole.credit(.four, week: week ?? slice.week)
        let outputs = [Batch(key: desk.key(of: credit)!, type: .voprf, blinded: (0..<3).map { [1] + Digest.sha256(permit.bytes + [$0]).dropFirst() })]
        let unsigned = Order(shape: .unstake(.small), detail: .signature([]), inputs: [Spend(permit)], outputs: outputs, orderKey: bytes(9), signature: [])
        let signature = ToyDesk.sign(Signed.unstake(unsigned.core), permit.input.nonce)
        return Order(
            shape: .unstake(.small), detail: .signature(signature), inputs: [Spend(permit)], outputs: outputs, orderKey: bytes(9), signature: ToyDesk.sign(Signed.order(unsigned.core), bytes(9)))
    }

    @Test("buckets' groups are numbered as the terms name them")
    func groups() throws {
        let key = Ed25519Key().publicKey
        let terms = try MarketTerms(
            origin: "dust.example", address: "127.0.0.1:9080", logKey: key, sealKey: key, cashierKey: key, time: .usual,
            witnesses: (0..<3).map { .init(name: "w\($0)", key: Ed25519Key().publicKey, address: "127.0.0.1:909\($0)") },
            buckets: [.init(number: 3, region: "eu", group: "b"), .init(number: 0, region: "eu", group: "a"), .init(number: 1, region: "us", group: "b")])
        #expect(MarketRules(terms).groups == [0: 0, 1: 1, 3: 1])
    }
}

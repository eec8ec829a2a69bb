import Exchange
import MarketHistories
import Sealing
import Testing

/// Two owners with a mote each, in buckets 0 and 1, who want one in the other's bucket.
private final class Barterers {
    let world = ExchangeWorld { $0.leastFleet = 1 }
    let motes = [Ed25519Key(), Ed25519Key()]
    /// Counters of the keys that ask for the rights.
    let orderKeys: [UInt64] = [70_000, 80_000]
    private(set) var swaps: [Swap] = []

    init() throws {
        let slice = world.slice
        for bucket in UInt8(0)..<2 {
            for served in slice + 2...slice + 5 { world.issuer.open(.barter(bucket: bucket, served)) }
            world.issuer.open(.barterAccess(bucket: bucket, day: slice.day), ExchangeWorld.rsa[2 + Int(bucket)])
            let mote = motes[Int(bucket)].publicKey
            let listing = Listing(mote: mote, size: .small, bucket: bucket, first: slice, last: slice + 3, permit: KeyID(mote)!, isStaked: false)
            #expect(try world.store.transaction { try $0.insertListing(listing) })
        }
        let requests = try (0..<2).map { try request($0) }
        for request in requests { #expect(try world.exchange.check(request, at: slice) == nil) }
        swaps = try world.exchange.clear(requests, beacon: [1], at: slice)
        #expect(try world.exchange.clear(requests.reversed(), beacon: [1], at: slice) == swaps)
    }

    func request(_ owner: Int) throws -> SwapRequest {
        let orderKey = world.seed.orderKey(orderKeys[owner]).publicKey
        let unsigned = SwapRequest(
            mote: motes[owner].publicKey, accepts: 1 << UInt32(1 - owner), first: world.slice, last: world.slice + 3, orderKey: orderKey, signature: [UInt8](repeating: 0, count: 64))
        let signature = motes[owner].sign(unsigned.signed)
        return try SwapRequest(SwapRequest(mote: unsigned.mote, accepts: unsigned.accepts, first: unsigned.first, last: unsigned.last, orderKey: orderKey, signature: signature).bytes)
    }

    func swap(_ owner: Int) throws -> Swap { try #require(swaps.first { $0.mote == motes[owner].publicKey }) }

    /// An order for the rights that an owner's mote earned two slices before `served`.
    func right(_ owner: Int, _ served: Slice, bucket: UInt8? = nil, signedBy counter: UInt64? = nil, from first: UInt64) throws -> (order: Order, pending: [[PendingToken]]) {
        let swap = try swap(owner)
        let (order, pending) = try world.make(.right(.small), .swap(swap.id, bucket: bucket ?? swap.bucket, served), from: first)
        return (world.sign(order, counter ?? orderKeys[owner]), pending)
    }

    func rights(_ owner: Int, _ served: Slice, from first: UInt64) throws -> [Token] {
        let (order, pending) = try right(owner, served, from: first)
        guard case .carriedOut(let answers, _) = try world.exchange.carryOut(order, at: served - 2) else { throw OrderError.malformed }
        return try world.finish(pending[0], answers[0], .barter(bucket: swap(owner).bucket, served))
    }
}

@Suite("Barter")
struct BarterTests {
    private let session = [UInt8](repeating: 9, count: 32)

    @Test("a slice of service becomes rights, a right becomes tokens that motes of that bucket alone admit, and their deposit pays nothing")
    func endToEnd() throws {
        let market = try Barterers(), world = market.world, served = world.slice + 2, other = market.motes[1].publicKey
        #expect(market.swaps.count == 2)
        #expect(try market.swap(0).bucket == 1 && market.swap(1).bucket == 0)
        #expect(try world.exchange.carryOut(market.right(0, served, from: 100).order, at: world.slice) == .refused(.unearned))
        try world.exchange.certify(market.motes[0].publicKey, at: world.slice, isUp: true)
        #expect(try world.exchange.carryOut(market.right(0, served, bucket: 0, from: 100).order, at: world.slice) == .refused(.unearned))
        #expect(try world.exchange.carryOut(market.right(0, served, signedBy: 5, from: 100).order, at: world.slice) == .refused(.unearned))
        #expect(try world.exchange.carryOut(market.right(0, served, from: 100).order, at: world.slice + 1) == .refused(.untimely))
        let rights = try market.rights(0, served, from: 100)
        #expect(rights.count == MoteClass.small.quota)
        #expect(try world.exchange.carryOut(market.right(0, served, from: 200).order, at: world.slice) == .refused(.spent))

        let role = KeyRole.barterAccess(bucket: 1, day: served.day)
        let (barter, pending) = try world.make(.barter, .none, spending: [rights[0]], roles: [.barter(bucket: 1, served)], from: 300, mote: other, at: served)
        guard case .carriedOut(let answers, _) = try world.exchange.carryOut(barter, at: served - 1) else { throw OrderError.malformed }
        let tokens = try world.finish(pending[0], answers[0], role)
        #expect(tokens.count == 3)
        try admitAndDeposit(tokens, role, market, at: served)
        #expect(world.violations.isEmpty)
        #expect(world.store.rows.entries.isEmpty)
    }

    private func admitAndDeposit(_ tokens: [Token], _ role: KeyRole, _ market: Barterers, at served: Slice) throws {
        let world = market.world, mote = market.motes[1].publicKey
        var gate = Gate(mote: mote, size: .small, keys: IssuerKeys(issuer: world.issuer, bucket: 1))
        var elsewhere = Gate(mote: mote, size: .small, keys: IssuerKeys(issuer: world.issuer, bucket: 0))
        let spends = try tokens.enumerated().map { try world.spend($1, 300 + UInt64($0), mote: mote, served, exporter: session) }
        #expect(throws: Gate<IssuerKeys>.Refusal.notAdmitted) { try elsewhere.admit(spends[0], exporter: session, at: served) }
        for spend in spends { try gate.admit(spend, exporter: session, at: served) }
        #expect(throws: Gate<IssuerKeys>.Refusal.used) { try gate.admit(spends[0], exporter: session, at: served) }

        let deposit = { (inputs: [Spend], counter) in
            world.sign(Order(shape: .deposit, detail: .mote(mote), inputs: inputs, outputs: [], orderKey: [], signature: []), counter)
        }
        #expect(try world.exchange.carryOut(deposit(spends, 400), at: served + 1) == .refused(.unearned))
        try world.exchange.certify(mote, at: served, isUp: true)
        #expect(try world.exchange.carryOut(deposit(spends, 400), at: served + 1) == .carriedOut([], isLost: false))
        #expect(try world.exchange.carryOut(deposit(spends, 401), at: served + 1) == .refused(.spent))
        // Nor is there a way to be paid for them as for bought ones.
        let (paid, _) = try world.make(.deposit, .mote(mote), roles: [.access(day: served.day), .access(day: served.day)], from: 500)
        let greedy = world.sign(Order(shape: .deposit, detail: .mote(mote), inputs: Array(spends.prefix(2)), outputs: paid.outputs, orderKey: [], signature: []), 500)
        #expect(try world.exchange.carryOut(greedy, at: served + 1) == .refused(.malformed))
    }

    @Test("whoever vanishes from a swap holds the rights of two slices at most that it did not earn, and the other owner goes on")
    func vanished() throws {
        let market = try Barterers(), world = market.world
        for offset in Int64(0)..<4 {
            try world.exchange.certify(market.motes[0].publicKey, at: world.slice + offset, isUp: offset < 2)
            try world.exchange.certify(market.motes[1].publicKey, at: world.slice + offset, isUp: true)
        }
        var unearned = 0
        for offset in Int64(0)..<4 {
            let served = world.slice + offset + 2, first = 1000 * UInt64(offset + 1)
            let reply = try world.exchange.carryOut(market.right(0, served, from: first).order, at: world.slice + offset)
            #expect((reply == .refused(.unearned)) == (offset >= 2))
            // Its mote is not there in the slices in which it uses these.
            if case .carriedOut = reply { unearned += MoteClass.small.quota }
            #expect(try market.rights(1, served, from: first + 500).count == MoteClass.small.quota)
        }
        #expect(unearned == 2 * MoteClass.small.quota)
        #expect(world.violations.isEmpty)
    }

    @Test("a swap is of a listed mote, signed by it, for slices that are not over, and a mote is in one at a time")
    func requests() throws {
        let market = try Barterers(), world = market.world, request = try market.request(0), stranger = Ed25519Key()
        #expect(try world.exchange.check(request, at: world.slice + 4) == .untimely)
        let again = SwapRequest(mote: request.mote, accepts: 4, first: request.first, last: request.last, orderKey: request.orderKey, signature: request.signature)
        #expect(try world.exchange.check(again, at: world.slice) == .forged)
        let signed = SwapRequest(mote: again.mote, accepts: 4, first: again.first, last: again.last, orderKey: again.orderKey, signature: market.motes[0].sign(again.signed))
        #expect(try world.exchange.check(signed, at: world.slice) == .unearned)
        let unsigned = SwapRequest(mote: stranger.publicKey, accepts: 4, first: again.first, last: again.last, orderKey: again.orderKey, signature: [UInt8](repeating: 0, count: 64))
        let unlisted = SwapRequest(mote: stranger.publicKey, accepts: 4, first: again.first, last: again.last, orderKey: again.orderKey, signature: stranger.sign(unsigned.signed))
        #expect(try world.exchange.check(unlisted, at: world.slice) == .unearned)
        #expect(try world.exchange.clear([signed, unlisted], beacon: [2], at: world.slice).isEmpty)
        #expect(throws: OrderError.malformed) { try SwapRequest(Array(request.bytes.dropLast())) }
    }
}

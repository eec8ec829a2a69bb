import Exchange
import Sealing
import Testing

/// What an insider could do, and by which rule it is found in what is published.
@Suite("The auditor")
struct MarketAuditTests {
    private let market: AuditedMarket
    private let slice: Slice
    init() throws {
        market = try AuditedMarket()
        slice = market.start + 5
    }

    @Test("finds nothing where there is nothing")
    func clean() {
        #expect(market.findings == [])
        #expect(market.published.swaps[market.start + 4]?.compactMap(\.bucket) == [1, 0], "the swap took place")
    }

    @Test("an exchange that prints credit is found within one report")
    func printing() throws {
        try market.bend(slice) { $0.counts[.credit(.four, week: market.start.week)] = KeyCount(issued: 9, redeemed: 6) }
        #expect(market.findings.compactMap(\.slice).min() == slice && market.rulesBroken == [.value])
    }

    @Test("a key that takes in more than it gave out, accounts that do not add up and tokens of no published key are found")
    func value() throws {
        try market.bend(slice) { $0.counts[.credit(.sixtyFour, week: market.start.week)] = KeyCount(issued: 6, redeemed: 7) }
        #expect(market.rulesBroken == [.value])
        let other = try AuditedMarket()
        try other.bend(slice(of: other)) { $0.accounts[.fees] = 5 }
        #expect(other.rulesBroken == [.value])
        let third = try AuditedMarket()
        try third.bend(slice(of: third)) { $0.counts[.access(day: third.start.day + 5)] = KeyCount() }
        #expect(third.rulesBroken == [.value])
    }

    private func slice(of market: AuditedMarket) -> Slice { market.start + 5 }

    @Test("rights for a mote that was not seen up, and permits beyond the throttle's, are found")
    func earnings() throws {
        let mote = market.motes[0].publicKey
        market.published.verdicts[market.start + 4]?.removeAll { $0.mote == mote && $0.witness != "w1" }
        #expect(market.rulesBroken == [.earnings, .throttle])
        let other = try AuditedMarket()
        try other.bend(other.start + 3) { $0.permits[other.permitRole] = 1 }
        #expect(other.rulesBroken == [.earnings, .throttle])
    }

    @Test("a second table of keys, one long before its time and one that is handed out but not logged are found")
    func keys() throws {
        market.add(.week, market.start.week, LogWorld.week(market.start.week).bytes, at: slice)
        #expect(market.rulesBroken.contains(.keys))
        let early = try AuditedMarket()
        early.add(.week, early.start.week + 4, LogWorld.week(early.start.week + 4).bytes, at: early.start + 5)
        #expect(early.rulesBroken == [.keys])
        let late = try AuditedMarket()
        late.add(.day, late.start.day + 2, try keys(day: late.start.day + 2), at: .first(ofDay: late.start.day + 1) - 2)
        #expect(late.rulesBroken == [.keys])
        let first = try AuditedMarket()
        first.add(.day, first.start.day + 1, try keys(day: first.start.day + 1), at: first.start + 20)
        #expect(first.rulesBroken.isEmpty, "sold a day ahead, so their time came before the exchange began")
        let secret = try AuditedMarket()
        secret.published.documents.append(try LogWorld().publish(LogWorld.week(secret.start.week), at: secret.start))
        #expect(secret.rulesBroken == [.log])
        let withheld = try AuditedMarket()
        withheld.published.documents.removeAll { $0.kind == .day }
        #expect(withheld.rulesBroken.contains(.log))
    }

    private func keys(day: Int64) throws -> [UInt8] {
        let issuer = Issuer(seed: .random(32), cashier: Ed25519Key().publicKey)!
        issuer.open(.barter(bucket: 0, .first(ofDay: day)))
        return try #require(issuer.table(day: day)).bytes
    }

    /// With two witnesses that lie, a wallet can be shown another log. What the mote saw is in its public offer.
    @Test("a mote that was shown another log is found by the root in its offer, within its first slice")
    func echo() throws {
        let mote = Ed25519Key(), offers = try #require(market.published.offers[slice]), old = offers[0]
        let root = Digest.sha256([66])
        let offer = Offer(
            permit: old.permit, size: old.size, bucket: old.bucket, first: old.first, last: old.last, group: old.group, address: old.address, keyRoot: root, signature: mote.sign([1]))
        market.published.offers[slice] = [offer]
        #expect(market.findings.contains { $0.rule == .echo && $0.slice == slice })
    }

    @Test("sealed orders that never got a beacon while later ones did are found")
    func stuck() {
        market.published.beacons[slice] = nil
        #expect(market.findings.contains { $0.rule == .beacons && $0.slice == slice })
    }

    @Test("orders that were exchanged after they were sealed, and those that are kept back, are found")
    func orders() {
        market.published.identifiers[slice]?[0] = Digest.sha256([9])
        #expect(market.rulesBroken.contains(.orders))
        market.published.identifiers[slice] = nil
        #expect(market.rulesBroken.contains(.orders))
    }

    @Test("a beacon of other orders, with an invented value, or without one that was revealed is found")
    func beacons() throws {
        let record = try #require(market.published.beacons[slice])
        market.published.revealed = [BeaconRecord(seal: record.seal, reveals: [record.reveals[2]])]
        #expect(market.findings == [])
        let without = BeaconRecord(seal: record.seal, reveals: Array(record.reveals.prefix(2)))
        market.published.beacons[slice] = without
        try market.bend(slice) { report in
            let old = report
            report = EpochReport(origin: old.origin, seal: old.seal, beacon: without.value)
            (report.missing, report.counts, report.accounts, report.hidden) = (["w3"], old.counts, old.accounts, old.hidden)
            (report.lists, report.throttle, report.permits) = (old.lists, old.throttle, old.permits)
        }
        #expect(market.rulesBroken == [.beacons], "the witness says that it did reveal")
        market.published.revealed = []
        #expect(market.findings == [], "a witness that kept its value back is named, and no more can be known")
        let other = try AuditedMarket()
        other.published.beacons[slice(of: other)] = market.published.beacons[slice]
        #expect(other.rulesBroken == [.beacons], "signed by other keys")
    }

    @Test("a swap that the clearing does not give is found")
    func swaps() throws {
        let results = try #require(market.published.swaps[market.start + 4])
        market.published.swaps[market.start + 4] = [SwapResult(results[0].request, 2), results[1]]
        #expect(market.rulesBroken.contains(.swaps))
        market.published.swaps[market.start + 4] = [SwapResult(results[0].request, nil), results[1]]
        #expect(market.rulesBroken.contains(.swaps))
    }

    @Test("listings or verdicts that are not those of the report, that are in none, or cannot be had are found")
    func lists() throws {
        let settled = slice - 2
        for list in [EpochReport.List.listings, .certs] {
            let altered = try AuditedMarket(), hidden = try AuditedMarket(), added = try AuditedMarket()
            altered.published.lists[altered.start + 4]?[list]?.append(0)
            #expect(altered.rulesBroken == [.reports])
            hidden.published.lists[hidden.start + 4] = nil
            #expect(hidden.rulesBroken == [.reports])
            added.published.lists[added.start + 3]?[list] = [1]
            #expect(added.findings.map { "\($0)" } == ["reports in slice \(added.start.index + 3): the \(list.rawValue) that are handed out are in no report"])
        }
        try market.bend(slice) { $0.lists[.init(.certs, of: settled + 1)] = .init(count: 0, body: []) }
        #expect(market.rulesBroken == [.reports], "before anybody can know that there will be no more")
    }

    @Test("a throttle that went by other figures than were published, or came to others, is found")
    func throttle() throws {
        func bent(_ change: (SliceDecision) -> SliceDecision) throws -> Set<MarketAudit.Rule> {
            let market = try AuditedMarket()
            try market.bend(slice(of: market) + 1) { $0.throttle[$0.slice] = change($0.throttle[$0.slice]!) }
            return market.rulesBroken
        }
        func counted(_ change: @escaping (inout SliceCounts) -> Void) -> (SliceDecision) -> SliceDecision {
            { said in
                var counts = said.counts
                change(&counts)
                return SliceDecision(counts, target: said.target, delay: said.delay, permits: said.permits)
            }
        }
        let changes: [(inout SliceCounts) -> Void] = [
            { $0.live += 1 }, { $0.live = 0 }, { $0.ending += 1 }, { $0.sold += 1 }, { $0.deposited += 1 }, { $0.probed = ProbedShares(sum: 9, low: 1) },
        ]
        for change in changes { #expect(try bent(counted(change)).contains(.throttle)) }
        #expect(try bent { SliceDecision($0.counts, target: $0.target + 1000, delay: $0.delay, permits: $0.permits) } == [.throttle])
        try market.bend(slice) { $0.permits[.permit($0.slice + 5, .small, isStaked: true)] = 3 }
        #expect(market.rulesBroken == [.throttle])
        let silent = try AuditedMarket()
        try silent.bend(slice(of: silent)) { $0.throttle = [:] }
        #expect(silent.rulesBroken.contains(.throttle))
    }

    @Test("an order in too small a set, an altered list and a missing report are found")
    func reports() throws {
        try market.bend(slice) { $0.hidden = [.init(shape: .refund, role: .access(day: market.start.day), orders: 1, set: 49, isHeld: false)] }
        #expect(market.rulesBroken == [.sets])
        let list = try AuditedMarket()
        list.published.lists[slice(of: list)]?[.swaps] = [0]
        #expect(list.rulesBroken == [.reports])
        let missing = try AuditedMarket()
        missing.published.documents.removeAll { $0.kind == .report && $0.number == slice(of: missing).index }
        #expect(missing.rulesBroken == [.log, .reports])
    }

    @Test("entries that were left out or changed are found, whoever signed")
    func log() {
        market.published.entries.removeLast()
        #expect(market.rulesBroken.contains(.log))
    }

    @Test("with a copy of the ledger: orders carried out in another order than the beacon's are found")
    func frontRunning() throws {
        let record = try #require(market.published.beacons[slice]), ids = try #require(market.published.identifiers[slice])
        let turns = Beacon.order(ids, record.value)
        func findings(_ turns: [[UInt8]]) -> [MarketAudit.Finding] { MarketAudit.findings(LedgerRows(), carriedOut: [slice: turns], market.published, market.world.terms) }
        #expect(findings(turns) == [] && findings(Array(turns.dropFirst(2))) == [])
        var moved = turns
        moved.insert(moved.removeLast(), at: 0)
        #expect(findings(moved).map(\.rule) == [.ledger])
    }

    @Test("with a copy of the ledger: outputs without inputs are found, and tokens that were reported and are gone")
    func ledger() throws {
        let key = try #require(market.world.issuer.key(of: .credit(.one, week: market.start.week))), big = try #require(market.world.issuer.key(of: .credit(.sixtyFour, week: market.start.week)))
        var rows = LedgerRows()
        (rows.counts[key], rows.outputs[key]) = (KeyCount(issued: 5), 5)
        #expect(MarketAudit.findings(rows, carriedOut: [:], market.published, market.world.terms).map(\.rule) == [.ledger])
        rows = LedgerRows()
        let pack = [Entry(.prepaid, -Shape.packValue), Entry(.credit(week: market.start.week), 192), Entry(.burned, Shape.packValue - 192)]
        (rows.counts[big], rows.outputs[big], rows.entries[[1]]) = (KeyCount(issued: 3), 3, pack)
        #expect(MarketAudit.findings(rows, carriedOut: [:], market.published, market.world.terms).map(\.text) == ["the ledger has fewer tokens of \(KeyRole.credit(.sixtyFour, week: market.start.week)) than were reported"])
    }
}

import Ambience
import Coordination
import Foundation
import Leasing
import Placement
import Prices
import Testing
import Usage

private let start = WallTime(secondsSinceEpoch: 20_000 * 86400)

@Suite struct StoreUsageTests {
    private static let policies = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Policies").path

    /// A store that knows the prices of a policy, and a site of it.
    private static func open(_ scratch: Scratch) throws -> (store: Store, site: Site, currency: Currency) {
        let store = try Store(scratch.folder)
        let (policy, catalogue) = try PolicyFile.placement(policies + "/placement/spread.json")
        let places = try policy.places(in: catalogue).allowed
        try store.setTariffs(places)
        let place = try #require(places.first { $0.provider == "hetzner" })
        return (store, Site(provider: place.provider, payer: place.payer, region: place.region, size: place.machine), place.tariff.currency)
    }

    private static func lease(_ number: UInt64, _ site: Site, _ ceiling: Money, at: WallTime = start) -> Lease {
        Lease(
            key: MoteKey(high: 7, low: number), lifetimeClass: .normal, intended: at, expires: at + 2700, drainSeconds: 300, site: site, ceiling: ceiling)
    }

    private static func record(_ store: Store, _ ledger: inout Ledger, _ key: MoteKey, _ at: WallTime, _ change: MoteChange) throws {
        let event = MoteEvent(key: key, at: at, change: change)
        let mote = try ledger.after(event)
        try store.record(event, mote)
        ledger.keep(mote)
    }

    @Test("What a mote cost is recorded with its steps, and a store opened anew knows it")
    func steps() throws {
        let scratch = Scratch()
        let (store, site, euro) = try Self.open(scratch)
        var ledger = Ledger()
        let lease = Self.lease(1, site, Money(try #require(Amount("0.02")), euro))
        try Self.record(store, &ledger, lease.key, start, .intended(lease))
        try Self.record(store, &ledger, lease.key, start + 10, .starting(attempt: 1))
        #expect(try store.outlays().map(\.amount) == [Amount("0.02")])
        let report = MoteReport(bootstrapped: 100, bytesRead: 1000, bytesWritten: 5000)
        for _ in 0..<3 { try store.measure([Store.Reading(key: lease.key, run: 1, report: report), Store.Reading(key: nil, run: 9, report: MoteReport(bootstrapped: 100, bytesRead: 50, bytesWritten: 50))], start + 60) }
        try Self.record(store, &ledger, lease.key, start + 1800, .gone(.expiry))
        let other = try Store(scratch.folder)
        #expect(try other.outlays() == [Outlay(currency: euro, provider: "hetzner", payer: "first", day: 20_000, amount: try #require(Amount("0.004")))])
        let total = try other.usage(days: 20_000...20_000, by: .mote, now: start + 86000).total
        #expect((total.motes, total.livedSeconds, total.paidSeconds) == (1, 1790, 3600))
        #expect((total.relayedBytes, total.ownerBytes) == (6000, 600) && total.cost[euro] == Amount("0.004"))
    }

    @Test("A lease that does not fit whole into a limit is refused with what is missing, and nothing of it is written")
    func refused() throws {
        let scratch = Scratch()
        let (store, site, euro) = try Self.open(scratch)
        try store.changeLimits { _ = $0.set(SpendingLimit(Amount("0.05")!, euro, per: .day, provider: "hetzner")) }
        var ledger = Ledger()
        let money = Money(try #require(Amount("0.02")), euro)
        for number: UInt64 in 1...2 {
            let lease = Self.lease(number, site, money)
            try Self.record(store, &ledger, lease.key, start, .intended(lease))
        }
        let third = Self.lease(3, site, money)
        #expect { try Self.record(store, &ledger, third.key, start, .intended(third)) } throws: {
            ($0 as? CoordinationError)?.kind == .overBudget && "\($0)".contains("0.05 EUR a day with hetzner, 0.01 EUR; 0.01 EUR are missing")
        }
        #expect(try store.ledger().records.count == 2 && store.events(of: third.key).isEmpty)
        // The next day has a budget of its own.
        let later = Self.lease(4, site, money, at: start + 86400)
        try Self.record(store, &ledger, later.key, later.intended, .intended(later))
    }

    @Test("What is committed never exceeds a limit, in any order of intents, starts and ends, and ends at what was really paid", arguments: 1...4)
    func neverAbove(seed: UInt64) throws {
        let scratch = Scratch()
        let (store, site, euro) = try Self.open(scratch)
        let most = try #require(Amount("0.30"))
        try store.changeLimits { _ = $0.set(SpendingLimit(most, euro, per: .total)) }
        var random = SeededRandom(seed: seed), ledger = Ledger(), now = start, refusals = 0
        for number: UInt64 in 1...150 {
            now = now + Int64.random(in: 1...300, using: &random)
            let lease = Self.lease(number, site, Money(Amount(Int64.random(in: 1...5, using: &random)).times(1, over: 100), euro), at: now)
            do { try Self.record(store, &ledger, lease.key, now, .intended(lease)) } catch let error as CoordinationError where error.kind == .overBudget { refusals += 1 }
            for record in ledger.alive where Int.random(in: 0..<8, using: &random) == 0 {
                try Self.record(store, &ledger, record.key, now, record.starts.isEmpty && Bool.random(using: &random) ? .starting(attempt: 1) : .gone(.lost))
            }
            #expect(try store.outlays().reduce(.zero) { $0 + $1.amount } <= most)
        }
        #expect(refusals > 0)
        for record in ledger.alive { try Self.record(store, &ledger, record.key, now, .gone(.down)) }
        let total = try store.usage(days: start.day...now.day, by: .payer, now: now).total
        #expect(try store.outlays().reduce(.zero) { $0 + $1.amount } == total.cost[euro])
    }

    @Test("A mote that sends more than was expected uses up the limit beyond its ceiling")
    func excess() throws {
        let scratch = Scratch()
        let (store, site, euro) = try Self.open(scratch)
        var ledger = Ledger()
        let lease = Self.lease(1, site, Money(try #require(Amount("0.01")), euro))
        try Self.record(store, &ledger, lease.key, start, .intended(lease))
        try Self.record(store, &ledger, lease.key, start, .starting(attempt: 1))
        // 20 TB a month are included, of which an hour has its part.
        let report = MoteReport(bootstrapped: 100, bytesRead: 0, bytesWritten: 1_000_000_000_000)
        try store.measure([Store.Reading(key: lease.key, run: 1, report: report)], start + 3000)
        #expect(try #require(store.outlays().first).amount > lease.ceiling!.amount)
        #expect(try store.usage(days: 20_000...20_000, by: .day, now: start + 3000).excess[euro] > .zero)
    }

    @Test("Limits are shown and set by commands, and what is no amount or no limit is refused")
    func commands() async throws {
        let scratch = Scratch()
        func run(_ words: String...) async throws -> LiveCloud.Answer { try await LiveCloud.run(["budget"] + words + ["--state", scratch.path]) }
        #expect(try await run("show").status == 66)
        #expect(try await run("set", "1.5", "USD", "--per", "day", "--provider", "ec2").output.contains("1.50 USD a day with ec2"))
        #expect(try await run("set", "2", "USD").status == 0)
        let shown = try await run("show")
        #expect(shown.status == 0 && shown.output.contains("1.50   USD       day    ec2"), "\(shown.output)")
        #expect(try await run("show", "--json").output.contains("\"left\" : \"1.5\""))
        #expect(try await run("set", "much", "USD").status == 64)
        #expect(try await run("set", "1", "dollars").status == 64)
        #expect(try await run("remove", "USD", "--per", "month").status == 66)
        #expect(try await run("remove", "USD").status == 0)
        for flags in [[], ["--json"], ["--csv"], ["--by", "payer"]] {
            #expect(try await LiveCloud.run(["usage", "--state", scratch.path] + flags).status == 0)
        }
        #expect(try await LiveCloud.run(["usage", "--json", "--csv"]).status == 64)
    }
}

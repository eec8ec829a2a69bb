import Ambience
import Leasing
@testable import Prices
import Testing
@testable import Usage

@Suite struct UsageReportTests {
    private static func report(by grouping: UsageReport.Grouping, traffic: [Traffic] = [], days: ClosedRange<Int64> = 20_000...20_001) throws -> UsageReport {
        let motes = [
            try MoteUsage(1, [(0, .starting(attempt: 1)), (3000, .gone(.expiry))]),
            // An hour around midnight.
            try MoteUsage(2, at: midnight + 86400 - 1800, [(0, .starting(attempt: 1)), (3600, .gone(.expiry))]),
        ]
        return UsageReport(motes, traffic, days: days, by: grouping, now: midnight + 3 * 86400)
    }

    @Test("Motes, days, providers and payers come to the same sum")
    func sums() throws {
        for grouping in UsageReport.Grouping.allCases {
            let report = try Self.report(by: grouping)
            #expect(report.total.livedSeconds == 6600 && report.total.paidSeconds == 7200 && report.total.cost[dollar] == Amount("0.02"))
            #expect(report.lines.reduce(0) { $0 + $1.livedSeconds } == 6600)
            #expect(report.lines.reduce(Amount.zero) { $0 + $1.cost[dollar] } == Amount("0.02"))
        }
        #expect(try Self.report(by: .day).lines.map(\.label) == ["2024-10-04", "2024-10-05"])
        #expect(try Self.report(by: .day).lines.map(\.livedSeconds) == [4800, 1800])
        #expect(try Self.report(by: .payer).lines.map(\.label) == ["first"])
    }

    @Test("Days that are not asked for are left out, of a mote that lived into them too")
    func window() throws {
        let report = try Self.report(by: .mote, days: 20_001...20_001)
        #expect(report.lines.map(\.motes) == [1] && report.total.livedSeconds == 1800 && report.total.cost[dollar] == Amount("0.005"))
    }

    @Test("The owner's bytes count for each of three motes that read and write them, and never for more than all")
    func owner() throws {
        let key = MoteKey(high: 0, low: 1)
        func traffic(_ client: Int64) -> [Traffic] {
            [Traffic(key: key, day: 20_000, readBytes: 600, writtenBytes: 600), Traffic(key: nil, day: 20_000, readBytes: client, writtenBytes: 0)]
        }
        let quarter = try Self.report(by: .day, traffic: traffic(50)).lines[0]
        #expect((quarter.relayedBytes, quarter.ownerBytes, quarter.givenBytes) == (1200, 300, 900))
        #expect((quarter.ownerSeconds, quarter.givenSeconds) == (1200, 3600))
        let all = try Self.report(by: .day, traffic: traffic(5000)).lines[0]
        #expect((all.ownerBytes, all.givenSeconds) == (1200, 0))
        let none = try Self.report(by: .day, traffic: traffic(0)).lines[0]
        #expect((none.ownerBytes, none.ownerSeconds) == (0, 0))
    }
}

@Suite struct SpendingLimitTests {
    private static let outlays = [
        Outlay(currency: dollar, provider: "hetzner", payer: "first", day: 20_000, amount: Amount(1)),
        Outlay(currency: dollar, provider: "ec2", payer: "second", day: 19_999, amount: Amount(2)),
        Outlay(currency: dollar, provider: "ec2", payer: "second", day: 19_900, amount: Amount(4)),
    ]

    @Test("What is used of a limit is what was committed in its period, with its provider, by its payer")
    func used() {
        let limits = SpendingLimits([
            SpendingLimit(Amount(10), dollar, per: .total), SpendingLimit(Amount(10), dollar, per: .month), SpendingLimit(Amount(10), dollar, per: .day),
            SpendingLimit(Amount(10), dollar, per: .total, provider: "ec2"), SpendingLimit(Amount(10), dollar, per: .total, payer: "first"),
        ])
        #expect(limits.used(Self.outlays, now: midnight + 5).map(\.used) == [Amount(7), Amount(3), Amount(1), Amount(6), Amount(1)])
        // Another month.
        #expect(limits.used(Self.outlays, now: midnight + 40 * 86400).map(\.used) == [Amount(7), .zero, .zero, Amount(6), Amount(1)])
    }

    @Test("A lease must fit into every limit that binds it, and a currency that no limit bounds as a whole is not spent")
    func budget() throws {
        let euro = try #require(Currency(rawValue: "EUR"))
        let limits = SpendingLimits([
            SpendingLimit(Amount(10), dollar, per: .total), SpendingLimit(Amount(1), dollar, per: .day, provider: "hetzner"),
            SpendingLimit(Amount(5), euro, per: .day, provider: "hetzner"),
        ])
        var budget = limits.budget([], now: midnight)
        #expect(budget.left(dollar, provider: "hetzner") == Amount(1) && budget.left(dollar, provider: "ec2") == Amount(10))
        #expect(budget.left(euro, provider: "hetzner") == .zero)
        let first = budget.promise(Amount(1), dollar, provider: "hetzner", payer: "x"), second = budget.promise(try amount("0.01"), dollar, provider: "hetzner", payer: "x")
        #expect(first && !second)
        #expect(budget.left(dollar, provider: "ec2") == Amount(9))
        #expect(budget.tightest(dollar, "hetzner", "x")?.name == "1.00 USD a day with hetzner")
    }

    @Test("A limit of the same scope is changed, and one of another scope stands beside it")
    func set() throws {
        var limits = SpendingLimits()
        limits.set(SpendingLimit(Amount(1), dollar, per: .total))
        limits.set(SpendingLimit(Amount(2), dollar, per: .total))
        limits.set(SpendingLimit(Amount(3), dollar, per: .day, payer: "first"))
        #expect(limits.limits.map(\.text) == ["2.00 USD in all", "3.00 USD a day, paid by first"])
        let removed = limits.remove(like: SpendingLimit(.zero, dollar, per: .total)), absent = limits.remove(like: SpendingLimit(.zero, dollar, per: .day))
        #expect(removed && !absent)
    }
}

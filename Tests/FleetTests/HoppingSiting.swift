import Ambience
import Leasing
import Prices

/// A provider by chance, never one that has just refused, each with its grain of billing.
struct HoppingSiting: Siting {
    static let dollar = Currency(rawValue: "USD")!
    static let hourly = Amount("0.0060")!

    var providers: [(name: String, grainSeconds: Int64)]
    private var open: [(name: String, grainSeconds: Int64)] = []

    init(_ providers: [(name: String, grainSeconds: Int64)]) { self.providers = providers }

    mutating func begin(_ ledger: Ledger, closed: Set<String>, now: WallTime) {
        var refused = closed
        for record in ledger.records.values {
            if case .gone(let ending) = record.state, ending.reason == .refused, now - ending.since < 180 { refused.insert(record.lease.site.provider) }
        }
        open = providers.filter { !refused.contains($0.name) }
    }

    mutating func site(
        for lifetimeClass: LifetimeClass, living seconds: Int64, within range: ClosedRange<Int64>, after last: Site?, now: WallTime,
        random: inout some RandomNumberGenerator
    ) -> (site: Site, ceiling: Money?, seconds: Int64)? {
        let others = open.filter { $0.name != last?.provider }
        guard let choice = (others.isEmpty ? open : others).randomElement(using: &random) else { return nil }
        // What it may live longer than its lease until it is certainly gone is paid too.
        let cost = Self.cost(seconds + Self.overrunSeconds, choice.grainSeconds)
        return (Site(provider: choice.name, payer: "us", region: "p1", size: "small", image: "17"), Money(cost, Self.dollar), seconds)
    }

    static let overrunSeconds: Int64 = 120

    static func cost(_ seconds: Int64, _ grain: Int64) -> Amount { hourly.times((max(1, seconds) + grain - 1) / grain * grain, over: 3600) }
}

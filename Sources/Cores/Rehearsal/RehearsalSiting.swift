internal import Ambience
internal import Leasing
internal import Prices

/// The provider that has the fewest motes of those that made everything they were asked for of late, by chance among equals.
struct RehearsalSiting: Siting {
    private static let dollar = Currency(rawValue: "USD")
    private static let refusalSeconds: Int64 = 180
    /// A machine counts as paid until it is certainly gone.
    private static let overrunSeconds: Int64 = 120

    private let names: [String]
    private let indices: [String: Int]
    private var motes: [Int]
    private var isOpen: [Bool]

    init(_ names: [String]) {
        self.names = names
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        motes = Array(repeating: 0, count: names.count)
        isOpen = Array(repeating: true, count: names.count)
    }

    mutating func begin(_ ledger: Ledger, closed: Set<String>, now: WallTime) {
        motes = Array(repeating: 0, count: names.count)
        isOpen = names.map { !closed.contains($0) }
        for record in ledger.records.values {
            guard let index = indices[record.lease.site.provider] else { continue }
            if case .gone(let ending) = record.state {
                if ending.reason == .refused, now - ending.since < Self.refusalSeconds { isOpen[index] = false }
            } else { motes[index] += 1 }
        }
    }

    mutating func site(
        for lifetimeClass: LifetimeClass, living seconds: Int64, within range: ClosedRange<Int64>, after last: Site?, now: WallTime,
        random: inout some RandomNumberGenerator
    ) -> (site: Site, ceiling: Money?, seconds: Int64)? {
        let open = names.indices.filter { isOpen[$0] }
        guard let fewest = open.map({ motes[$0] }).min(), let index = open.filter({ motes[$0] <= fewest + fewest / 50 }).randomElement(using: &random) else { return nil }
        motes[index] += 1
        let ceiling = Self.dollar.map { Money(World.cost(seconds + Self.overrunSeconds, index), $0) }
        return (Site(provider: names[index], payer: "rehearsal", region: "region", size: "small"), ceiling, seconds)
    }
}

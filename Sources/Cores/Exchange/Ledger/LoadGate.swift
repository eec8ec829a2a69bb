/// Stops purchases where motes would begin to refuse people.
///
/// The exchange does not learn what access is bought for. But wallets draw slices in turn and motes by their shares, so of a slice's shares each
/// is sold with the same chance, and the exchange knows that chance: it adds up, for each slice, the part of its shares that every purchase came
/// to. Up to `MoteClass.load`
/// tokens find their motes full as seldom as `MarketCosts.refused` says; beyond it nothing more is sold for that slice.
package enum LoadGate {
    /// Slices ahead, the next one first, for which wallets buy.
    package static let ahead: Int64 = 4
    /// Loads are counted in these, so that all who run an order again come to the same.
    package static let whole: Int64 = 1_000_000

    /// By how much `count` tokens raise the load of each slice that has shares; `nil` if there is none, or if one would be above its bound.
    static func raised(by count: Int64, shares: [Slice: [MoteClass: Int64]], loads: [Slice: Int64]) -> [Slice: Int64]? {
        let open = shares.filter { _, classes in classes.values.contains { $0 > 0 } }, slices = Int64(open.count)
        guard slices > 0 else { return nil }
        var raised: [Slice: Int64] = [:]
        for (slice, classes) in open {
            let all = slices * classes.values.reduce(0, +)
            // Rounded up.
            let raise: Int64 = (count * whole + all - 1) / all
            guard loads[slice, default: 0] + raise <= bound(classes) else { return nil }
            raised[slice] = raise
        }
        return raised
    }

    /// The smallest of those whose motes are drawn.
    private static func bound(_ classes: [MoteClass: Int64]) -> Int64 {
        classes.filter { $0.value > 0 }.keys.map { Int64($0.load * Double(whole)) }.min() ?? 0
    }
}

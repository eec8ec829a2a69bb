import Ambience
import Exchange

/// What an exchange sees of wallets that were restored: orders that it has already come again. Whose they are only the referee knows.
struct Retries {
    struct Retry {
        let wallet: Int
        /// The slice in which the order came first, and the second in which it came again.
        let slice: Int
        let moment: Int
        let shape: Shape
    }

    enum Rule {
        /// `RestorePlan`.
        case market
        /// Only what was under way, within a day of each restore: how one would do it without thinking of others.
        case own
    }

    private(set) var all: [[Retry]] = []

    /// Every one of so many wallets loses its machine at some moment of that day of the world, and is restored later that day.
    init(_ world: MarketWorld, wallets: Int, day: Int, _ rule: Rule, random: inout SeededRandom) {
        var orders: [Int: [(slice: Int, shape: Shape)]] = [:]
        for (record, wallet) in zip(world.records, world.truth) { orders[wallet, default: []].append((Int(record.slice.index - world.start.index), record.order.shape)) }
        let slices = Int(Slice.perDay), time = MarketTime.usual
        for wallet in 0..<wallets {
            let lost = Int.random(in: day * slices..<(day + 1) * slices, using: &random), restored = Int.random(in: lost..<(day + 1) * slices, using: &random)
            let now = time.start(of: world.start + Int64(restored)), zero = time.start(of: world.start)
            let moments = rule == .market ? RestorePlan.moments(at: now, time) : now...now + 86_400
            let first = rule == .market ? Int(RestorePlan.first(newest: world.start + Int64(lost)).index - world.start.index) : lost - 1
            all.append((orders[wallet] ?? []).filter { (first...lost).contains($0.slice) }.shuffled(using: &random).prefix(RestorePlan.finishedLimit).map {
                Retry(wallet: wallet, slice: $0.slice, moment: Int(Int64.random(in: moments, using: &random) - zero), shape: $0.shape)
            })
        }
    }

    // MARK: pairing

    /// So many pairs of one wallet's retries, and so many of two wallets'.
    private static func pairs(_ wallets: ArraySlice<[Retry]>, _ count: Int, _ random: inout SeededRandom) -> (same: [(Retry, Retry)], other: [(Retry, Retry)]) {
        let several = wallets.filter { $0.count > 1 }, log = wallets.flatMap(\.self)
        // As often as it has pairs: whoever has many retries is in many.
        let weights = several.indices.flatMap { index in Array(repeating: index, count: several[index].count * (several[index].count - 1) / 2) }
        let same = (0..<count).map { _ in
            let own = several[weights.randomElement(using: &random)!], first = Int.random(in: 0..<own.count, using: &random)
            return (own[first], own[(first + Int.random(in: 1..<own.count, using: &random)) % own.count])
        }
        // Their first is of the same wallets as often, so that only what the two have in common tells.
        let other = (0..<count).map { index in
            var second = log.randomElement(using: &random)!
            while second.wallet == same[index].0.wallet { second = log.randomElement(using: &random)! }
            return (same[index].0, second)
        }
        return (same, other)
    }

    /// How often the best rule that there is says right whether two retries are one wallet's: it is told of half of the wallets which are, and
    /// goes by how far apart both times are, and by the forms. It is judged by the other half.
    func success(_ count: Int, random: inout SeededRandom) -> Double {
        let known = Self.pairs(all[..<(all.count / 2)], count, &random), judged = Self.pairs(all[(all.count / 2)...], count, &random)
        func cells(_ pairs: [(Retry, Retry)]) -> [[Int]: Double] { pairs.reduce(into: [:]) { $0[Self.cell($1.0, $1.1), default: 0] += 1 } }
        let (same, other) = (cells(known.same), cells(known.other))
        func isSame(_ pair: (Retry, Retry)) -> Bool {
            let cell = Self.cell(pair.0, pair.1)
            return same[cell, default: 0] > other[cell, default: 0]
        }
        return Double(judged.same.count(where: isSame) + judged.other.count { !isSame($0) }) / Double(2 * count)
    }

    /// Apart by so many hours in which they came again; in which they came first, by powers of two of slices; and whether they are of one form.
    private static func cell(_ a: Retry, _ b: Retry) -> [Int] {
        let slices = abs(a.slice - b.slice)
        return [abs(a.moment - b.moment) / 7200, slices == 0 ? 0 : Int.bitWidth - slices.leadingZeroBitCount, a.shape == b.shape ? 1 : 0]
    }
}

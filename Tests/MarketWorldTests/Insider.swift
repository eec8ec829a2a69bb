import Exchange
import Foundation

extension Double {
    var logarithm: Double { log(self) }
}

/// Somebody at the exchange with its whole database, who wants to know of each purchase who had paid for it.
///
/// Nothing in an order is in another one (`MarketWorldTests` looks for it), so what is left is when orders came, of what form they were, and
/// which week's keys they spent. All who paid in one slice look the same; so a guess is a slice, and then one of those who paid in it.
struct Insider {
    struct Use {
        let slice: Int
        let denomination: Denomination
        let week: Int64
        /// In which slice its payer paid: for the referee, and for what the insider is allowed to learn from.
        let paid: Int
        let payer: Int
    }

    /// Packs paid in each slice.
    let payments: [Int]
    let uses: [Use]
    private let weekOfPayment: [Int64]

    init(_ world: MarketWorld) {
        var payments = [Int](repeating: 0, count: world.slices), paidAt = [Int: Int]()
        for (record, payer) in zip(world.records, world.truth) where record.order.shape == .prepay {
            let slice = Int(record.slice.index - world.start.index)
            payments[slice] += 1
            paidAt[payer] = slice
        }
        self.payments = payments
        weekOfPayment = payments.indices.map { (world.start + Int64($0)).week }
        uses = zip(world.records, world.truth).compactMap { record, payer in
            guard case .buy(let denomination) = record.order.shape, let week = record.week, let paid = paidAt[payer] else { return nil }
            return Use(slice: Int(record.slice.index - world.start.index), denomination: denomination, week: week, paid: paid, payer: payer)
        }
    }

    /// Only what was bought when payments of a whole day and more lay behind, and were still coming in: the ends of a run have fewer payers.
    func judged(_ slices: Range<Int>) -> [Use] { uses.filter { slices.contains($0.slice) } }

    /// The chance that it names the payer, given the slice that it names: all who paid in it are alike.
    private func chance(_ guess: Int, _ use: Use) -> Double { guess == use.paid && payments[guess] > 0 ? 1 / Double(payments[guess]) : 0 }

    private func mean(_ uses: [Use], _ guess: (Use) -> Int?) -> Double {
        uses.reduce(0) { sum, use in sum + (guess(use).map { chance($0, use) } ?? 0) } / Double(max(1, uses.count))
    }

    // MARK: rules

    /// The best that there is: it knows how old credit is when it is spent, for each denomination, as exactly as half of the purchases tell
    /// (it is given whose they were), and what the week of the spent credit excludes. Judged by the other half.
    func bayes(_ judged: [Use]) -> Double {
        var ages: [Denomination: [Double]] = [:]
        for use in judged where use.payer % 2 == 0 { ages[use.denomination, default: Array(repeating: 0, count: payments.count)][use.slice - use.paid] += 1 }
        let smooth = ages.mapValues(Self.smooth)
        return mean(judged.filter { $0.payer % 2 == 1 }) { use in
            guard let likely = smooth[use.denomination] else { return nil }
            return (0..<use.slice).filter { payments[$0] > 0 && weekOfPayment[$0] <= use.week }.max { likely[use.slice - $0] < likely[use.slice - $1] }
        }
    }

    /// Over four slices to either side: single slices' counts are mostly chance.
    private static func smooth(_ counts: [Double]) -> [Double] {
        counts.indices.map { index in
            let near = counts[max(0, index - 4)...min(counts.count - 1, index + 4)]
            return near.reduce(0, +) / Double(near.count)
        }
    }

    /// First in, first out: what has been bought with the first so much credit was bought by those who paid first.
    func firstInFirstOut(_ judged: [Use]) -> Double {
        var spent = 0.0, guesses: [Int: Int] = [:]
        let worth = uses.reduce(0.0) { $0 + 3 * Double($1.denomination.value) }, paid = Double(payments.reduce(0, +))
        let sums = payments.reduce(into: [0]) { $0.append($0.last! + $1) }
        for use in uses {
            spent += 3 * Double(use.denomination.value)
            let place = Int(spent / worth * paid)
            guesses[use.slice] = guesses[use.slice] ?? max(0, (sums.firstIndex { $0 > place } ?? payments.count) - 1)
        }
        return mean(judged) { guesses[$0.slice] }
    }

    /// Whoever paid last.
    func latest(_ judged: [Use]) -> Double { mean(judged) { use in (0..<use.slice).last { payments[$0] > 0 } } }

    /// What anybody has who names one of all who had paid by then.
    func chance(_ judged: [Use]) -> Double {
        judged.reduce(0) { $0 + 1 / Double(max(1, payments[..<$1.slice].reduce(0, +))) } / Double(max(1, judged.count))
    }
}

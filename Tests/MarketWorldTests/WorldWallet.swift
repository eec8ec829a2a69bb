import Ambience
import Exchange

/// How a wallet chooses what it spends.
enum Habit {
    /// As ours does: aged credit, drawn among all that is ripe.
    case aged
    /// As soon as it has any: what ageing is there to prevent.
    case atOnce
}

/// What a wallet wants: one pack, then access at random instants.
struct WorldWallet {
    let number: Int
    /// Of what it buys with.
    let denomination: Denomination
    /// Slices between two purchases, on average.
    let pause: Double
    var stock = TokenStock()

    /// Purchases' tokens to have besides those that are waiting to ripen.
    private static let reserve = 9

    /// What it orders now: enough small credit is made ahead of need, so that a purchase never follows the split that paid for it.
    mutating func wish(_ habit: Habit, at slice: Slice, wantsToBuy: Bool, random: inout SeededRandom) -> (shape: Shape, spent: [TokenStock.Held])? {
        if wantsToBuy, let triple = choose(3, denomination, habit, at: slice, random: &random) { return (.buy(denomination), triple) }
        let own = stock.held.count { $0.role.value == denomination.value && $0.role.accepted.contains(slice) }
        guard own < Self.reserve else { return nil }
        var larger = denomination.larger
        while let from = larger {
            if let one = choose(1, from, habit, at: slice, random: &random) { return (.split(from), one) }
            larger = from.larger
        }
        return nil
    }

    private func choose(_ count: Int, _ denomination: Denomination, _ habit: Habit, at slice: Slice, random: inout SeededRandom) -> [TokenStock.Held]? {
        stock.choose(count, denomination, at: slice, isUrgent: habit == .atOnce, random: &random)
    }
}

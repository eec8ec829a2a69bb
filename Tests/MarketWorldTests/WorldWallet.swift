import Ambience
import Exchange

/// A wallet of the world: it has what a wallet has, and `WalletPlan`, which real wallets ask, says what it orders.
struct WorldWallet {
    /// Of what it buys with.
    let denomination: Denomination
    /// Slices between two wishes to buy, on average.
    let pauseSlices: Double
    private var book = WalletBook()
    private var purchases: Int64 = 0

    init(_ denomination: Denomination, pauseSlices: Double) { (self.denomination, self.pauseSlices) = (denomination, pauseSlices) }

    mutating func want(at slice: Slice) {
        purchases += 1
        book.purchases.append(Purchase(id: purchases, denomination: denomination, isUrgent: false, notBefore: slice))
    }

    /// What it orders in this slice; the tokens for that are not its any more.
    mutating func orders(_ rules: WalletRules, motes: [ListedMote], at slice: Slice, random: inout SeededRandom) -> [Intent] {
        book.listed = Dictionary(uniqueKeysWithValues: (1...rules.slicesAhead).map { (slice + $0, motes) })
        let intents = WalletPlan(book, at: slice, rules: rules, random: &random).intents
        let spent = Set(intents.flatMap { $0.inputs.map(\.token.nonce) })
        book.tokens.removeAll { spent.contains($0.nonce) }
        for intent in intents { if case .purchase(let id) = intent.purpose { book.purchases.removeAll { $0.id == id } } }
        return intents
    }

    /// What an order had in it that was not carried out.
    mutating func giveBack(_ tokens: [WalletToken]) { book.tokens += tokens }

    /// Takes a token in, and says when it is ripe and when stale.
    mutating func take(_ token: Token, _ role: KeyRole, at slice: Slice, random: inout SeededRandom) -> TokenStock.Held {
        var stock = TokenStock()
        stock.add(token, role, at: slice, random: &random)
        let held = stock.held[0]
        book.tokens.append(WalletToken(token: token, role: role, counter: 0, since: held.since, ripe: held.ripe, stale: held.stale))
        return held
    }
}

internal import Glibc

/// What a wallet orders in a slice, given what it has. A function of the book and of randomness; it is asked once a slice.
///
/// What its owner wants comes first, then what must not be late, then what keeps a stock of aged credit, then cover. Each order takes its
/// tokens out of the pool, so no token is in two.
package struct WalletPlan {
    let book: WalletBook
    let slice: Slice
    let rules: WalletRules
    var pool: [WalletToken]
    package private(set) var intents: [Intent] = []
    /// Purchases that must wait, and for what.
    package private(set) var waiting: [Int64: Wait] = [:]
    /// Tokens of each denomination that somebody waits for.
    private var needed: [Denomination: Int] = [:]

    package enum Wait: String, Sendable {
        case credit = "there is too little credit"
        case change = "larger credit is being changed"
        case age = "credit is too fresh to be spent without giving away who paid for it"
        case motes = "no mote is listed for the next slices"
        case time = "its time has not come"
    }

    /// The orders of a slice that still takes them.
    package init(_ book: WalletBook, at slice: Slice, rules: WalletRules, random: inout some RandomNumberGenerator) {
        (self.book, self.slice, self.rules) = (book, slice, rules)
        pool = book.tokens
        for pack in book.packs { intents.append(Intent(.pack(pack.receipt), .prepay, .receipt(pack.receipt, signature: pack.signature))) }
        planLots(&random)
        for purchase in book.purchases { plan(purchase, &random) }
        planRefunds(&random)
        planDoubts(&random)
        planStale(&random)
        planCover(&random)
        planChange(&random)
    }

    mutating func add(_ intent: Intent) { intents.append(intent) }

    mutating func take(_ tokens: [WalletToken]) {
        let nonces = Set(tokens.map(\.nonce))
        pool.removeAll { nonces.contains($0.nonce) }
    }

    // MARK: credit

    /// So many of one key, drawn among those that may be spent (`TokenStock.choose`), out of the pool. If there are none, so many are needed.
    mutating func draw(_ count: Int, _ denomination: Denomination, isUrgent: Bool, _ random: inout some RandomNumberGenerator) -> [WalletToken]? {
        let sure = pool.filter { !$0.isDoubtful }
        guard let chosen = TokenStock(sure.map(\.held)).choose(count, denomination, at: slice, isUrgent: isUrgent || rules.isHurried, random: &random) else {
            needed[denomination, default: 0] += count
            return nil
        }
        let nonces = chosen.map(\.token.input.nonce), tokens = nonces.compactMap { nonce in sure.first { $0.nonce == nonce } }
        take(tokens)
        return tokens
    }

    private mutating func plan(_ purchase: Purchase, _ random: inout some RandomNumberGenerator) {
        guard purchase.notBefore <= slice else { return waiting[purchase.id] = .time }
        guard let (day, places) = book.places(for: purchase.denomination, at: slice, rules, &random) else { return waiting[purchase.id] = .motes }
        guard let tokens = draw(3, purchase.denomination, isUrgent: purchase.isUrgent, &random) else { return waiting[purchase.id] = reason(purchase.denomination) }
        add(Intent(.purchase(purchase.id), .buy(purchase.denomination), .day(day), tokens.map { Recipe.Input($0) }, places: places))
    }

    private func reason(_ denomination: Denomination) -> Wait {
        let worth = { (tokens: [WalletToken]) in tokens.reduce(Int64(0)) { sum, token in if case .credit(let own, _) = token.role, own.value >= denomination.value { sum + own.value } else { sum } } }
        let expected = book.orders.reduce(Int64(0)) { sum, order in sum + order.credit(atLeast: denomination) }
        let here = pool.filter { $0.role.accepted.contains(slice) && !$0.isDoubtful }
        guard worth(here) + expected >= 3 * denomination.value else { return .credit }
        let ripe = worth(here.filter { $0.ripe <= slice })
        return ripe < 3 * denomination.value && !rules.isHurried && worth(here) >= 3 * denomination.value ? .age : .change
    }

    // MARK: stock

    /// Larger tokens are split until there are as many small ones as are needed or kept; many small ones become larger.
    private mutating func planChange(_ random: inout some RandomNumberGenerator) {
        var missing = 0
        for denomination in [Denomination.one, .four, .sixteen, .sixtyFour] {
            guard let larger = denomination.larger else { continue }
            let kept = denomination == .four || denomination == .sixteen ? rules.stock : 0
            let have = count(denomination) + book.orders.reduce(0) { $0 + $1.expected(denomination) }
            let short = max(kept, needed[denomination] ?? 0) + missing - have
            guard short > 0 else {
                missing = 0
                planMerge(denomination, beyond: kept + rules.stock, &random)
                continue
            }
            // One of the larger gives four.
            missing = (short + 3) / 4
            let isUrgent = needed[denomination] != nil && book.purchases.contains(where: \.isUrgent)
            for _ in 0..<missing {
                guard let tokens = change(1, larger, isUrgent: isUrgent, &random) else { break }
                add(Intent(.change, .split(larger), .none, tokens.map { Recipe.Input($0) }))
                missing -= 1
            }
        }
    }

    private mutating func planMerge(_ denomination: Denomination, beyond kept: Int, _ random: inout some RandomNumberGenerator) {
        guard denomination.larger != nil, count(denomination) >= kept + 4, let tokens = change(4, denomination, isUrgent: false, &random) else { return }
        add(Intent(.change, .merge(denomination), .none, tokens.map { Recipe.Input($0) }))
    }

    /// As `draw`, but a lack of it is no need of its own.
    private mutating func change(_ count: Int, _ denomination: Denomination, isUrgent: Bool, _ random: inout some RandomNumberGenerator) -> [WalletToken]? {
        let before = needed
        defer { needed = before }
        return draw(count, denomination, isUrgent: isUrgent, &random)
    }

    private func count(_ denomination: Denomination) -> Int {
        pool.count { if case .credit(denomination, _) = $0.role { $0.role.accepted.contains(slice) && !$0.isDoubtful } else { false } }
    }

    // MARK: what ages

    /// Credit of old weeks whose day has come; what is too little to be rolled is split instead.
    private mutating func planStale(_ random: inout some RandomNumberGenerator) {
        let due = pool.filter { !$0.isDoubtful && $0.isOldCredit(at: slice) && $0.stale <= slice }
        for (role, tokens) in Dictionary(grouping: due, by: \.role).sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            guard case .credit(let denomination, _) = role else { continue }
            let drawn = tokens.sorted { $0.nonce.lexicographicallyPrecedes($1.nonce) }.shuffled(using: &random), whole = drawn.count / 3 * 3
            for start in stride(from: 0, to: whole, by: 3) { roll(Array(drawn[start..<start + 3]), denomination) }
            let isLate = slice >= role.accepted.upperBound - Self.lateSlices
            guard isLate, denomination != .one else { continue }
            for token in drawn[whole...] {
                take([token])
                add(Intent(.roll, .split(denomination), .none, [Recipe.Input(token)]))
            }
        }
    }

    /// A day before a key's end everything must go.
    private static let lateSlices = Slice.perDay

    private mutating func roll(_ tokens: [WalletToken], _ denomination: Denomination, _ purpose: Intent.Purpose = .roll) {
        take(tokens)
        add(Intent(purpose, .roll(denomination), .none, tokens.map { Recipe.Input($0) }))
    }

    /// A Poisson process whose rate is at least that of purchases: how many there are says nothing.
    private mutating func planCover(_ random: inout some RandomNumberGenerator) {
        guard !rules.isHurried else { return }
        let rate = max(rules.leastCover, Double(book.purchasesOfDay) / Double(Slice.perDay))
        for _ in 0..<Poisson.draw(rate, &random) {
            let old = pool.filter { !$0.isDoubtful && $0.isOldCredit(at: slice) }
            guard let chosen = TokenStock(old.map(\.held)).any(3, random: &random), case .credit(let denomination, _)? = chosen.first?.role else { return }
            roll(chosen.compactMap { held in old.first { $0.token == held.token } }, denomination)
        }
    }

    // MARK: what came with a backup

    /// Whether such a token is unspent shows when an order with it is carried out. Old credit is rolled; this week's is changed.
    private mutating func planDoubts(_ random: inout some RandomNumberGenerator) {
        let doubted = pool.filter { if case .credit = $0.role { $0.isDoubtful && $0.role.accepted.contains(slice) && (rules.isHurried || $0.ripe <= slice) } else { false } }
        for (role, tokens) in Dictionary(grouping: doubted, by: \.role).sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            guard case .credit(let denomination, let week) = role else { continue }
            let drawn = tokens.sorted { $0.nonce.lexicographicallyPrecedes($1.nonce) }.shuffled(using: &random)
            let size = week < slice.week ? 3 : denomination == .one ? 4 : 1
            guard drawn.count >= size else { continue }
            let chosen = Array(drawn.prefix(size))
            take(chosen)
            let shape: Shape = week < slice.week ? .roll(denomination) : denomination == .one ? .merge(.one) : .split(denomination)
            add(Intent(.proof, shape, .none, chosen.map { Recipe.Input($0) }))
            // One order a slice: several in one would show that they belong together.
            guard rules.isHurried else { return }
        }
    }
}

extension WalletToken {
    func isOldCredit(at slice: Slice) -> Bool {
        guard case .credit(_, let week) = role else { return false }
        return week < slice.week && role.accepted.contains(slice)
    }
}

extension Recipe {
    /// Tokens of that denomination that it becomes if all goes well.
    fileprivate func expected(_ denomination: Denomination) -> Int {
        (wanted ?? []).reduce(0) { sum, output in if case .credit(denomination, _) = output.role, !isDraw { sum + output.count } else { sum } }
    }

    fileprivate func credit(atLeast least: Denomination) -> Int64 {
        (wanted ?? []).reduce(0) { sum, output in if case .credit(let own, _) = output.role, own.value >= least.value, !isDraw { sum + own.value * Int64(output.count) } else { sum } }
    }

    private var isDraw: Bool { if case .permit = shape { true } else { false } }
}

extension TokenStock {
    /// So many of one key, whichever.
    fileprivate func any(_ count: Int, random: inout some RandomNumberGenerator) -> [Held]? {
        let keys = Dictionary(grouping: held, by: \.role).filter { $0.value.count >= count }
        let all = keys.values.joined().sorted { $0.token.input.nonce.lexicographicallyPrecedes($1.token.input.nonce) }
        guard let role = all.randomElement(using: &random)?.role else { return nil }
        return Array(all.filter { $0.role == role }.shuffled(using: &random).prefix(count))
    }
}

/// Events that come independently of each other.
enum Poisson {
    private static let limit = 64

    /// How many there are, with so many on average (Knuth's way; fine for the small rates here).
    static func draw(_ mean: Double, _ random: inout some RandomNumberGenerator) -> Int {
        var left = mean, count = 0
        while count < limit {
            left -= exponential(&random)
            guard left > 0 else { return count }
            count += 1
        }
        return count
    }

    /// With mean 1.
    private static func exponential(_ random: inout some RandomNumberGenerator) -> Double { -log(1 - Double.random(in: 0..<1, using: &random)) }
}

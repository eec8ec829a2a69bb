/// What may still be spent, limit by limit. A lease is promised whole, at its worst, before anything is bought.
package struct Budget: Equatable, Sendable {
    /// One limit and what is left of it.
    package struct Limit: Equatable, Sendable {
        /// For people: `ceiling in USD`, `0.50 USD a day at hetzner`.
        package let name: String
        package let currency: Currency
        /// Absent: of all providers, of all payers.
        package let provider: String?
        package let payer: String?
        package fileprivate(set) var left: Amount

        package init(name: String, currency: Currency, provider: String? = nil, payer: String? = nil, left: Amount) {
            (self.name, self.currency, self.provider, self.payer, self.left) = (name, currency, provider, payer, left)
        }

        /// Whether it bounds the whole fleet in its currency.
        package var isGeneral: Bool { provider == nil && payer == nil }

        func binds(_ currency: Currency, _ provider: String, _ payer: String) -> Bool {
            self.currency == currency && self.provider ?? provider == provider && self.payer ?? payer == payer
        }
    }

    package private(set) var limits: [Limit]
    package private(set) var promised = Purse()

    package init(limits: [Limit]) { self.limits = limits }

    package init(ceilings: [Currency: Amount], beside others: [Limit] = []) {
        limits = others + ceilings.sorted { $0.key < $1.key }.map { Limit(name: "ceiling in \($0.key)", currency: $0.key, left: $0.value) }
    }

    /// What one more lease there may cost. A currency that no limit bounds as a whole has nothing to spend.
    package func left(_ currency: Currency, provider: String = "", payer: String = "") -> Amount { tightest(currency, provider, payer)?.left ?? .zero }

    /// The limit that leaves the least for a lease there; `nil` if the currency is not budgeted.
    package func tightest(_ currency: Currency, _ provider: String, _ payer: String) -> Limit? {
        guard limits.contains(where: { $0.isGeneral && $0.currency == currency }) else { return nil }
        return narrowest(currency, provider, payer)
    }

    /// The same, whether or not the currency is budgeted as a whole; `nil` if no limit binds there.
    package func narrowest(_ currency: Currency, _ provider: String, _ payer: String) -> Limit? {
        limits.filter { $0.binds(currency, provider, payer) }.min { $0.left < $1.left }
    }

    /// Promises so much, or says no and changes nothing.
    package mutating func promise(_ amount: Amount, _ currency: Currency, provider: String = "", payer: String = "") -> Bool {
        guard let tightest = tightest(currency, provider, payer), amount <= tightest.left else { return false }
        take(amount, currency, provider: provider, payer: payer)
        return true
    }

    /// Takes so much from every limit that binds there, whether or not it is there.
    package mutating func take(_ amount: Amount, _ currency: Currency, provider: String, payer: String) {
        for index in limits.indices where limits[index].binds(currency, provider, payer) { limits[index].left = limits[index].left - amount }
        promised.add(amount, currency)
    }
}

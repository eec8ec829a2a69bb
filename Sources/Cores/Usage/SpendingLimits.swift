package import Ambience
package import Prices

/// The most that may be spent, of one currency, in a period, perhaps with one provider or by one payer only.
package struct SpendingLimit: Hashable, Codable, Sendable {
    package enum Period: String, CaseIterable, Codable, Sendable {
        /// For ever.
        case total
        /// A calendar month, UTC.
        case month
        /// From midnight to midnight, UTC.
        case day
    }

    package let currency: Currency
    package let period: Period
    package let provider: String?
    package let payer: String?
    package var amount: Amount

    package init(_ amount: Amount, _ currency: Currency, per period: Period, provider: String? = nil, payer: String? = nil) {
        (self.amount, self.currency, self.period, self.provider, self.payer) = (amount, currency, period, provider, payer)
    }

    /// Two limits of the same scope are one: the later counts.
    package func hasScope(of other: SpendingLimit) -> Bool {
        currency == other.currency && period == other.period && provider == other.provider && payer == other.payer
    }

    /// `2.00 USD a day with hetzner, paid by first`
    package var text: String {
        let time = switch period {
        case .total: "in all"
        case .month: "a month"
        case .day: "a day"
        }
        return "\(amount.text(decimals: 2)) \(currency) \(time)" + (provider.map { " with \($0)" } ?? "") + (payer.map { ", paid by \($0)" } ?? "")
    }
}

/// What was committed in one currency, with one provider, by one payer, on the day on which the leases were intended. A lease counts whole on that day.
package struct Outlay: Equatable, Sendable {
    package let currency: Currency
    package let provider: String
    package let payer: String
    package let day: Int64
    package let amount: Amount

    package init(currency: Currency, provider: String, payer: String, day: Int64, amount: Amount) {
        (self.currency, self.provider, self.payer, self.day, self.amount) = (currency, provider, payer, day, amount)
    }
}

/// All limits that hold for one cloud after the other, beside the ceilings that each is brought up with.
package struct SpendingLimits: Equatable, Codable, Sendable {
    package private(set) var limits: [SpendingLimit]

    /// The most that can be set.
    package static let countLimit = 64

    package init(_ limits: [SpendingLimit] = []) { self.limits = limits }

    /// False if there are too many already.
    @discardableResult
    package mutating func set(_ limit: SpendingLimit) -> Bool {
        if let index = limits.firstIndex(where: { $0.hasScope(of: limit) }) { limits[index] = limit; return true }
        guard limits.count < Self.countLimit else { return false }
        limits.append(limit)
        return true
    }

    /// Whether there was one of this scope.
    package mutating func remove(like limit: SpendingLimit) -> Bool {
        let count = limits.count
        limits.removeAll { $0.hasScope(of: limit) }
        return limits.count < count
    }

    /// What is used of each limit now.
    package func used(_ outlays: [Outlay], now: WallTime) -> [(limit: SpendingLimit, used: Amount)] {
        limits.map { limit in (limit, outlays.filter { limit.counts($0, now) }.reduce(.zero) { $0 + $1.amount }) }
    }

    /// What is left, for whoever wants to commit more now; the ceilings that a cloud is brought up with are not among it.
    package func budget(_ outlays: [Outlay], now: WallTime) -> Budget {
        Budget(limits: used(outlays, now: now).map { limit, used in
            Budget.Limit(name: limit.text, currency: limit.currency, provider: limit.provider, payer: limit.payer, left: limit.amount - used)
        })
    }
}

extension SpendingLimit {
    fileprivate func counts(_ outlay: Outlay, _ now: WallTime) -> Bool {
        guard currency == outlay.currency, provider ?? outlay.provider == outlay.provider, payer ?? outlay.payer == outlay.payer else { return false }
        switch period {
        case .total: return true
        case .day: return outlay.day == now.day
        case .month: return WallTime(day: outlay.day).description.prefix(7) == now.description.prefix(7)
        }
    }
}

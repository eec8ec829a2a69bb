/// A currency by its three capital letters, ISO 4217.
package struct Currency: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible, Codable, CodingKeyRepresentable {
    package let rawValue: String

    package init?(rawValue: String) {
        guard rawValue.utf8.count == 3, rawValue.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else { return nil }
        self.rawValue = rawValue
    }

    package static func < (a: Currency, b: Currency) -> Bool { a.rawValue < b.rawValue }

    package var description: String { rawValue }
}

/// So much of one currency.
package struct Money: Hashable, Codable, Sendable, CustomStringConvertible {
    package let amount: Amount
    package let currency: Currency

    package init(_ amount: Amount, _ currency: Currency) {
        self.amount = amount
        self.currency = currency
    }

    /// To the cent and never below what will be billed.
    package var description: String { "\(amount.text(decimals: 2, .up)) \(currency)" }
}

/// Money of several currencies side by side. Nothing is converted: a rate of exchange is no price that anybody here knows.
package struct Purse: Equatable, Sendable {
    package private(set) var amounts: [Currency: Amount] = [:]

    package init() {}

    package subscript(_ currency: Currency) -> Amount { amounts[currency] ?? .zero }

    package mutating func add(_ amount: Amount, _ currency: Currency) { amounts[currency, default: .zero] += amount }

    /// Takes back what was added.
    package mutating func remove(_ amount: Amount, _ currency: Currency) { amounts[currency] = self[currency] - amount }

    package static func += (a: inout Purse, b: Purse) {
        for (currency, amount) in b.amounts { a.add(amount, currency) }
    }

    /// To the cent and never below what will be billed: `1.20 EUR + 0.35 USD`.
    package var text: String {
        guard !amounts.isEmpty else { return "0.00" }
        return amounts.sorted { $0.key < $1.key }.map { "\($0.value.text(decimals: 2, .up)) \($0.key)" }.joined(separator: " + ")
    }
}

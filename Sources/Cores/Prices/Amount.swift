/// An exact decimal: a whole number of quintillionths (10⁻¹⁸). Prices and quantities alike are such numbers, and none is ever floating point.
///
/// Sums and differences are exact. A product or quotient is rounded once, half up, at the eighteenth decimal: so results that have a shorter
/// decimal form are exact too. What does not fit (over 10²⁰) stays at the largest amount: too much money never becomes little.
package struct Amount: Hashable, Comparable, Sendable {
    private let attos: Int128

    private init(attos: Int128) { self.attos = attos }

    /// There are no debts: less than nothing is nothing.
    package init(_ whole: Int64) { attos = Int128(max(0, whole)) * Self.one }

    private static let one: Int128 = 1_000_000_000_000_000_000
    private static let decimalsLimit = 18
    private static let wholeDigitsLimit = 15

    package static let zero = Amount(0)
    private static let most = Amount(attos: .max)

    /// Digits with at most one point among them: `12`, `0.0042`. No sign and no exponent; at most 15 digits before the point and 18 after it.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = parts.first, (1...Self.wholeDigitsLimit).contains(whole.count) else { return nil }
        let decimals = parts.count == 2 ? parts[1] : whole[whole.endIndex...]
        guard parts.count == 1 || (1...Self.decimalsLimit).contains(decimals.count) else { return nil }
        var value: Int128 = 0
        for digit in [whole, decimals].joined() {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + Int128(digit - 0x30)
        }
        attos = value * Self.power(Self.decimalsLimit - decimals.count)
    }

    private static func power(_ exponent: Int) -> Int128 { (0..<max(0, exponent)).reduce(1) { power, _ in power * 10 } }

    package static func < (a: Amount, b: Amount) -> Bool { a.attos < b.attos }

    package static func + (a: Amount, b: Amount) -> Amount {
        let (sum, isOver) = a.attos.addingReportingOverflow(b.attos)
        return isOver ? most : Amount(attos: sum)
    }

    /// Never below zero: what is left of a ceiling is nothing at worst.
    package static func - (a: Amount, b: Amount) -> Amount { a <= b ? zero : Amount(attos: a.attos - b.attos) }

    package static func += (a: inout Amount, b: Amount) { a = a + b }

    package static func * (a: Amount, b: Amount) -> Amount { a.scaled(b.attos, over: one) }

    package static func * (a: Amount, count: Int64) -> Amount { a.scaled(Int128(count), over: 1) }

    /// `self × numerator ÷ denominator`, multiplied first.
    package func times(_ numerator: Int64, over denominator: Int64) -> Amount { scaled(Int128(numerator), over: Int128(denominator)) }

    package static func / (a: Amount, b: Amount) -> Amount { b == zero ? most : a.scaled(one, over: b.attos) }

    /// The exact product over `divisor`, rounded half up.
    private func scaled(_ factor: Int128, over divisor: Int128) -> Amount {
        guard attos > 0, factor > 0 else { return .zero }
        let product = attos.multipliedFullWidth(by: factor)
        guard divisor > 0, product.high <= max(0, divisor / 2 - 1), product.high > 0 || product.low <= Int128.max || divisor > 1 else { return Self.most }
        let (quotient, remainder) = divisor.dividingFullWidth(product)
        return Amount(attos: quotient) + Amount(attos: remainder >= divisor - remainder ? 1 : 0)
    }
}

extension Amount {
    package enum Rounding: Sendable {
        /// To the nearest; a half goes up.
        case nearest
        /// Whatever is above the last decimal that stays makes it one more: a forecast is never below the bill.
        case up
    }

    package func rounded(_ rounding: Rounding, decimals: Int = 2) -> Amount {
        let step = Self.power(Self.decimalsLimit - decimals)
        let rest = attos % step
        guard rest != 0 else { return self }
        let goesUp = rounding == .up || rest >= step - rest
        return Amount(attos: attos - rest) + Amount(attos: goesUp ? step : 0)
    }

    /// Whole hundredths.
    package func cents(_ rounding: Rounding = .nearest) -> Int64 { Int64(clamping: rounded(rounding).attos / Self.power(Self.decimalsLimit - 2)) }

    /// Whole billionths, rounded up: what a database adds up. Up to nine thousand millions.
    package var nanos: Int64 { Int64(clamping: rounded(.up, decimals: 9).attos / Self.power(Self.decimalsLimit - 9)) }

    package init(nanos: Int64) { attos = Int128(max(0, nanos)) * Self.power(Self.decimalsLimit - 9) }

    package var whole: Int64 { Int64(clamping: attos / Self.one) }

    /// With exactly so many decimals, rounded.
    package func text(decimals: Int, _ rounding: Rounding = .nearest) -> String {
        let shown = rounded(rounding, decimals: decimals).attos / Self.power(Self.decimalsLimit - decimals)
        let digits = String(shown)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return decimals == 0 ? padded : padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }

    /// For scores, where a share of a share does not matter. Never for money.
    package func ratio(to other: Amount) -> Double { other == .zero ? .infinity : Double(attos) / Double(other.attos) }
}

extension Amount: CustomStringConvertible, Codable {
    /// All its decimals and no more.
    package var description: String {
        let all = text(decimals: Self.decimalsLimit)
        let short = all.reversed().drop { $0 == "0" }
        return String((short.first == "." ? short.dropFirst() : short).reversed())
    }

    /// Text, not a JSON number: a number would pass through floating point on its way.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let amount = Amount(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected an amount as text, like \"0.0042\"")
        }
        self = amount
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

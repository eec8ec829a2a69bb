/// A version of stock tor, such as `0.4.9.11` or `0.4.8.1-alpha-dev` (version-spec.txt).
package struct TorVersion: Comparable, Hashable, Sendable {
    private let numbers: [Int]
    /// Empty for a release; otherwise what follows the first dash.
    private let status: String

    package init?(_ text: some StringProtocol) {
        let cut = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = (cut.first ?? "").split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Decimal.parse($0, in: 0...Int(Int32.max)) }
        guard (3...4).contains(parts.count), numbers.count == parts.count else { return nil }
        self.numbers = numbers + [Int](repeating: 0, count: 4 - numbers.count)
        status = cut.count == 2 ? String(cut[1]) : ""
    }

    /// Numbers first; status tags compare as text, as stock does.
    package static func < (a: TorVersion, b: TorVersion) -> Bool {
        a.numbers == b.numbers ? a.status < b.status : a.numbers.lexicographicallyPrecedes(b.numbers)
    }
}

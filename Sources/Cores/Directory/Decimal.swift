/// Unsigned decimal numbers as directory documents write them: digits only, no sign, nothing around.
enum Decimal {
    private static let digitLimit = 20

    static func parse<I: FixedWidthInteger>(_ text: some StringProtocol, in range: ClosedRange<I>) -> I? {
        guard !text.isEmpty, text.utf8.count <= digitLimit, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = I(text) else { return nil }
        return range.contains(value) ? value : nil
    }

    static func port(_ text: some StringProtocol) -> UInt16? { parse(text, in: 0...UInt16.max) }
}

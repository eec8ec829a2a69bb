internal import Ambience

/// Lines of `Name value`, the form of an order and of an admission's record. Bytes, not strings: one of the values is a secret.
struct NamedLines {
    /// The longest text that is looked at, in bytes.
    static let textLimitBytes = 256 << 10
    static let linesLimit = 64

    private var values: [String: ArraySlice<UInt8>] = [:]

    /// - Parameters:
    ///   - names: those that may occur, each once. A name that nobody knows may change what the others mean: it is an error.
    ///   - many: those of them that may occur several times; `each` gets them in order.
    init(
        _ text: ArraySlice<UInt8>, names: Set<String>, many: Set<String> = [], each: (String, ArraySlice<UInt8>) throws(OrderFault) -> Void = { _, _ in }
    ) throws(OrderFault) {
        guard text.count <= Self.textLimitBytes else { throw OrderFault(name: nil, expected: "at most \(Self.textLimitBytes) bytes") }
        let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: Self.linesLimit, omittingEmptySubsequences: true)
        guard lines.count <= Self.linesLimit else { throw OrderFault(name: nil, expected: "at most \(Self.linesLimit) lines") }
        for line in lines {
            guard line.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw OrderFault(name: nil, expected: "lines of printable ASCII") }
            guard let space = line.firstIndex(of: 0x20), space > line.startIndex, space + 1 < line.endIndex else {
                throw OrderFault(name: nil, expected: "lines of a name, one space and a value")
            }
            let name = String(decoding: line[..<space], as: UTF8.self), value = line[(space + 1)...]
            guard names.contains(name) || many.contains(name) else { throw OrderFault(name: name, expected: "no such line") }
            if many.contains(name) { try each(name, value); continue }
            guard values.updateValue(value, forKey: name) == nil else { throw OrderFault(name: name, expected: "one such line") }
        }
    }

    func bytes(_ name: String) -> ArraySlice<UInt8>? { values[name] }

    /// A line that must be there, as `read` understands it.
    func required<T>(_ name: String, _ expected: String, _ read: (String) -> T?) throws(OrderFault) -> T {
        guard let value = try optional(name, expected, read) else { throw OrderFault(name: name, expected: "is missing: \(expected)") }
        return value
    }

    func optional<T>(_ name: String, _ expected: String, _ read: (String) -> T?) throws(OrderFault) -> T? {
        guard let bytes = values[name] else { return nil }
        guard let value = read(String(decoding: bytes, as: UTF8.self)) else { throw OrderFault(name: name, expected: expected) }
        return value
    }

    /// Exactly `count` bytes as hex digits, without a string in between; the caller wipes what is secret.
    static func hexBytes(_ text: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == 2 * count else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(count)
        var high: UInt8?
        for digit in text {
            guard let value = nibble(digit) else { return nil }
            if let first = high { out.append(first << 4 | value); high = nil } else { high = value }
        }
        return out
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        case 0x41...0x46: digit - 0x41 + 10
        default: nil
        }
    }
}

/// Why a text is no order.
package struct OrderFault: Error, Equatable, CustomStringConvertible {
    /// The line that is wrong; `nil` when it is the text as a whole.
    package let name: String?
    package let expected: String

    package var description: String { name.map { "\($0): \(expected)" } ?? "the order: expected \(expected)" }
}

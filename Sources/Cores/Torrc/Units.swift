internal import Ambience

/// Numbers with units as stock tor writes them (tor(1), "bytes|KBytes…" and "seconds|minutes…").
enum Units {
    private static let memory: [String: UInt64] = {
        var table: [String: UInt64] = ["": 1, "b": 1, "byte": 1, "bytes": 1]
        for (power, names) in [("k", "kilo"), ("m", "mega"), ("g", "giga"), ("t", "tera")].enumerated() {
            let bytes = UInt64(1) << (10 * UInt64(power + 1))
            for name in ["", "b", "byte", "bytes"] { table[names.0 + name] = bytes }
            for name in ["byte", "bytes"] { table[names.1 + name] = bytes }
            for name in ["bit", "bits"] {
                table[names.0 + name] = bytes / 8
                table[names.1 + name] = bytes / 8
            }
        }
        return table
    }()

    private static let milliseconds: [String: UInt64] = {
        var table: [String: UInt64] = ["msec": 1]
        let lengths: [(String, UInt64)] = [
            ("millisecond", 1), ("second", 1000), ("minute", 60_000), ("hour", 3_600_000), ("day", 86_400_000), ("week", 604_800_000),
            ("month", 2_629_728_000),
        ]
        for (name, length) in lengths {
            table[name] = length
            table[name + "s"] = length
        }
        return table
    }()

    /// Bytes; without a unit the number is bytes.
    static func bytes(_ text: String) throws(ValueError) -> UInt64 {
        let expected = "a number of bytes, KBytes, MBytes, GBytes, KBits, MBits or GBits"
        let (number, unit) = try split(text, expected)
        guard let factor = memory[unit], let bytes = product(number, factor) else { throw ValueError(expected) }
        return bytes
    }

    /// A span; a number without a unit is one of `unit`.
    static func span(_ text: String, unit assumed: String = "seconds") throws(ValueError) -> Instant.Span {
        let expected = "a number of seconds, minutes, hours, days or weeks"
        let (number, unit) = try split(text, expected)
        guard let factor = milliseconds[unit.isEmpty ? assumed : unit], let value = product(number, factor), value <= spanLimitMilliseconds else {
            throw ValueError(expected)
        }
        return .milliseconds(Int64(value))
    }

    /// A hundred years: longer spans are slips of the pen and would overflow nanoseconds.
    private static let spanLimitMilliseconds: UInt64 = 3_155_760_000_000

    private static func split(_ text: String, _ expected: String) throws(ValueError) -> (Substring, String) {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard !number.isEmpty else { throw ValueError(expected) }
        return (number, String(text[number.endIndex...].drop { $0 == " " || $0 == "\t" }).lowercased())
    }

    private static func product(_ number: Substring, _ factor: UInt64) -> UInt64? {
        if let whole = UInt64(number) {
            let (value, overflow) = whole.multipliedReportingOverflow(by: factor)
            return overflow ? nil : value
        }
        guard number.contains("."), let fraction = Double(number) else { return nil }
        return UInt64(exactly: (fraction * Double(factor)).rounded(.down))
    }
}

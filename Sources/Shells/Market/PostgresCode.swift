/// PostgreSQL's binary form of the values that the exchange has, and its way of writing arguments.
enum PostgresCode {
    /// The numbers of its types (pg_type.dat).
    private enum Kind {
        static let bool: UInt32 = 16, bytea: UInt32 = 17, int8: UInt32 = 20, int2: UInt32 = 21, int4: UInt32 = 23, text: UInt32 = 25, name: UInt32 = 19
        static let varchar: UInt32 = 1043, numeric: UInt32 = 1700
    }

    /// None for NULL: it finds that itself.
    static func type(_ value: MarketValue) -> UInt32 {
        switch value {
        case .null: 0
        case .integer: Kind.int8
        case .bytes: Kind.bytea
        case .text: Kind.text
        }
    }

    /// `nil` for NULL.
    static func bytes(_ value: MarketValue) -> [UInt8]? {
        switch value {
        case .null: nil
        case .integer(let integer): (0..<8).map { UInt8(truncatingIfNeeded: integer >> Int64(56 - 8 * $0)) }
        case .bytes(let bytes): bytes
        case .text(let text): Array(text.utf8)
        }
    }

    static func value(_ bytes: [UInt8], _ type: UInt32) throws -> MarketValue {
        switch type {
        case Kind.bytea: return .bytes(bytes)
        case Kind.text, Kind.varchar, Kind.name: return .text(String(decoding: bytes, as: UTF8.self))
        case Kind.bool, Kind.int2, Kind.int4, Kind.int8: return .integer(integer(bytes))
        case Kind.numeric: return .integer(try sum(bytes))
        default: throw MarketStoreError.damaged("PostgreSQL answered with a value of type \(type), which the exchange does not have")
        }
    }

    private static func integer(_ bytes: [UInt8]) -> Int64 {
        let isNegative = bytes.first.map { $0 >= 0x80 } ?? false
        return bytes.reduce(isNegative ? -1 : 0) { $0 << 8 | Int64($1) }
    }

    /// A sum of integers is a decimal number there: a count of digits to the base 10,000, the place of the first, the sign, the places
    /// after the point, then the digits.
    private static func sum(_ bytes: [UInt8]) throws -> Int64 {
        let words = stride(from: 0, to: bytes.count - 1, by: 2).map { Int64(bytes[$0]) << 8 | Int64(bytes[$0 + 1]) }
        let damaged = MarketStoreError.damaged("PostgreSQL answered with a number that is no sum of 64 bits")
        guard words.count >= 4, words[2] == 0 || words[2] == 0x4000, words[3] == 0 else { throw damaged }
        let digits = words[4...]
        guard digits.count == words[0], !digits.isEmpty else { return 0 }
        guard (Int64(digits.count - 1)...4).contains(words[1]) else { throw damaged }
        let sum = try (0...Int(words[1])).reduce(Int64(0)) { sum, place in
            let (high, isAbove) = sum.multipliedReportingOverflow(by: 10_000)
            let (next, isOver) = high.addingReportingOverflow(place < digits.count ? digits[4 + place] : 0)
            guard !isAbove, !isOver else { throw damaged }
            return next
        }
        return words[2] == 0 ? sum : -sum
    }

    /// `?` becomes `$1`, `$2` and so on. The exchange's statements have no question mark in a string.
    static func numbered(_ sql: String) -> String {
        let parts = sql.split(separator: "?", omittingEmptySubsequences: false)
        return parts.dropFirst().enumerated().reduce(String(parts[0])) { "\($0)$\($1.offset + 1)\($1.element)" }
    }
}

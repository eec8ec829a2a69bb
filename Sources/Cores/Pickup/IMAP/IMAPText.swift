internal import Ambience

/// How a server writes strings and dates (RFC 3501, section 9).
enum IMAPText {
    /// Quoted where that is possible, else a literal.
    static func string(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count <= 1_000, bytes.allSatisfy({ $0 >= 32 && $0 < 127 }) else { return literal(bytes) }
        return [UInt8(ascii: "\"")] + bytes.flatMap { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), $0] : [$0] } + [UInt8(ascii: "\"")]
    }

    static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }
    static func orNil(_ bytes: [UInt8]?) -> [UInt8] { bytes.map { string($0) } ?? Array("NIL".utf8) }
    static func literal(_ bytes: some Collection<UInt8>) -> [UInt8] { Array("{\(bytes.count)}\r\n".utf8) + bytes.map { $0 == 0 ? 0x80 : $0 } }
    static func list(_ items: [[UInt8]]) -> [UInt8] { Array("(".utf8) + Array(items.joined(separator: [32])) + Array(")".utf8) }
    static func flags(_ flags: some Sequence<LetterFlag>) -> [UInt8] { list(flags.sorted().map { Array($0.text.utf8) }) }

    /// ` 1-Feb-2027 12:00:00 +0000`, in quotes.
    static func date(_ wall: WallTime) -> String {
        let (year, month, day) = wall.date, date = "\(day)-\(WallTime.months[Int(month) - 1])-\(year)"
        return "\"\(day < 10 ? " " : "")\(date) \(wall.clock) +0000\""
    }

    /// As `date` writes it, with any zone.
    static func dateTime(_ text: [UInt8]) -> WallTime? {
        let words = String(decoding: text, as: UTF8.self).split(separator: " ")
        guard words.count == 3, let day = day(words[0]), words[2].utf8.count == 5, let zone = Int64(words[2].dropFirst()), "+-".contains(words[2].prefix(1)) else { return nil }
        let clock = words[1].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0..<61).contains(clock[2]) else { return nil }
        let offset = (zone / 100 * 60 + zone % 100) * 60
        return day + (clock[0] * 3600 + clock[1] * 60 + clock[2]) - (words[2].hasPrefix("-") ? -offset : offset)
    }

    /// `1-Feb-2027`, the midnight before it.
    static func day(_ text: some StringProtocol) -> WallTime? {
        let words = text.split(separator: "-")
        guard words.count == 3, let day = Int64(words[0]), let year = Int64(words[2]),
            let month = WallTime.months.firstIndex(where: { $0.lowercased() == words[1].lowercased() })
        else { return nil }
        return WallTime(year: year, month: Int64(month) + 1, day: day)
    }

    /// The date in a message's header (RFC 5322, section 3.3), as far as a day goes.
    static func headerDay(_ value: [UInt8]) -> WallTime? {
        let words = String(decoding: value, as: UTF8.self).split(whereSeparator: { " ,\t".contains($0) })
        guard let index = words.firstIndex(where: { Int64($0) != nil }), index + 2 < words.count else { return nil }
        return day("\(words[index])-\(words[index + 1])-\(words[index + 2])")
    }
}

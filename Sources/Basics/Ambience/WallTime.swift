/// Civil time in whole seconds since 1970-01-01 00:00:00 UTC. Leap seconds do not exist here, as in Tor's documents.
package struct WallTime: Comparable, Hashable, Sendable, Codable {
    package var secondsSinceEpoch: Int64

    package init(secondsSinceEpoch: Int64) { self.secondsSinceEpoch = secondsSinceEpoch }

    package static func < (a: WallTime, b: WallTime) -> Bool { a.secondsSinceEpoch < b.secondsSinceEpoch }
    package static func + (a: WallTime, seconds: Int64) -> WallTime { WallTime(secondsSinceEpoch: a.secondsSinceEpoch + seconds) }
    package static func - (a: WallTime, seconds: Int64) -> WallTime { WallTime(secondsSinceEpoch: a.secondsSinceEpoch - seconds) }
    /// Seconds from `b` to `a`.
    package static func - (a: WallTime, b: WallTime) -> Int64 { a.secondsSinceEpoch - b.secondsSinceEpoch }
}

extension WallTime {
    /// Year, month 1–12, day 1–31 in the proleptic Gregorian calendar.
    package var date: (year: Int64, month: Int64, day: Int64) {
        // Days are counted from 0000-03-01 so that the leap day ends a year (H. Hinnant, chrono-compatible date algorithms).
        let days = secondsSinceEpoch.flooredQuotient(86400) + 719_468
        let era = days.flooredQuotient(146_097)
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Seconds since midnight UTC.
    package var secondOfDay: Int64 { secondsSinceEpoch - secondsSinceEpoch.flooredQuotient(86400) * 86400 }
    /// 0 is Sunday.
    package var weekday: Int { Int((secondsSinceEpoch.flooredQuotient(86400) + 4) - (secondsSinceEpoch.flooredQuotient(86400) + 4).flooredQuotient(7) * 7) }

    /// `nil` when a field is out of its range (months have their real lengths).
    package init?(year: Int64, month: Int64, day: Int64, hour: Int64 = 0, minute: Int64 = 0, second: Int64 = 0) {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.flooredQuotient(400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        self.init(secondsSinceEpoch: (era * 146_097 + dayOfEra - 719_468) * 86400 + hour * 3600 + minute * 60 + second)
        guard self.date.day == day, self.date.month == month else { return nil }
    }
}

extension WallTime: CustomStringConvertible {
    /// `2027-01-31 12:00:00`, as in Tor's documents.
    package var description: String { text(between: " ") }
    /// `2027-01-31T12:00:00Z` (RFC 3339).
    package var rfc3339: String { text(between: "T") + "Z" }
    /// `Sun, 31 Jan 2027 12:00:00 GMT` (RFC 9110 HTTP-date).
    package var httpDate: String {
        let (year, month, day) = date
        return "\(Self.weekdays[weekday]), \(two(day)) \(Self.months[Int(month) - 1]) \(four(year)) \(clock) GMT"
    }

    /// Reads `YYYY-MM-DD HH:MM:SS`; a `T` between and a `Z` behind are accepted too. Nothing else is.
    package init?(_ text: some StringProtocol) {
        var digits = Array(text.utf8)
        if digits.count == 20, digits.last == UInt8(ascii: "Z") { digits.removeLast() }
        guard digits.count == 19, digits[10] == UInt8(ascii: " ") || digits[10] == UInt8(ascii: "T") else { return nil }
        for (index, mark) in [(4, "-"), (7, "-"), (13, ":"), (16, ":")] where digits[index] != mark.utf8.first! { return nil }
        func field(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for digit in digits[range] {
                guard (0x30...0x39).contains(digit) else { return nil }
                value = value * 10 + Int64(digit - 0x30)
            }
            return value
        }
        guard let year = field(0..<4), let month = field(5..<7), let day = field(8..<10), let hour = field(11..<13),
            let minute = field(14..<16), let second = field(17..<19)
        else { return nil }
        self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    /// Reads an HTTP-date in its preferred form only.
    package init?(httpDate text: some StringProtocol) {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let month = Self.months.firstIndex(of: String(parts[2])), parts[1].utf8.count == 2, parts[3].utf8.count == 4
        else { return nil }
        let monthText = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        self.init("\(parts[3])-\(monthText)-\(parts[1]) \(parts[4])")
    }

    package static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    private func text(between separator: String) -> String {
        let (year, month, day) = date
        return "\(four(year))-\(two(month))-\(two(day))\(separator)\(clock)"
    }

    /// `12:00:00`
    package var clock: String { "\(two(secondOfDay / 3600)):\(two(secondOfDay / 60 % 60)):\(two(secondOfDay % 60))" }

    private func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    private func four(_ value: Int64) -> String { String(repeating: "0", count: max(0, 4 - "\(value)".utf8.count)) + "\(value)" }
}

extension Int64 {
    /// Division that rounds towards minus infinity.
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

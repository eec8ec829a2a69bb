internal import Ambience

/// Times of RFC 3339, such as `2027-01-31T12:00:00Z` or `2027-01-31T13:00:00+01:00`.
enum RFC3339 {
    /// `nil` unless the text is a time with a zone; fractions of a second are not taken.
    static func time(_ text: String) -> WallTime? {
        if text.utf8.last == UInt8(ascii: "Z") || text.utf8.last == UInt8(ascii: "z") {
            return WallTime(text.dropLast() + "Z")
        }
        guard text.utf8.count == 25, let local = WallTime(text.prefix(19) + "Z") else { return nil }
        let zone = text.dropFirst(19)
        let fields = zone.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
        guard zone.first == "+" || zone.first == "-", fields.count == 2, fields.allSatisfy({ $0.utf8.count == 2 }),
            let hours = UInt8(fields[0]), let minutes = UInt8(fields[1]), hours < 24, minutes < 60
        else { return nil }
        let offset = Int64(hours) * 3600 + Int64(minutes) * 60
        return zone.first == "+" ? local - offset : local + offset
    }
}

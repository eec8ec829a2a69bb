/// 900 seconds, counted from 1970. Everything on the exchange happens once a slice.
package struct Slice: Comparable, Hashable, Sendable, Strideable, Codable {
    package static let seconds: Int64 = 900
    package static let perDay: Int64 = 96
    package static let perWeek: Int64 = 7 * perDay

    package let index: Int64

    package init(_ index: Int64) { self.index = index }
    package init(secondsSinceEpoch: Int64) { index = secondsSinceEpoch / Self.seconds }

    /// Days and weeks are counted from 1970 too; a week has 7 days and begins on a Thursday.
    package var day: Int64 { index / Self.perDay }
    package var week: Int64 { index / Self.perWeek }

    package static func < (a: Slice, b: Slice) -> Bool { a.index < b.index }
    package func advanced(by n: Int64) -> Slice { Slice(index + n) }
    package func distance(to other: Slice) -> Int64 { other.index - index }
    package static func + (a: Slice, n: Int64) -> Slice { a.advanced(by: n) }
    package static func - (a: Slice, n: Int64) -> Slice { a.advanced(by: -n) }

    package static func first(ofDay day: Int64) -> Slice { Slice(day * perDay) }
    package static func first(ofWeek week: Int64) -> Slice { Slice(week * perWeek) }
}

/// How large a mote is. Its shares are sold one by one: a share of a slice is one smm (standard mote-minute).
package enum MoteClass: UInt8, Sendable, CaseIterable, Codable {
    case small = 1, medium, large

    package var shares: Int64 { [15, 60, 240][Int(rawValue) - 1] }
    /// The part of its shares at which orders stop, so that a mote seldom refuses anybody (Poisson: 0.1 % at most).
    package var load: Double { [0.5, 0.7, 0.8][Int(rawValue) - 1] }
    /// Barter rights that a certified mote earns per slice: its shares at that load, in threes.
    package var quota: Int { [2, 14, 64][Int(rawValue) - 1] }
    /// What its permit stakes: three equal tokens.
    package var stake: Denomination { [.four, .sixteen, .sixtyFour][Int(rawValue) - 1] }
}

/// What one credit token is worth, in smm.
package enum Denomination: UInt16, Sendable, CaseIterable, Codable {
    case one = 1, four = 4, sixteen = 16, sixtyFour = 64, twoHundredFiftySix = 256

    package var value: Int64 { Int64(rawValue) }
    /// Four times as much.
    package var larger: Denomination? { Denomination(rawValue: rawValue * 4) }
}

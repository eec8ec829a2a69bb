/// How an exchange counts time. Public, and the same for its whole life.
package struct MarketTime: Hashable, Sendable {
    /// Slices of 900 s, counted from 1970.
    package static let usual = MarketTime(epoch: 0, sliceSeconds: 900)
    /// What a slice has at least; only trials have such short ones.
    package static let leastSliceSeconds: Int64 = 3

    /// When slice 0 begins, in seconds since 1970.
    package let epoch: Int64
    package let sliceSeconds: Int64

    /// Seconds are not before the epoch; a slice has `leastSliceSeconds` at least.
    package init(epoch: Int64, sliceSeconds: Int64) {
        precondition(sliceSeconds >= Self.leastSliceSeconds)
        (self.epoch, self.sliceSeconds) = (epoch, sliceSeconds)
    }

    package func slice(at seconds: Int64) -> Slice { Slice((seconds - epoch) / sliceSeconds) }
    package func start(of slice: Slice) -> Int64 { epoch + slice.index * sliceSeconds }

    /// When so many seconds of a slice of 900 are over; of shorter ones, the same part.
    package func moment(_ second: Int64, of slice: Slice) -> Int64 { start(of: slice) + second * sliceSeconds / 900 }
}

/// The exchange's unit of time (`MarketTime`), usually 900 seconds. Everything on the exchange happens once a slice.
package struct Slice: Comparable, Hashable, Sendable, Strideable, Codable {
    package static let perDay: Int64 = 96
    package static let perWeek: Int64 = 7 * perDay

    package let index: Int64

    package init(_ index: Int64) { self.index = index }

    /// Days and weeks are counted from the same moment; from 1970, a week begins on a Thursday.
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

    /// Slices that one permit lets a mote be listed for.
    package static let slicesPerPermit: Int64 = 4

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

/// When a wallet that was restored asks again for what it had ordered, and for which orders.
///
/// The exchange sees orders that it has already. Their moments must not say which of them are one wallet's: so they are drawn over the market's
/// next whole day, which is the same for all who were restored on one day. Nor may the orders themselves: those under way are the last
/// few, close together, so that finished ones of a whole day and more are asked for among them.
package enum RestorePlan {
    /// Finished orders that are asked for again too, at most.
    package static let finishedLimit = 64

    /// From which slice on, given that of the newest order: since the day before it began.
    package static func first(newest: Slice) -> Slice { Slice.first(ofDay: newest.day - 1) }

    /// Seconds since 1970, the first and the last.
    package static func moments(at now: Int64, _ time: MarketTime) -> ClosedRange<Int64> {
        let day = time.slice(at: now).day + 1
        return time.start(of: .first(ofDay: day))...time.start(of: .first(ofDay: day + 1)) - 1
    }
}

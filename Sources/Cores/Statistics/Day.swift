package import Ambience

/// A time over which something was counted, and which is over.
package struct Day: Equatable, Sendable {
    /// What statistics are told of; nothing finer.
    package static let seconds: Int64 = 86_400

    package let end: WallTime
    package let seconds: Int64

    package init(end: WallTime, seconds: Int64) {
        self.end = end
        self.seconds = seconds
    }

    /// `keyword 2027-01-31 12:00:00 (86400 s)`
    package func line(_ keyword: String) -> String { "\(keyword) \(end) (\(seconds) s)" }
}

/// Says when a day of statistics is over. Each begins where the one before it ended.
package struct DayClock: Sendable {
    private var start: WallTime

    package init(since start: WallTime) { self.start = start }

    /// The day that is over now, once.
    package mutating func over(at now: WallTime) -> Day? {
        if now < start { start = now }
        guard now - start >= Day.seconds else { return nil }
        // A process that slept counted less than a day's length says; so the length is what has really passed.
        let day = Day(end: now, seconds: now - start)
        start = now
        return day
    }
}

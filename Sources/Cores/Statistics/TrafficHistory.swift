package import Ambience

/// Bytes carried in each of the last days, for `write-history` and `read-history` (dir-spec.txt 2.1.2). Only whole days are told.
package struct TrafficHistory: Sendable {
    package static let intervalSeconds: Int64 = 86_400
    package static let intervalLimit = 5

    private var start: WallTime
    private var startTotal: UInt64
    private var lastTotal: UInt64
    /// Oldest first.
    private var values: [UInt64] = []

    /// - Parameter total: bytes so far, from which differences are counted.
    package init(since start: WallTime, total: UInt64 = 0) {
        self.start = start
        startTotal = total
        lastTotal = total
    }

    /// Takes the total now and then, at least once a day.
    package mutating func note(total: UInt64, at now: WallTime) {
        while now - start >= Self.intervalSeconds {
            values.append(lastTotal &- startTotal)
            if values.count > Self.intervalLimit { values.removeFirst() }
            startTotal = lastTotal
            start = start + Self.intervalSeconds
        }
        lastTotal = total
    }

    /// `write-history 2027-01-31 12:00:00 (86400 s) 1,2,3`; `nil` before the first day is over. Values are rounded down to a kibibyte, as in stock.
    package func line(_ keyword: String) -> String? {
        guard !values.isEmpty else { return nil }
        return "\(keyword) \(start) (\(Self.intervalSeconds) s) \(values.map { "\($0 & ~1023)" }.joined(separator: ","))"
    }
}

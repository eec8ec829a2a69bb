package import Ambience

/// Bytes carried in each of the last days, and the best ten seconds of each (dir-spec.txt 2.1.1 "bandwidth", 2.1.2 "write-history").
///
/// Fed with a total once a second. Only whole days are told; the day that is not over is kept over a restart in tor's state file.
package struct TrafficHistory: Sendable {
    package static let intervalSeconds: Int64 = 86_400
    package static let intervalLimit = 5
    /// What a moment's rush says little about: speed is measured over so many seconds.
    private static let windowSeconds = 10
    /// Published and stored values are whole kibibytes, rounded down, as in stock.
    private static let roundedBits: UInt64 = 1023

    private struct Day: Sendable {
        var bytes: UInt64 = 0
        /// In the best window.
        var best: UInt64 = 0
    }

    private var start: WallTime
    private var lastTotal: UInt64
    private var today = Day()
    /// Oldest first.
    private var past: [Day] = []
    /// Totals at the last seconds, oldest first.
    private var window: [UInt64] = []

    /// - Parameter total: bytes so far, from which differences are counted.
    package init(since start: WallTime, total: UInt64 = 0) {
        self.start = start
        lastTotal = total
    }

    /// Takes the total once a second.
    package mutating func note(total: UInt64, at now: WallTime) {
        // A clock that was set back: the day begins anew rather than last for years.
        if now < start { start = now }
        // After a long sleep only so many empty days follow; then all is forgotten.
        for _ in 0...Self.intervalLimit where now - start >= Self.intervalSeconds {
            past.append(today)
            if past.count > Self.intervalLimit { past.removeFirst() }
            today = Day()
            start = start + Self.intervalSeconds
        }
        if now - start >= Self.intervalSeconds { start = now }
        today.bytes &+= total &- lastTotal
        lastTotal = total
        window.append(total)
        guard window.count > Self.windowSeconds else { return }
        today.best = max(today.best, total &- window.removeFirst())
    }

    /// Bytes per second, of the best window of all days.
    package var observed: UInt64 { (past + [today]).map(\.best).max().map { $0 / UInt64(Self.windowSeconds) } ?? 0 }

    /// `write-history 2027-01-31 12:00:00 (86400 s) 1,2,3`; `nil` before the first day is over.
    ///
    /// - Parameter rate: bytes per second that are carried for others at the most: what is above is the node's own traffic.
    package func line(_ keyword: String, rate: UInt64? = nil) -> String? {
        guard !past.isEmpty else { return nil }
        let most = rate.map { $0.multipliedReportingOverflow(by: UInt64(Self.intervalSeconds)) }.flatMap { $0.overflow ? nil : $0.partialValue } ?? .max
        return "\(keyword) \(start) (\(Self.intervalSeconds) s) \(past.map { "\(min($0.bytes & ~Self.roundedBits, most))" }.joined(separator: ","))"
    }

    // MARK: The state file

    /// Lines of the state file: of all days, the one that is not over last.
    ///
    /// - Parameter name: `Read`, `Write`, `IPv6Read`…
    package func state(_ name: String) -> [(key: String, value: String)] {
        let days = past + [today]
        let windowSeconds = UInt64(Self.windowSeconds)
        return [
            ("BWHistory\(name)Ends", "\(start + Self.intervalSeconds)"),
            ("BWHistory\(name)Interval", "\(Self.intervalSeconds)"),
            ("BWHistory\(name)Values", days.map { "\($0.bytes & ~Self.roundedBits)" }.joined(separator: ",")),
            ("BWHistory\(name)Maxima", days.map { "\($0.best / windowSeconds & ~Self.roundedBits)" }.joined(separator: ",")),
        ]
    }

    /// Goes on where a state file left off; lines that cannot be, or are too old, are as if they were not there.
    package mutating func restore(_ name: String, at now: WallTime, _ value: (_ key: String) -> String?) {
        guard let ends = value("BWHistory\(name)Ends").flatMap({ WallTime($0) }), value("BWHistory\(name)Interval") == "\(Self.intervalSeconds)",
            let bytes = Self.numbers(value("BWHistory\(name)Values")), let best = Self.numbers(value("BWHistory\(name)Maxima")),
            bytes.count == best.count, (1...Self.intervalLimit + 1).contains(bytes.count), case let began = ends - Self.intervalSeconds, began <= now,
            now - ends < Self.intervalSeconds * Int64(Self.intervalLimit)
        else { return }
        var days = zip(bytes, best).map { Day(bytes: $0, best: $1.multipliedReportingOverflow(by: UInt64(Self.windowSeconds)).partialValue) }
        today = days.removeLast()
        past = days
        start = began
    }

    private static func numbers(_ text: String?) -> [UInt64]? {
        guard let parts = text?.split(separator: ",", omittingEmptySubsequences: false), case let numbers = parts.compactMap({ UInt64($0) }), numbers.count == parts.count
        else { return nil }
        return numbers
    }
}

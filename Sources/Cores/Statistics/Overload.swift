package import Ambience

/// What a relay tells of having been asked for more than it could do (proposal 328, dir-spec.txt 2.1.1 and 2.1.2).
package struct Overload: Sendable {
    /// After its last sign an overload is told for so long; limits that the operator set, for a shorter time.
    package static let tellSeconds: Int64 = 72 * 3600
    package static let tellLimitsSeconds: Int64 = 24 * 3600
    /// A limit that is reached all the time is counted once in so long.
    private static let limitCountSeconds: Int64 = 60

    /// Of fewer onion skins nothing is concluded.
    private static let leastSkins: UInt64 = 1000

    /// From which part of dropped onion skins on a relay is overloaded, and over which time that is judged.
    package struct SkinTolerance: Equatable, Sendable {
        /// In thousandths of a per cent: `overload_onionskin_ntor_scale_percent`.
        package var dropped: UInt64 = 1000
        /// `overload_onionskin_ntor_period_secs`.
        package var periodSeconds: Int64 = 6 * 3600

        package init() {}
    }

    /// One direction's limit.
    private struct Limit {
        var reached: UInt64 = 0
        var minutes: UInt64 = 0
        var counted: WallTime?

        /// Whether it was reached since the last time.
        mutating func note(_ total: UInt64, at now: WallTime) -> Bool {
            guard total != reached else { return false }
            reached = total
            if counted.map({ now - $0 >= Overload.limitCountSeconds || now < $0 }) ?? true {
                minutes += 1
                counted = now
            }
            return true
        }
    }

    package var tolerance = SkinTolerance()
    /// Out of memory, TCP ports used up, onion skins dropped: `overload-general`.
    private var general: WallTime?
    /// No file descriptors left: `overload-fd-exhausted`.
    private var descriptors: WallTime?
    /// The operator's rate was reached: `overload-ratelimits`.
    private var limits: WallTime?
    private var reading = Limit()
    private var writing = Limit()
    private var skinsSince: WallTime?
    private var skinsBefore: (answered: UInt64, dropped: UInt64) = (0, 0)

    package init() {}

    package mutating func wasGeneral(at now: WallTime) { general = now }
    package mutating func ranOutOfDescriptors(at now: WallTime) { descriptors = now }

    /// Takes how often links had to wait for bandwidth since the start.
    package mutating func note(limitsReached: (read: UInt64, written: UInt64), at now: WallTime) {
        let wasRead = reading.note(limitsReached.read, at: now)
        let wasWritten = writing.note(limitsReached.written, at: now)
        if wasRead || wasWritten { limits = now }
    }

    /// Takes the totals of ntor onion skins; they are judged once in a period.
    package mutating func note(skinsAnswered answered: UInt64, dropped: UInt64, at now: WallTime) {
        guard let since = skinsSince, now >= since else {
            skinsSince = now
            skinsBefore = (answered, dropped)
            return
        }
        let lost = dropped &- skinsBefore.dropped
        let asked = answered &- skinsBefore.answered &+ lost
        guard now - since >= tolerance.periodSeconds, asked >= Self.leastSkins else { return }
        if lost > 0, lost &* 100_000 >= asked &* tolerance.dropped { general = now }
        skinsSince = now
        skinsBefore = (answered, dropped)
    }

    /// The line of the server descriptor; times are told by the hour.
    package func descriptorLine(at now: WallTime) -> String? {
        Self.recent(general, now).map { "overload-general 1 \(Self.hour($0))" }
    }

    /// Lines of the extra-info document.
    package func extraInfoLines(at now: WallTime, rate: UInt64, burst: UInt64) -> [String] {
        let limited = Self.recent(limits, now, Self.tellLimitsSeconds).map {
            "overload-ratelimits 1 \(Self.hour($0)) \(rate) \(burst) \(reading.minutes) \(writing.minutes)"
        }
        let exhausted = Self.recent(descriptors, now).map { "overload-fd-exhausted 1 \(Self.hour($0))" }
        return [limited, exhausted].compactMap(\.self)
    }

    private static func recent(_ time: WallTime?, _ now: WallTime, _ span: Int64 = tellSeconds) -> WallTime? { time.flatMap { now - $0 < span ? $0 : nil } }
    private static func hour(_ time: WallTime) -> WallTime { time - time.secondOfDay % 3600 }
}

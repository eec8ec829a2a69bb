package import Ambience

/// How many bytes a relay may move in an interval, and when it hibernates for that (tor(1), "AccountingMax").
///
/// Within an interval: asleep until a wake-up time guessed from how fast the last quota was used, awake, then few bytes are left
/// (nothing new begins), then none (no traffic). Counts survive in a `Record`.
package struct Accounting {
    /// Which bytes count (tor(1), "AccountingRule").
    package enum Rule: String, Equatable, Sendable { case sum, max, `in`, out }

    package enum Phase: String, Equatable, Sendable {
        case awake
        /// Close to the limit: nothing new begins.
        case soft
        /// At the limit, or before the wake-up time: nothing goes.
        case hard
    }

    package struct Quota: Equatable, Sendable {
        package var limitBytes: UInt64
        package var rule: Rule
        package var calendar: AccountingCalendar

        package init(limitBytes: UInt64, rule: Rule = .max, calendar: AccountingCalendar = AccountingCalendar()) {
            (self.limitBytes, self.rule, self.calendar) = (limitBytes, rule, calendar)
        }
    }

    /// What outlives the process.
    package struct Record: Equatable, Sendable {
        package var start: WallTime
        package var read: UInt64 = 0
        package var written: UInt64 = 0
        package var activeSeconds: Int64 = 0
        /// Bytes a minute, from the interval before; 0 when not known.
        package var expectedPerMinute: UInt64 = 0
        package var softLimitAt: WallTime?
        package var secondsToSoftLimit: Int64 = 0
        package var bytesAtSoftLimit: UInt64 = 0

        package init(start: WallTime) { self.start = start }
    }

    /// Less time than this says nothing about how fast the quota goes.
    private static let leastMeasureSeconds: Int64 = 1800
    /// Longer between two notes, and the clock jumped or the machine slept.
    private static let longestNoteSeconds: Int64 = 10
    private static let softBytes: UInt64 = 500 << 20
    private static let softMinutes: UInt64 = 180

    package private(set) var quota: Quota
    package private(set) var record: Record
    package private(set) var end: WallTime
    /// Bytes per second that could be moved at most.
    private let topRate: UInt64
    private let zone: AccountingCalendar.Zone
    private let chance: (WallTime) -> UInt32

    /// - Parameters:
    ///   - record: of an earlier process, if there was one.
    ///   - topRate: bytes per second that the relay may move in a direction.
    ///   - chance: a number that looks random but is the same whenever the same interval is asked for: a restart does not change the
    ///     wake-up time.
    package init(
        _ quota: Quota, record: Record?, topRate: UInt64, at now: WallTime, zone: @escaping AccountingCalendar.Zone, chance: @escaping (WallTime) -> UInt32
    ) {
        self.quota = quota
        self.topRate = topRate
        self.zone = zone
        self.chance = chance
        self.record = record ?? Record(start: quota.calendar.start(containing: now, zone))
        end = quota.calendar.end(containing: self.record.start, zone)
        follow(now)
    }

    /// What counts by the rule.
    package var usedBytes: UInt64 {
        switch quota.rule {
        case .sum: Self.sum(record.read, record.written)
        case .max: Swift.max(record.read, record.written)
        case .in: record.read
        case .out: record.written
        }
    }

    /// What may still be read and written, as `accounting/bytes-left` tells it: a direction that does not count has all of it.
    package var left: (read: UInt64, written: UInt64) {
        switch quota.rule {
        case .sum: (rest(usedBytes), rest(usedBytes))
        case .max: (rest(record.read), rest(record.written))
        case .in: (rest(record.read), quota.limitBytes)
        case .out: (quota.limitBytes, rest(record.written))
        }
    }

    private func rest(_ used: UInt64) -> UInt64 { used < quota.limitBytes ? quota.limitBytes - used : 0 }

    /// When this interval's traffic begins: early enough to use the quota up, else at a time of its own so that not all relays wake together.
    package var wakeUp: WallTime {
        guard record.expectedPerMinute > 0 else { return record.start }
        let minutes = quota.limitBytes / record.expectedPerMinute
        guard minutes < UInt64(Swift.max(0, end - record.start) / 60) else { return record.start }
        let spare = end - record.start - Int64(minutes) * 60
        return record.start + Int64(chance(record.start)) % Swift.max(1, spare)
    }

    /// 95 % of the quota, or later if the rest is more than 500 MiB or lasts longer than three hours.
    package var softLimitBytes: UInt64 {
        let limit = quota.limitBytes
        let share = limit / 100 * 95 + limit % 100 * 95 / 100
        let (expected, isHuge) = record.expectedPerMinute.multipliedReportingOverflow(by: Self.softMinutes)
        let byRate = expected > 0 && !isHuge && limit > expected ? limit - expected : 0
        return Swift.max(share, limit > Self.softBytes ? limit - Self.softBytes : 0, byRate)
    }

    package func phase(at now: WallTime) -> Phase {
        if usedBytes >= quota.limitBytes || now < wakeUp { return .hard }
        return usedBytes >= softLimitBytes ? .soft : .awake
    }

    /// Counts what went since the last time, and begins a new interval when it is time. A clock that goes back changes nothing.
    package mutating func note(read: UInt64, written: UInt64, seconds: Int64, at now: WallTime) {
        if (1..<Self.longestNoteSeconds).contains(seconds), phase(at: now) != .hard { record.activeSeconds += seconds }
        record.read = Self.sum(record.read, read)
        record.written = Self.sum(record.written, written)
        if record.softLimitAt == nil, usedBytes >= softLimitBytes { noteSoftLimit(now) }
        if now >= end { follow(now) }
    }

    private mutating func noteSoftLimit(_ now: WallTime) {
        record.softLimitAt = now
        record.secondsToSoftLimit = record.activeSeconds
        record.bytesAtSoftLimit = usedBytes
    }

    /// Another quota after a reload; what was moved in this interval stays counted.
    package mutating func use(_ quota: Quota, at now: WallTime) {
        guard quota != self.quota else { return }
        self.quota = quota
        follow(now)
    }

    /// An interval that begins a little elsewhere than remembered (another AccountingStart) is the same one: rather too little is moved
    /// than too much.
    private mutating func follow(_ now: WallTime) {
        let start = quota.calendar.start(containing: now, zone)
        let length = quota.calendar.end(containing: record.start, zone) - quota.calendar.start(containing: record.start, zone)
        if abs(start - record.start) > length / 2 {
            let expected = measuredPerMinute
            record = Record(start: start)
            record.expectedPerMinute = expected
        }
        end = quota.calendar.end(containing: now, zone)
    }

    /// How fast the quota of the ending interval was used, up to the point where it ran out.
    private var measuredPerMinute: UInt64 {
        let top = topRate.multipliedReportingOverflow(by: quota.rule == .sum ? 120 : 60)
        let ceiling = top.overflow ? UInt64.max : top.partialValue
        if let softLimitAt = record.softLimitAt, case let seconds = softLimitAt - Swift.max(record.start, wakeUp), seconds > Self.leastMeasureSeconds {
            return Swift.min(record.bytesAtSoftLimit / UInt64(seconds / 60), ceiling)
        }
        guard record.activeSeconds >= Self.leastMeasureSeconds else { return 0 }
        return Swift.min(usedBytes / UInt64(record.activeSeconds / 60), ceiling)
    }

    /// A state file may say anything.
    private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (sum, isOver) = a.addingReportingOverflow(b)
        return isOver ? .max : sum
    }
}

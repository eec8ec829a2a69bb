internal import Ambience
internal import Limits
internal import Logging
internal import Loops
internal import Relaying
internal import Sealing

/// Keeps a node to its quota (tor(1), "AccountingMax"): counts what it moves, remembers that over restarts, and lets it hibernate
/// when the quota is used up.
final class AccountingRole {
    /// What a killed process may forget: as many bytes or a hundredth of the quota, and what went in so many seconds.
    private static let noteSeconds: Int64 = 600
    private static let noteBytes: UInt64 = 20 << 20

    private let loop: EventLoop
    private let router: OnionRouter
    private let file: AccountingFile
    private let log = Logger(label: "accounting")
    private(set) var accounting: Accounting
    private(set) var phase = Accounting.Phase.awake
    private var seen: (read: UInt64, written: UInt64)
    private var looked: WallTime
    private var saved: (at: WallTime, record: Accounting.Record)?
    private let onPhase: (Accounting.Phase) -> Void

    /// - Parameters:
    ///   - topRate: bytes per second that the node may move in a direction.
    ///   - identity: makes the wake-up time another one for each relay.
    ///   - onPhase: told of every change of the phase.
    init(loop: EventLoop, router: OnionRouter, file: AccountingFile, quota: Accounting.Quota, topRate: UInt64, identity: [UInt8], onPhase: @escaping (Accounting.Phase) -> Void) {
        self.loop = loop
        self.router = router
        self.file = file
        self.onPhase = onPhase
        looked = loop.wall
        let moved = router.totals.statistics
        seen = (moved.bytesCountedRead, moved.bytesCountedWritten)
        accounting = Accounting(quota, record: file.read(), topRate: topRate, at: loop.wall, zone: \.zoneSeconds) { start in
            Digest.sha1(Array("\(start)".utf8) + identity).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        }
        log.notice("Configured hibernation. \(plan)")
    }

    /// Once a second.
    func look() {
        let now = loop.wall, moved = router.totals.statistics
        accounting.note(read: moved.bytesCountedRead &- seen.read, written: moved.bytesCountedWritten &- seen.written, seconds: now - looked, at: now)
        seen = (moved.bytesCountedRead, moved.bytesCountedWritten)
        looked = now
        enter(accounting.phase(at: now))
        if isNoteDue(now) { save() }
    }

    func adopt(_ quota: Accounting.Quota) {
        accounting.use(quota, at: loop.wall)
        look()
    }

    /// There is no quota any more.
    func end() {
        enter(.awake)
        save()
    }

    /// Makes durable what was counted.
    func save() {
        saved = (loop.wall, accounting.record)
        do throws(NodeFailure) { try file.write(accounting.record) } catch { log.warning("Couldn't record bandwidth usage to disk: \(error)") }
    }

    private func isNoteDue(_ now: WallTime) -> Bool {
        guard let saved else { return true }
        let (old, new) = (saved.record, accounting.record)
        guard old != new else { return false }
        let step = min(Self.noteBytes, accounting.quota.limitBytes / 100)
        return old.start != new.start || abs(now - saved.at) >= Self.noteSeconds || new.read - old.read > step || new.written - old.written > step
    }

    private func enter(_ next: Accounting.Phase) {
        guard next != phase else { return }
        phase = next
        switch next {
        case .awake: log.notice("Hibernation period ended. Resuming normal activity. \(plan)")
        case .soft: log.notice("Bandwidth soft limit reached; commencing hibernation. No new connections will be accepted")
        case .hard: log.notice("Going dormant. Blowing away remaining connections. \(plan)")
        }
        router.policy.wakefulness = next == .awake ? .awake : next == .soft ? .tired : .asleep
        if next == .hard { router.hibernate() }
        save()
        onPhase(next)
    }

    private var plan: String {
        "This interval began at \(accounting.record.start.local); the scheduled wake-up time is \(accounting.wakeUp.local); the next interval begins at "
            + "\(accounting.end.local) (all times local)"
    }
}

/// What accounting remembers, in the lines of stock tor's `state` file; times are UTC.
struct AccountingFile {
    private static let (start, read, written) = ("AccountingIntervalStart", "AccountingBytesReadInInterval", "AccountingBytesWrittenInInterval")
    private static let (active, expected) = ("AccountingSecondsActive", "AccountingExpectedUsage")
    private static let (softAt, softSeconds, softBytes) = ("AccountingSoftLimitHitAt", "AccountingSecondsToReachSoftLimit", "AccountingBytesAtSoftLimit")

    let state: StateFile

    func read() -> Accounting.Record? {
        guard let begun = state.time(Self.start) else { return nil }
        func number(_ key: String) -> UInt64 { state.value(key)?.split(separator: " ").first.flatMap { UInt64($0) } ?? 0 }
        var record = Accounting.Record(start: begun)
        record.read = number(Self.read)
        record.written = number(Self.written)
        record.activeSeconds = Int64(clamping: number(Self.active))
        record.expectedPerMinute = number(Self.expected)
        // Of an interval long past, if a version wrote the file that did not know these lines.
        guard let softAt = state.time(Self.softAt), softAt > begun else { return record }
        record.softLimitAt = softAt
        record.secondsToSoftLimit = Int64(clamping: number(Self.softSeconds))
        record.bytesAtSoftLimit = number(Self.softBytes)
        return record
    }

    func write(_ record: Accounting.Record) throws(NodeFailure) {
        try state.set([
            (Self.start, "\(record.start)"), (Self.read, "\(record.read)"), (Self.written, "\(record.written)"), (Self.active, "\(record.activeSeconds)"),
            (Self.expected, "\(record.expectedPerMinute)"), (Self.softAt, record.softLimitAt.map { "\($0)" }),
            (Self.softSeconds, record.softLimitAt.map { _ in "\(record.secondsToSoftLimit)" }),
            (Self.softBytes, record.softLimitAt.map { _ in "\(record.bytesAtSoftLimit)" }),
        ])
    }
}

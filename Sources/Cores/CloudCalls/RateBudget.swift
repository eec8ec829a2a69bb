internal import Ambience

/// How many calls an account may make now: a bucket that fills with time and is corrected by what the answers say. A share of it is for ends alone, so that
/// machines can be ended however many are being ordered and looked for.
struct RateBudget: Sendable {
    enum Kind: CaseIterable, Sendable { case end, create, list }

    private var level: Double
    private var burst: Double
    private var perSecond: Double
    private var at: WallTime?
    /// What the provider takes without a word; a refusal halves `perSecond`, answers bring it back.
    private let usualPerSecond: Double
    /// Until then nothing comes back, and then all: windows of a minute or two are counted so. Longer ones fill little by little.
    private var windowEnds: WallTime?
    private var pauses: [Kind: Pause] = [:]

    private struct Pause {
        var until: WallTime
        var failures: Int
    }

    static let longestPauseSeconds: Int64 = 60
    /// An end is asked for again so soon at latest, whatever the provider says: what it costs to be told off again is less than a machine.
    static let longestEndPauseSeconds: Int64 = 15
    private static let endsShare = 0.2
    /// What an answer may make of the rate.
    private static let slowest = 1.0 / 60, fastest = 100.0

    private static let longestWindowSeconds: Int64 = 120
    private static let recovery = 1.05

    init(_ limits: CallLimits) { (level, burst, perSecond, usualPerSecond) = (limits.burst, limits.burst, limits.perSecond, limits.perSecond) }

    mutating func refill(_ now: WallTime) {
        defer { at = now }
        guard let at else { return }
        if now < at { (pauses, windowEnds) = ([:], nil) }  // The clock stepped back: nobody waits for its past.
        if let end = windowEnds {
            guard now >= end else { return }
            (windowEnds, level) = (nil, burst)
        }
        level = min(burst, level + perSecond * Double(max(0, now - at)))
    }

    /// When a call of that kind may be made; after `refill`.
    func ready(_ kind: Kind, _ now: WallTime) -> WallTime {
        let need = kind == .end ? 1 : 1 + reserve
        let filled = level >= need ? now : windowEnds ?? now + max(1, Int64(((need - level) / perSecond).rounded(.up)))
        return max(filled, pauses[kind]?.until ?? now)
    }

    /// What is left for ends when everybody else must wait.
    private var reserve: Double { min(max(2, burst * Self.endsShare), max(0, burst - 1)) }

    mutating func spend() { level = max(0, level - 1) }

    mutating func learn(_ notes: CallNotes, now: WallTime) {
        if let limit = notes.limit, limit >= 1 {
            burst = limit
            level = min(level, burst)
        }
        guard let remaining = notes.remaining else { return }
        // Others may use the account too: the provider counts, not we.
        level = min(remaining, burst)
        windowEnds = nil
        guard let reset = notes.resetSeconds, reset > 0, burst > remaining else { return }
        if reset <= Self.longestWindowSeconds {
            windowEnds = now + reset
        } else {
            perSecond = min(max((burst - remaining) / Double(reset), Self.slowest), Self.fastest)
        }
    }

    mutating func succeeded(_ kind: Kind) {
        pauses[kind] = nil
        if perSecond < usualPerSecond { perSecond = min(usualPerSecond, perSecond * Self.recovery) }
    }

    mutating func failed(_ kind: Kind, _ failure: CallFailure, now: WallTime, random: inout SeededRandom) {
        switch failure {
        case .quota, .capacity, .invalid: return  // That is about what was asked for, not about asking.
        case .later where kind != .end:
            (level, perSecond) = (min(level, reserve), max(Self.slowest, perSecond / 2))
            // The provider need not say which calls it means.
            for other in [Kind.create, .list] { pause(other, failure.pauseSeconds, now, &random) }
        case .later, .unreachable, .credentials, .unknown: pause(kind, failure.pauseSeconds, now, &random)
        }
    }

    private mutating func pause(_ kind: Kind, _ asked: Int64, _ now: WallTime, _ random: inout SeededRandom) {
        let failures = (pauses[kind]?.failures ?? 0) + 1
        let seconds = max(asked, Self.backOff(failures, longest: Self.longestPauseSeconds, &random))
        pauses[kind] = Pause(until: now + (kind == .end ? min(seconds, Self.longestEndPauseSeconds) : seconds), failures: failures)
    }

    /// 1, 2, 4 … seconds, or as little as half of that, so that not all come back at once.
    static func backOff(_ failures: Int, longest: Int64, _ random: inout SeededRandom) -> Int64 {
        let whole = min(1 << Int64(min(max(failures - 1, 0), 20)), longest)
        return Int64.random(in: (whole + 1) / 2...whole, using: &random)
    }
}

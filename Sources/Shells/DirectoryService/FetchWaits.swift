package import Ambience

/// When a held consensus asks to be replaced.
package enum RefreshRule: Sendable {
    /// As stock clients: some time after 3/4 of an interval beyond fresh-until, so that caches have the next one by then.
    case client
    /// As stock caches: in the first half interval beyond fresh-until.
    case cache
    /// A second or two beyond fresh-until, for networks that live fast (TestingTorNetwork).
    case prompt
}

/// The three times of a consensus (dir-spec "Consensus status document").
package struct ConsensusTimes: Equatable, Sendable {
    package let validAfter: WallTime
    package let freshUntil: WallTime
    package let validUntil: WallTime

    package init(validAfter: WallTime, freshUntil: WallTime, validUntil: WallTime) {
        self.validAfter = validAfter
        self.freshUntil = freshUntil
        self.validUntil = validUntil
    }

    /// The rules are those of stock tor 0.4.9.
    func refreshAt(_ rule: RefreshRule, using random: inout some RandomNumberGenerator) -> WallTime {
        let interval = max(1, freshUntil - validAfter)
        // A cache leaves authorities two minutes to settle, in short intervals a sixteenth of one.
        let settling = interval / 16 < 120 ? max(1, interval / 16) : 120
        let (start, span): (WallTime, Int64) =
            switch rule {
            case .client: (freshUntil + interval * 3 / 4, (validUntil - (freshUntil + interval * 3 / 4)) * 7 / 8)
            case .cache: (freshUntil + settling, interval / 2)
            case .prompt: (freshUntil + 1, 1)
            }
        return min(start + Int64.random(in: 0...max(0, span), using: &random), max(validUntil, freshUntil + 1))
    }
}

/// Doubling waits with a random part, so that many nodes do not come back together.
struct Backoff {
    let first: Instant.Span
    let last: Instant.Span

    /// `failures` counts from 1. The wait is between half and the whole of `first` doubled `failures - 1` times, at most `last`.
    func wait(failures: Int, using random: inout some RandomNumberGenerator) -> Instant.Span {
        let doubled = Double(first.nanoseconds) * Double(1 << min(max(failures - 1, 0), 30))
        let whole = Int64(min(doubled, Double(last.nanoseconds)))
        return Instant.Span(nanoseconds: Int64.random(in: whole / 2...max(whole, 1), using: &random))
    }
}

/// How often something failed, and until when it is left alone.
struct Wait {
    var failures = 0
    var until: Instant?
    var lastSource: Int?

    func isOver(_ now: Instant) -> Bool { until.map { $0 <= now } ?? true }

    mutating func fail(now: Instant, _ backoff: Backoff, using random: inout some RandomNumberGenerator) {
        failures += 1
        until = now + backoff.wait(failures: failures, using: &random)
    }

    mutating func succeed() {
        failures = 0
        until = nil
    }
}

/// One flavour's consensus: when to ask for the next one.
struct ConsensusSchedule {
    var wait = Wait()
    /// The random choice belongs to one consensus, and is made once.
    private var planned: (times: ConsensusTimes, at: WallTime)?

    mutating func plan(_ times: ConsensusTimes, _ rule: RefreshRule, using random: inout some RandomNumberGenerator) {
        guard planned?.times != times else { return }
        planned = (times, times.refreshAt(rule, using: &random))
    }

    func refreshAt(of times: ConsensusTimes) -> WallTime? {
        guard let planned, planned.times == times else { return nil }
        return planned.at
    }

    mutating func note(_ outcome: FetchPlan.Outcome, now: Instant, _ backoff: Backoff, using random: inout some RandomNumberGenerator) {
        if outcome == .complete { wait.succeed() } else { wait.fail(now: now, backoff, using: &random) }
    }
}

/// What is known about one source.
struct SourceRecord {
    let tier: Int
    var wait = Wait()

    mutating func note(_ outcome: FetchPlan.Outcome, now: Instant, _ backoff: Backoff, using random: inout some RandomNumberGenerator) {
        switch outcome {
        case .complete, .partial: wait.succeed()
        case .refused, .unreachable: wait.fail(now: now, backoff, using: &random)
        }
    }
}

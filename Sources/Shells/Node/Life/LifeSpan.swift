package import Ambience
package import Torrc

/// When a mote starts to drain and when it must be gone.
///
/// Both clocks count: setting the wall clock back does not prolong a life, and a monotonic clock that slept with its machine does
/// not either.
package struct LifeSpan: Equatable, Sendable {
    package enum Phase: Equatable, Sendable { case running, draining, over }

    /// What the descriptor advertises.
    package let expires: WallTime
    package let drains: WallTime
    private let end: Instant
    private let drainStart: Instant

    /// `nil` for a node without an end.
    package init?(_ options: MoteOptions, startedAt wall: WallTime, _ now: Instant) {
        let seconds: Int64
        if let expires = options.expires {
            seconds = expires - wall
        } else if let lifetime = options.lifetime {
            seconds = max(1, lifetime.inMilliseconds / 1000)
        } else {
            return nil
        }
        // A drain of more than a third of the life would leave too little of it.
        let drainSeconds = min(options.drainWindow.inMilliseconds / 1000, max(0, seconds / 3))
        expires = wall + seconds
        drains = expires - drainSeconds
        end = now + .seconds(seconds)
        drainStart = now + .seconds(seconds - drainSeconds)
    }

    package func phase(at wall: WallTime, _ now: Instant) -> Phase {
        if wall >= expires || now >= end { return .over }
        return wall >= drains || now >= drainStart ? .draining : .running
    }

    /// How long to sleep before looking again: never long, because the wall clock may be set at any time.
    package func nextLook(at wall: WallTime, _ now: Instant) -> Instant.Span {
        let next = phase(at: wall, now) == .running ? min(drainStart - now, .seconds(drains - wall)) : min(end - now, .seconds(expires - wall))
        return max(.milliseconds(20), min(next, Self.longestSleep))
    }

    /// Until the end, by the clock that says it is nearer.
    package func remaining(at wall: WallTime, _ now: Instant) -> Instant.Span { max(.seconds(0), min(end - now, .seconds(expires - wall))) }

    private static let longestSleep = Instant.Span.seconds(1)
}

package import Ambience
internal import Glibc

/// How many cells a circuit has sent lately: an exponentially weighted sum, in which a cell counts half after one half-life.
///
/// Kept as the logarithm of a sum whose weights grow with time rather than shrink: so a value stays right while its circuit is
/// silent, two values compare without being brought up to date, and there is no tick at which all of them are.
package struct CircuitActivity: Comparable, Sendable {
    private var logarithm = -Double.infinity

    /// A circuit that has sent nothing.
    package init() {}

    /// Counts cells sent now; `position` comes from the clock that all compared circuits share.
    package mutating func add(cells: Int, at position: DecayClock.Position) {
        guard cells > 0 else { return }
        let sent = position.halfLives + log2(Double(cells))
        let (larger, smaller) = (max(sent, logarithm), min(sent, logarithm))
        logarithm = larger + (smaller - larger < -60 ? 0 : log2(1 + exp2(smaller - larger)))
    }

    /// The weighted number of cells as of now.
    package func cells(at position: DecayClock.Position) -> Double { exp2(logarithm - position.halfLives) }

    package static func < (a: CircuitActivity, b: CircuitActivity) -> Bool { a.logarithm < b.logarithm }
}

/// Time counted in half-lives. A change of the half-life changes how fast it goes on, not where it is.
package struct DecayClock: Sendable {
    package struct Position: Sendable {
        fileprivate let halfLives: Double
    }

    private var halfLife: Instant.Span
    private var since: Instant
    private var passed = 0.0

    /// - Parameter halfLife: more than nothing.
    package init(halfLife: Instant.Span, now: Instant) {
        self.halfLife = max(.milliseconds(1), halfLife)
        since = now
    }

    package func position(at now: Instant) -> Position { Position(halfLives: passed + (now - since).inSeconds / halfLife.inSeconds) }

    package mutating func use(halfLife: Instant.Span, now: Instant) {
        guard halfLife != self.halfLife else { return }
        passed = position(at: now).halfLives
        since = now
        self.halfLife = max(.milliseconds(1), halfLife)
    }
}

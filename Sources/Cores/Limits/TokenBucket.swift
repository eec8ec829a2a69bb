package import Ambience

/// Tokens that come back at a rate, up to a burst. A new bucket is full.
///
/// What is missing is remembered, not what is there: so rate and burst may change at any time.
package struct TokenBucket: Sendable {
    private var missing = 0.0
    private var filled: Instant?

    package init() {}

    /// Tokens that are there; below 0 after `spend` took more than there were.
    package mutating func available(rate: Double, burst: Double, now: Instant) -> Double {
        if let filled, now > filled { missing = max(0, missing - (now - filled).inSeconds * rate) }
        filled = now
        return burst - missing
    }

    /// Takes tokens if that many are there.
    package mutating func take(_ count: Double = 1, rate: Double, burst: Double, now: Instant) -> Bool {
        guard available(rate: rate, burst: burst, now: now) >= count else { return false }
        missing += count
        return true
    }

    /// Takes tokens whether they are there or not: what was used is used.
    package mutating func spend(_ count: Double) { missing += count }

    /// Whether nothing is missing.
    package mutating func isFull(rate: Double, now: Instant) -> Bool { available(rate: rate, burst: 0, now: now) >= 0 }
}

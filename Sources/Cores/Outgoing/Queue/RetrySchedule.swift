package import Ambience
internal import Glibc

/// When a letter that could not be delivered is tried again. The times are drawn, for those of a fixed schedule would tie the attempts together; they depend
/// on the letter's age alone, so that a mote that starts again need not remember how often it tried.
package struct RetrySchedule: Hashable, Sendable {
    /// Five days (RFC 5321, 4.5.4.1).
    package var patienceSeconds: Int64 = 5 * 86_400
    /// The mean wait of a young letter: half an hour, as the RFC asks.
    package var firstSeconds: Int64 = 1_800
    /// The mean wait of an old one.
    package var lastSeconds: Int64 = 6 * 3_600

    package init() {}

    package func isOver(since accepted: WallTime, at now: WallTime) -> Bool { now - accepted >= patienceSeconds }

    /// When to try next: half the mean at least, the rest exponential.
    package func next(since accepted: WallTime, at now: WallTime, _ random: inout some RandomNumberGenerator) -> WallTime {
        let age = max(0, now - accepted), mean = Double(min(max(age / 2, firstSeconds), lastSeconds))
        let drawn = mean / 2 * (1 + min(10, Self.exponential(&random)))
        return min(now + max(1, Int64(drawn)), max(now + 1, accepted + patienceSeconds))
    }

    /// Exponential, with mean 1.
    package static func exponential(_ random: inout some RandomNumberGenerator) -> Double {
        -Glibc.log(Double.random(in: Double.leastNormalMagnitude..<1, using: &random))
    }
}

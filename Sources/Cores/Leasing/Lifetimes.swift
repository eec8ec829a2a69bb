package import Ambience

/// Draws ends of lives that stay apart from each other.
package enum Lifetimes {
    /// Draws per mote; the one farthest from every other end is taken.
    private static let candidates = 12

    package static func end(
        after now: WallTime, within range: ClosedRange<Int64>, apartFrom others: [WallTime], random: inout some RandomNumberGenerator
    ) -> WallTime {
        var best = now + Int64.random(in: range, using: &random)
        var bestDistance = distance(best, others)
        for _ in 1..<candidates {
            let end = now + Int64.random(in: range, using: &random)
            let distance = distance(end, others)
            if distance > bestDistance { (best, bestDistance) = (end, distance) }
        }
        return best
    }

    private static func distance(_ end: WallTime, _ others: [WallTime]) -> Int64 {
        others.map { abs($0 - end) }.min() ?? .max
    }
}

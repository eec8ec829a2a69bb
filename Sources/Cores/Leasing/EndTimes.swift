internal import Ambience

/// When motes end, and draws of further ends that stay apart from those.
struct EndTimes {
    /// Draws per mote; the one farthest from every other end is taken.
    private static let candidates = 12

    private var sorted: [WallTime]
    /// How many ends were looked at so far.
    private(set) var comparisons = 0

    /// `sorted`: ascending.
    init(sorted: [WallTime]) { self.sorted = sorted }

    mutating func draw(after now: WallTime, within range: ClosedRange<Int64>, random: inout some RandomNumberGenerator) -> WallTime {
        var best = now + Int64.random(in: range, using: &random)
        var bestDistance = distance(best)
        for _ in 1..<Self.candidates {
            let end = now + Int64.random(in: range, using: &random)
            let distance = distance(end)
            if distance > bestDistance { (best, bestDistance) = (end, distance) }
        }
        return best
    }

    mutating func insert(_ end: WallTime) { sorted.insert(end, at: firstIndex(notBefore: end)) }

    private mutating func distance(_ end: WallTime) -> Int64 {
        let index = firstIndex(notBefore: end)
        let next = index < sorted.count ? sorted[index] - end : .max
        return index > 0 ? min(next, end - sorted[index - 1]) : next
    }

    private mutating func firstIndex(notBefore end: WallTime) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            comparisons += 1
            if sorted[middle] < end { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

package import Ambience

/// Our clock, put right by those of providers, whose answers say what time it is.
///
/// A lease ends at a time of day. A coordinator whose clock is an hour slow would let machines live an hour too long, and one whose clock is fast would
/// end them all. Providers' clocks are right, or nobody could sign requests to them; where one of several is wrong the median is not.
package struct CommonClock: Sendable {
    /// A smaller difference may be the way of the answer.
    private static let leastSeconds: Int64 = 30

    private var offsets: [String: Int64] = [:]

    package init() {}

    /// The provider's clock minus ours, as an answer of now says; `nil` if it does not say.
    package mutating func heard(_ offsetSeconds: Int64?, from provider: String) { if let offsetSeconds { offsets[provider] = offsetSeconds } }

    /// What is added to our clock: the middle one of the providers' differences, of an even number the smaller of the middle ones.
    package var offsetSeconds: Int64 {
        let sorted = offsets.values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let (low, high) = (sorted[(sorted.count - 1) / 2], sorted[sorted.count / 2])
        let middle = abs(low) < abs(high) ? low : high
        return abs(middle) < Self.leastSeconds ? 0 : middle
    }

    package func now(_ ours: WallTime) -> WallTime { ours + offsetSeconds }
}

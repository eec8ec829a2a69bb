internal import Glibc

/// How long packets wait: exponentially, so that whatever left a mote can be any of those that it held. Milliseconds.
package struct MixDelays: Hashable, Sendable {
    package let meanMilliseconds: Double

    /// Letters wait half an hour a hop on average.
    package static let mail = MixDelays(meanMilliseconds: 30 * 60_000)

    /// Beyond its quantile of 1 - 1e-12 a delay is cut. A lower cut would change the law, and a mote's packets would tell their ages.
    private static let cut: Double = -log(1e-12)
    /// What a command can say.
    package static let longestMeanMilliseconds = Double(UInt32.max) / cut

    package init(meanMilliseconds: Double) {
        precondition(meanMilliseconds >= 0 && meanMilliseconds <= Self.longestMeanMilliseconds)
        self.meanMilliseconds = meanMilliseconds
    }

    package func draw(_ random: inout some RandomNumberGenerator) -> UInt32 { UInt32((Self.exponential(&random) * meanMilliseconds).rounded()) }

    /// With mean 1.
    package static func exponential(_ random: inout some RandomNumberGenerator) -> Double {
        // 53 bits and a half more: never zero.
        let uniform = (Double(random.next() >> 11) + 0.5) / Double(UInt64(1) << 53)
        return min(-log(uniform), cut)
    }

    /// What the sum of so many delays exceeds once in 1 / `tail` times.
    package func quantile(hops: Int, tail: Double = 1e-6) -> Double {
        var (low, high) = (0.0, 1000.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if Self.erlangTail(middle, hops) > tail { low = middle } else { high = middle }
        }
        return high * meanMilliseconds
    }

    /// How likely the sum of so many delays of mean 1 exceeds `x`.
    private static func erlangTail(_ x: Double, _ hops: Int) -> Double {
        var (term, sum) = (1.0, 1.0)
        for n in 1..<max(hops, 1) {
            term *= x / Double(n)
            sum += term
        }
        return sum * exp(-x)
    }
}

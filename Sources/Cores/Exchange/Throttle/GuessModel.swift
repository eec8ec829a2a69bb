internal import Glibc

/// How likely somebody who watches every link and runs some of the motes guesses who sent a message, and how wide the network should be
/// for that to be least.
///
/// Wider is worse, because messages are alone in their motes: an honest hop with ρ messages in its pool adds log2(e·ρ) bits (Serjantov and
/// Danezis; Loopix). Narrower is worse, because the hostile motes are a larger part. So there is a best width.
package struct GuessModel: Sendable {
    package static let hops = 3

    /// Users who are active at the same time.
    package let users: Double
    /// Messages per second that they send together.
    package let messages: Double
    /// Mean delay in a mote, in seconds.
    package let delay: Double
    /// Motes that are taken for hostile.
    package let hostile: Double

    package init(users: Double, messages: Double, delay: Double, hostile: Double) {
        (self.users, self.messages, self.delay, self.hostile) = (users, messages, delay, hostile)
    }

    /// Messages in each mote's pool, on average.
    package func occupancy(motes: Double) -> Double { motes > 0 ? messages * delay * Double(Self.hops) / motes : 0 }

    /// Bits that an honest hop adds; never less than none.
    package static func bits(occupancy: Double) -> Double { occupancy > 0 ? max(0, log2(M_E * occupancy)) : 0 }

    /// Over how many of the hops are honest.
    package func guess(motes: Double) -> Double {
        let share = min(1, hostile / max(motes, 1)), perHop = Self.bits(occupancy: motes > 0 ? occupancy(motes: motes) : 0), most = log2(max(users, 1))
        let ways: [Double] = [1, 3, 3, 1]
        return (0...Self.hops).reduce(0) { sum, honest in
            let chance = ways[honest] * pow(share, Double(Self.hops - honest)) * pow(1 - share, Double(honest))
            return sum + chance * exp2(-min(Double(honest) * perHop, most))
        }
    }

    /// The width with the least guess, to 2 %; `nil` when there is none above the hostile motes' own number.
    package func best(upTo limit: Double) -> Double? {
        guard limit > hostile + 1 else { return nil }
        var best: (motes: Double, guess: Double)?, motes = max(hostile + 1, 3)
        while motes <= limit {
            let guess = guess(motes: motes)
            if guess < best?.guess ?? .infinity { best = (motes, guess) }
            motes *= 1.02
        }
        return best?.motes
    }
}

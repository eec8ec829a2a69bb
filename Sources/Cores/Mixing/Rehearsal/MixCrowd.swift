internal import Ambience
internal import Glibc

/// Many people's packets crossing a mix, and somebody who sees when each comes into and out of every mote: to whom does a letter that went in
/// belong of all that came out?
///
/// Delays are drawn by the senders, one by one. Because they have no memory, a packet that leaves a mote is any of those that it holds with the
/// same probability; so the exact chances of every packet are carried along, and nothing is guessed.
package struct MixCrowd {
    package struct Settings: Sendable {
        package var packetsPerSecond = 7.0
        package var meanDelaySeconds = 1800.0
        package var layers = 3
        package var width = 5
        /// Letters that are followed, in each round.
        package var letters = 64
        package var rounds = 1
        package var seed: UInt64 = 1

        package init() {}
    }

    package struct Result: Hashable, Sendable {
        package var letters = 0
        package var packets = 0
        /// Mean over the letters that were followed.
        package var bits = 0.0
        /// -log2 of the best guess's chance.
        package var guessBits = 0.0
    }

    /// In mean delays: until the mix is as full as it stays, while letters are followed into it, and until the last of them is out but for one
    /// part in ten thousand.
    private static let (warming, following, draining) = (8.0, 16.0, 14.0)

    private let settings: Settings
    private let delays: MixDelays
    private var random: SeededRandom

    package init(_ settings: Settings) {
        self.settings = settings
        delays = MixDelays(meanMilliseconds: settings.meanDelaySeconds * 1000)
        random = SeededRandom(seed: settings.seed)
    }

    package mutating func run() -> Result {
        var result = Result()
        for _ in 0..<settings.rounds {
            var round = Round(settings, delays, random: SeededRandom(seed: random.next()))
            let (bits, guessBits, packets) = round.run()
            result.letters += bits.count
            result.packets += packets
            result.bits += bits.reduce(0, +)
            result.guessBits += guessBits.reduce(0, +)
        }
        result.bits /= Double(max(result.letters, 1))
        result.guessBits /= Double(max(result.letters, 1))
        return result
    }

    private struct Round {
        let settings: Settings
        let delays: MixDelays
        var random: SeededRandom
        var queue = HoldQueue<Int>()
        /// Packets in each mote, and each letter's chances to be in it, mote by mote.
        var counts: [Int]
        var chances: [Double]
        var entropy: [Double]
        var best: [Double]
        var followed = 0
        var packets = 0

        init(_ settings: Settings, _ delays: MixDelays, random: SeededRandom) {
            (self.settings, self.delays, self.random) = (settings, delays, random)
            counts = [Int](repeating: 0, count: settings.layers * settings.width)
            chances = [Double](repeating: 0, count: settings.layers * settings.width * settings.letters)
            entropy = [Double](repeating: 0, count: settings.letters)
            best = entropy
        }

        mutating func run() -> (bits: [Double], guessBits: [Double], packets: Int) {
            let mean = settings.meanDelaySeconds * 1000, end = (MixCrowd.warming + MixCrowd.following + MixCrowd.draining) * mean
            var arrival = gap()
            while arrival < end {
                let now = MixTime(milliseconds: UInt64(arrival))
                while let next = queue.next(by: now) { pass(next.item, at: next.due) }
                enter(at: now, isFollowed: arrival >= (MixCrowd.warming + MixCrowd.following * Double(followed) / Double(settings.letters)) * mean)
                arrival += gap()
            }
            return (entropy, best.map { $0 > 0 ? -log2($0) : 0 }, packets)
        }

        private mutating func gap() -> Double { MixDelays.exponential(&random) * 1000 / settings.packetsPerSecond }

        private mutating func enter(at now: MixTime, isFollowed: Bool) {
            let mote = Int.random(in: 0..<settings.width, using: &random)
            if isFollowed, followed < settings.letters {
                chances[mote * settings.letters + followed] += 1
                followed += 1
            }
            packets += 1
            hold(in: mote, at: now)
        }

        private mutating func hold(in mote: Int, at now: MixTime) {
            counts[mote] += 1
            queue.hold(mote, until: now + UInt64(delays.draw(&random)))
        }

        /// A packet leaves a mote, for one of the next layer or for good.
        private mutating func pass(_ mote: Int, at now: MixTime) {
            let share = 1 / Double(counts[mote]), from = mote * settings.letters
            counts[mote] -= 1
            let layer = mote / settings.width + 1
            guard layer < settings.layers else { return leave(from, share) }
            let next = layer * settings.width + Int.random(in: 0..<settings.width, using: &random), to = next * settings.letters
            for letter in 0..<followed where chances[from + letter] > 0 {
                let part = chances[from + letter] * share
                chances[from + letter] -= part
                chances[to + letter] += part
            }
            hold(in: next, at: now)
        }

        private mutating func leave(_ from: Int, _ share: Double) {
            for letter in 0..<followed where chances[from + letter] > 0 {
                let part = chances[from + letter] * share
                chances[from + letter] -= part
                entropy[letter] -= part * log2(part)
                best[letter] = max(best[letter], part)
            }
        }
    }
}

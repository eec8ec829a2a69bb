internal import Ambience
internal import Glibc

/// Some seconds of the market message by message: what the week's simulation takes from formulas is measured here.
///
/// Each mote holds every message for a time drawn from an exponential distribution. It makes cover by what it saw itself in the second
/// before, since nobody sees what is to come: so many messages as then were missing to the floor. Somebody sees each message come and
/// leave, and can tell cover by nothing; how unsure he is of which one left is the entropy.
package struct PoolSimulation {
    package struct Settings: Sendable {
        /// Messages per second on one circuit, and how long a mote holds one on average, in seconds.
        package var messagesPerCircuit = 10.0
        package var delay = 0.05
        /// Messages in a pool that cover makes up to; `nil` for none.
        package var floor: Double? = 5
        package var seconds = 10.0
        /// Of the messages that leave, one in so many is measured.
        package var measuredEvery = 8

        package init() {}
    }

    package struct Result: Sendable {
        /// Of each mote, the mean number of messages in it.
        package var pools: [Double] = []
        /// Bits, averaged over measured messages, and what `GuessModel.bits` says of their motes' pools.
        package var measured = 0.0
        package var predicted = 0.0
        package var messages = 0
        package var cover = 0

        /// The pool of the mote below which a twentieth of all motes are.
        package var lowPool: Double { pools.isEmpty ? 0 : pools.sorted()[pools.count / 20] }
    }

    /// One mote.
    private struct Pool {
        var time = 0.0
        var waiting = 0
        /// Of all that came, the logarithm of what was left of earlier ones' chances then; those before `first` have none left.
        var arrivals: [Double] = []
        var first = 0
        var decay = 0.0
        var filled = 0.0
        var since = 0.0
    }

    private let settings: Settings
    private var random: SeededRandom
    private var result = Result()
    private var bits = 0.0
    private var count = 0

    /// With so many circuits through each mote.
    package static func run(circuits: [Int32], _ settings: Settings, seed: UInt64) -> Result {
        var simulation = PoolSimulation(settings, seed: seed)
        for circuits in circuits { simulation.run(circuits: Double(circuits)) }
        simulation.result.measured = simulation.count > 0 ? simulation.bits / Double(simulation.count) : 0
        simulation.result.predicted = simulation.count > 0 ? simulation.result.predicted / Double(simulation.count) : 0
        return simulation.result
    }

    private init(_ settings: Settings, seed: UInt64) { (self.settings, random) = (settings, SeededRandom(seed: seed)) }

    /// A second to settle, then as many as were asked for. Before it saw anything, a mote takes it that nobody comes.
    private mutating func run(circuits: Double) {
        var pool = Pool(), own = 0, measuredBefore = count
        let rate = circuits * settings.messagesPerCircuit
        for second in 0...Int(settings.seconds) {
            let missing = settings.floor.map { max(0, $0 / settings.delay - Double(own)) } ?? 0
            if second == 1 { (pool.filled, pool.since, measuredBefore) = (0, pool.time, count) }
            own = pass(&pool, until: Double(second + 1), real: rate, cover: missing, isMeasured: second > 0)
        }
        let mean = pool.filled / max(pool.time - pool.since, .leastNonzeroMagnitude)
        result.pools.append(mean)
        result.predicted += Double(count - measuredBefore) * GuessModel.bits(occupancy: mean)
    }

    /// How many real messages came.
    private mutating func pass(_ pool: inout Pool, until end: Double, real: Double, cover: Double, isMeasured: Bool) -> Int {
        var came = 0
        while true {
            let leave = Double(pool.waiting) / settings.delay, all = real + cover + leave
            guard all > 0 else { return came }
            let next = pool.time - log(Double.random(in: .leastNonzeroMagnitude..<1, using: &random)) / all
            guard next < end else {
                pool.filled += Double(pool.waiting) * (end - pool.time)
                pool.time = end
                return came
            }
            pool.filled += Double(pool.waiting) * (next - pool.time)
            pool.time = next
            let drawn = Double.random(in: 0..<all, using: &random)
            if drawn >= leave {
                pool.arrivals.append(pool.decay)
                pool.waiting += 1
                if drawn < leave + real { came += 1 } else if isMeasured { result.cover += 1 }
            } else { self.leave(&pool, isMeasured: isMeasured) }
        }
    }

    /// Each of those that may still be there is as likely the one as what is left of its chance.
    private mutating func leave(_ pool: inout Pool, isMeasured: Bool) {
        let waiting = Double(pool.waiting)
        if isMeasured {
            result.messages += 1
            if result.messages % settings.measuredEvery == 0 { measure(pool, waiting) }
        }
        pool.waiting -= 1
        // The last one leaves nobody a chance.
        if pool.waiting == 0 { (pool.arrivals, pool.first, pool.decay) = ([], 0, 0) } else { pool.decay += log(1 - 1 / waiting) }
        while pool.first < pool.arrivals.count, pool.decay - pool.arrivals[pool.first] < -21 { pool.first += 1 }
        if pool.first > 4096 {
            pool.arrivals.removeFirst(pool.first)
            pool.first = 0
        }
    }

    private mutating func measure(_ pool: Pool, _ waiting: Double) {
        for arrival in pool.arrivals[pool.first...] {
            let chance = exp(pool.decay - arrival) / waiting
            bits -= chance * log2(chance)
        }
        count += 1
    }
}

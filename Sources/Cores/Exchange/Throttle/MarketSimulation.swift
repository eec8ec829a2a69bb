internal import Ambience
internal import Glibc

/// A simulated week of the market: users come, use motes and go; owners want to run motes; the throttle decides how many may.
///
/// Every active user's circuits are drawn mote by mote, so the emptiest motes are counted and not estimated. Repeatable from its seed.
package struct MarketSimulation {
    package struct Settings: Sendable {
        package var users = 1_000_000.0
        package var slices = 672
        package var seed: UInt64 = 1
        package var activeShare = 0.3
        package var messagesPerUser = 10.0
        package var motesWantedPerUser = 0.2
        package var hostile = 100.0
        /// Slices in which only so much of the activity is left.
        package var slump = 500..<520
        package var slumpShare = 0.4
        /// Slices in which somebody pays for tokens that nobody uses, and by how much that inflates what was paid.
        package var inflated = 300..<340
        package var inflation = 1.5

        package init() {}
    }

    package enum Law: String, Sendable, CaseIterable {
        /// Whoever wants to run a mote does.
        case none
        /// The mixing ceiling alone, without cover.
        case ceiling
        /// The whole law: the best width, and cover where a mote is too empty.
        case throttle
        /// The whole law, while somebody inflates the traffic that was paid for.
        case inflated

        package var hasCover: Bool { self == .throttle || self == .inflated }
    }

    /// What a slice came to.
    package struct Row: Sendable {
        package var slice = 0
        package var users = 0.0
        package var active = 0.0
        package var motes = 0.0
        package var target = 0.0
        package var permitsAsked = 0.0
        package var permits = 0.0
        package var size = MoteClass.small
        package var delay = 0.0
        /// Messages in a mote's pool: mean, half of the motes, and the twentieth part that is emptiest; without and with cover.
        package var occupancy = 0.0
        package var occupancyMedian = 0.0
        package var occupancyLow = 0.0
        package var occupancyLowWithCover = 0.0
        /// The part of all messages that is cover.
        package var coverShare = 0.0
        /// Bits that a hop adds, as messages see it on average.
        package var entropy = 0.0
        package var guess = 0.0
        /// Shares sold of those that there are.
        package var load = 0.0
        /// Slices that those who got a permit had waited, on average, and 19 in 20 of them at most.
        package var wait = 0.0
        package var waitHigh = 0.0
        /// What the inflation cost, in smm.
        package var inflationCost = 0.0
    }

    package let settings: Settings
    package let law: Law
    /// Through each mote, in the last slice.
    package private(set) var circuits: [Int32] = []
    private var random: SeededRandom
    private var throttle: Throttle
    /// Permits by the slices that they have left, and the applicants by how long they have waited.
    private var motesLeft: [Double]
    private var waiting: [Double] = []
    private var lastInputs: Throttle.Inputs?
    private var slice = 0

    package init(_ settings: Settings, law: Law) {
        var rules = Throttle.Settings()
        rules.hostile = settings.hostile
        rules.seeksBest = law != .ceiling
        (self.settings, self.law) = (settings, law)
        random = SeededRandom(seed: settings.seed)
        throttle = Throttle(rules)
        motesLeft = [Double](repeating: 0, count: rules.lifetime)
    }

    /// The next slice, until there is none.
    package mutating func next() -> Row? {
        guard slice < settings.slices else { return nil }
        defer { slice += 1 }
        var row = Row()
        row.slice = slice
        row.users = population()
        row.active = (row.users * activity()).rounded()
        let wanted = (settings.motesWantedPerUser * row.users).rounded()
        grow(&row, wanted: wanted)
        use(&row)
        note(row, wanted: wanted)
        return row
    }

    // MARK: people

    private func population() -> Double {
        let first = max(settings.users / 1000, 100), middle = Double(settings.slices) / 2, pace = Double(settings.slices) * 45 / 672
        return (first + (settings.users - first) / (1 + exp(-(Double(slice) - middle) / pace))).rounded()
    }

    private mutating func activity() -> Double {
        let daily = 1 + 0.4 * sin(2 * .pi * Double(slice) / Double(Slice.perDay)), noise = 1 + 0.03 * normal()
        return min(1, max(0, settings.activeShare * daily * noise * (settings.slump.contains(slice) ? settings.slumpShare : 1)))
    }

    private mutating func normal() -> Double {
        sqrt(-2 * log(Double.random(in: .leastNonzeroMagnitude..<1, using: &random))) * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
    }

    // MARK: motes

    private mutating func grow(_ row: inout Row, wanted: Double) {
        let live = motesLeft.reduce(0, +), expiring = motesLeft[0]
        row.permitsAsked = max(0, wanted - live + expiring)
        let decision = decide(row, live: live, expiring: expiring, wanted: wanted)
        row.permits = decision.permits
        (row.target, row.size, row.delay) = (decision.target, decision.size, decision.delay)
        motesLeft = motesLeft.dropFirst() + [row.permits]
        row.motes = motesLeft.reduce(0, +)
        wait(&row)
    }

    private mutating func decide(_ row: Row, live: Double, expiring: Double, wanted: Double) -> Throttle.Decision {
        // The first motes are there before anybody measured anything.
        guard law != .none else {
            return Throttle.Decision(permits: row.permitsAsked, target: wanted, size: .small, delay: throttle.settings.delay, messages: 0)
        }
        guard let inputs = lastInputs else {
            let first = max(9, row.active * 3 / (Double(MoteClass.medium.shares) * MoteClass.medium.load)).rounded(.up)
            return Throttle.Decision(permits: first, target: first, size: .medium, delay: throttle.settings.delay, messages: 0)
        }
        var now = inputs
        (now.live, now.expiring, now.wanted) = (live, expiring, wanted)
        return throttle.decide(now)
    }

    /// Permits are drawn by lot among all who wait, so of each age the same part wins.
    private mutating func wait(_ row: inout Row) {
        let queue = max(row.permitsAsked, waiting.reduce(0, +))
        waiting = [max(0, queue - waiting.reduce(0, +))] + waiting
        let all = waiting.reduce(0, +), part = all > 0 ? min(1, row.permits / all) : 0
        let won = waiting.map { $0 * part }, sum = won.reduce(0, +)
        row.wait = sum > 0 ? zip(won, won.indices).reduce(0) { $0 + $1.0 * Double($1.1) } / sum : 0
        var seen = 0.0
        row.waitHigh = Double(won.firstIndex { seen += $0; return seen >= 0.95 * sum } ?? 0)
        waiting = waiting.map { $0 * (1 - part) }
        // Who no longer wants one, because there is less to earn, leaves from the back.
        let excess = max(0, waiting.reduce(0, +) - max(0, row.permitsAsked - row.permits))
        if excess > 0 { let kept = max(0, 1 - excess / max(waiting.reduce(0, +), 1)); waiting = waiting.map { $0 * kept } }
        if waiting.count > settings.slices { waiting.removeLast() }
    }

    // MARK: a slice of use

    private mutating func use(_ row: inout Row) {
        let counts = draw(circuits: Int(row.active) * GuessModel.hops, motes: max(1, Int(row.motes)))
        circuits = counts
        // A user's messages pass each of its hops; in a pool they stay for the mean delay.
        let each = settings.messagesPerUser * row.delay, floor = throttle.settings.floor
        let sorted = counts.sorted()
        row.occupancy = each * row.active * Double(GuessModel.hops) / Double(counts.count)
        row.occupancyMedian = each * Double(sorted[sorted.count / 2])
        row.occupancyLow = each * Double(sorted[sorted.count / 20])
        row.occupancyLowWithCover = law.hasCover ? max(row.occupancyLow, floor) : row.occupancyLow
        var bits = 0.0, cover = 0.0
        for count in counts {
            let own = each * Double(count), pool = law.hasCover ? max(own, floor) : own
            cover += pool - own
            bits += Double(count) * GuessModel.bits(occupancy: pool)
        }
        let real = row.occupancy * Double(counts.count)
        row.coverShare = real + cover > 0 ? cover / (real + cover) : 0
        row.entropy = row.active > 0 ? bits / (row.active * Double(GuessModel.hops)) : 0
        let model = GuessModel(users: row.active, messages: row.active * settings.messagesPerUser, delay: row.delay, hostile: settings.hostile)
        row.guess = model.guess(motes: Double(counts.count))
        row.load = row.active * Double(GuessModel.hops) / (Double(counts.count) * Double(row.size.shares))
        if isInflated { row.inflationCost = MarketCosts.wash(shares: row.active * Double(GuessModel.hops) * (settings.inflation - 1)) }
    }

    private var isInflated: Bool { law == .inflated && settings.inflated.contains(slice) }

    /// How many circuits pass each mote: every one is drawn.
    private mutating func draw(circuits: Int, motes: Int) -> [Int32] {
        var counts = [Int32](repeating: 0, count: motes), random = self.random
        for _ in 0..<circuits { counts[Int(random.next().multipliedFullWidth(by: UInt64(motes)).high)] += 1 }
        self.random = random
        return counts
    }

    private mutating func note(_ row: Row, wanted: Double) {
        let real = row.active * settings.messagesPerUser, paid = real * (isInflated ? settings.inflation : 1)
        // Whoever inflates pays for tokens that are used at motes of its own; the probes see half of that as traffic.
        let probed = real * (isInflated ? 1 + (settings.inflation - 1) / 2 : 1)
        lastInputs = Throttle.Inputs(
            paid: paid, probed: probed, live: row.motes, expiring: motesLeft[0], users: row.active, shares: row.active * Double(GuessModel.hops), wanted: wanted,
            lowOccupancy: row.occupancyLow)
    }
}

import Ambience
import Exchange
import Foundation
import Testing

@Suite("The growth throttle")
struct ThrottleTests {
    private func week(_ users: Double, _ law: MarketSimulation.Law, seed: UInt64 = 1) -> [MarketSimulation.Row] {
        var settings = MarketSimulation.Settings.of(users: users)
        settings.seed = seed
        return week(settings, law)
    }

    private func week(_ settings: MarketSimulation.Settings, _ law: MarketSimulation.Law) -> [MarketSimulation.Row] {
        var simulation = MarketSimulation(settings, law: law), rows: [MarketSimulation.Row] = []
        while let row = simulation.next() { rows.append(row) }
        return rows
    }

    /// The largest take minutes unless they are optimised.
    private static let sizes = ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] == nil ? [1e3, 1e4] : [1e3, 1e4, 1e5, 1e6]

    @Test("with the law no slice's emptiest motes are below the floor, and without it nearly all are", arguments: sizes)
    func holds(users: Double) {
        let floor = Throttle.Settings().floor
        let (with, without) = (week(users, .throttle), week(users, .none))
        #expect(with.count == 672 && without.count == 672)
        #expect(with.allSatisfy { $0.occupancyLowWithCover >= floor })
        #expect(without.filter { $0.occupancyLowWithCover < floor }.count > 600)
    }

    @Test("a simulated week is the same again from its seed, and another from another")
    func repeats() {
        let (a, b, c) = (week(1e3, .throttle), week(1e3, .throttle), week(1e3, .throttle, seed: 2))
        #expect(a.map(\.motes) == b.map(\.motes))
        #expect(a.map(\.active) != c.map(\.active))
    }

    @Test("motes grow by a tenth and two a slice at most, and never fall faster than permits run out")
    func slowly() {
        let rows = week(1e4, .throttle)
        for (last, next) in zip(rows, rows.dropFirst()).dropFirst(4) { #expect(next.motes <= 1.1 * last.motes + 3) }
    }

    @Test("whoever pays for idle tokens speeds growth up by no more than that, and the motes are back eight slices after")
    func inflation() {
        let (honest, inflated) = (week(1e4, .throttle), week(1e4, .inflated))
        for (last, next) in zip(inflated, inflated.dropFirst()).dropFirst(4) { #expect(next.motes <= 1.1 * last.motes + 3) }
        #expect(inflated[348].motes <= 1.1 * honest[348].motes + 2)
        #expect(inflated[320].inflationCost > 0)
    }

    @Test("there are no more than a fifth more motes than are aimed at, except in four slices after a shock", arguments: sizes)
    func followsTarget(users: Double) {
        let shocks = [500, 520]
        for row in week(users, .throttle) where row.motes > 1.2 * row.target { #expect(shocks.contains { ($0...$0 + 4).contains(row.slice) }, "slice \(row.slice)") }
    }

    @Test("where all who want to run a mote may, nineteen in twenty have a permit within eight slices", arguments: sizes, [0.01, 0.03])
    func waits(users: Double, wanted: Double) {
        var settings = MarketSimulation.Settings()
        (settings.users, settings.motesWantedPerUser) = (users, wanted)
        let rows = week(settings, .throttle).filter { ($0.users * wanted).rounded() <= $0.target && $0.permits > 0 }
        #expect(rows.count > 50)
        #expect(rows.map(\.waitHigh).sorted()[rows.count * 95 / 100] <= 8)
    }

    @Test("the law keeps a large network as narrow as is best, where the mixing's ceiling alone would let it be five times as wide")
    func narrow() {
        // The week's last slice with 10^6 users, as inputs: only the law's arithmetic, not the draw of every circuit.
        func settled(_ seeksBest: Bool) -> Double {
            var rules = Throttle.Settings()
            rules.seeksBest = seeksBest
            var throttle = Throttle(rules), live = 20_000.0
            for _ in 0..<200 {
                let inputs = Throttle.Inputs(
                    paid: 3e6, probed: 3e6, live: live, expiring: (live / 4).rounded(), users: 3e5, shares: 9e5, wanted: 2e5, lowOccupancy: 8)
                live += throttle.decide(inputs).permits - (live / 4).rounded()
            }
            return live
        }
        let (best, ceiling) = (settled(true), settled(false))
        #expect((12_000...17_000).contains(best), "\(best)")
        #expect(ceiling > 4 * best && ceiling <= 56_250 * 1.01, "\(ceiling)")
    }

    @Test("measured message by message, hops add what the formula says, and cover that looks back a second keeps the emptiest motes at the floor")
    func messageByMessage() {
        var simulation = MarketSimulation(MarketSimulation.Settings.of(users: 1e4), law: .throttle), slump: [Int32] = [], calm: [Int32] = []
        while let row = simulation.next() {
            if row.slice == 499 { calm = simulation.circuits }
            if row.slice == 500 { slump = simulation.circuits }
        }
        var settings = PoolSimulation.Settings()
        settings.seconds = 3
        for circuits in [calm, slump] {
            let result = PoolSimulation.run(circuits: circuits, settings, seed: 1)
            #expect(abs(result.measured - result.predicted) < 0.1, "\(result.measured), \(result.predicted)")
            // In three seconds the mean of a pool of five is off by a third at most in 19 of 20.
            #expect(result.lowPool > 4.0, "\(result.lowPool)")
            #expect(result.pools.reduce(0, +) / Double(result.pools.count) > 5)
        }
        settings.floor = nil
        #expect(PoolSimulation.run(circuits: slump, settings, seed: 1).lowPool < 2)
    }

    @Test("the best width is between too few hostile-free motes and too many empty ones, and moves little when more users join")
    func bestWidth() throws {
        // Users, hostile motes, and the width with the least guess, computed apart from this code.
        for (users, hostile, wanted) in [(1e3, 10.0, 125.0), (1e4, 10, 398), (1e4, 100, 1122), (1e5, 100, 3981), (1e6, 10, 3981), (1e6, 100, 14125)] {
            let model = GuessModel(users: users * 0.3, messages: users * 0.3 * 10, delay: 0.05, hostile: hostile)
            let best = try #require(model.best(upTo: users))
            #expect(abs(best / wanted - 1) < 0.15, "\(users) users, \(hostile) hostile: \(best)")
            #expect(model.guess(motes: best) <= model.guess(motes: best * 2) && model.guess(motes: best) <= model.guess(motes: max(hostile + 1, best / 2)))
        }
    }

    @Test("what a hop adds is what a simulated pool of messages adds", arguments: [2.0, 3, 5, 10])
    func entropy(occupancy: Double) {
        let simulated = Self.pool(occupancy: occupancy, messages: 4000, seed: 7)
        #expect(abs(simulated - GuessModel.bits(occupancy: occupancy)) < 0.15, "\(simulated)")
    }

    /// One mote, message by message: Poisson arrivals, exponential delays, and somebody who sees both ends. The mean entropy of which
    /// message it was that left.
    private static func pool(occupancy: Double, messages: Int, seed: UInt64) -> Double {
        var random = SeededRandom(seed: seed), chances: [Double] = [], bits = 0.0, left = 0, waiting = 0
        while left < messages {
            let arrives = Double.random(in: 0..<1, using: &random) < occupancy / (occupancy + Double(waiting))
            if arrives {
                chances.append(1)
                waiting += 1
                continue
            }
            // Each of the chances says how likely that message is still there; any of those that are may be the one.
            let pool = Double(waiting)
            if left > 200 { bits -= chances.reduce(0) { $0 + ($1 > 0 ? $1 / pool * log2($1 / pool) : 0) } }
            chances = chances.map { $0 * (1 - 1 / pool) }.filter { $0 > 1e-9 }
            waiting -= 1
            left += 1
        }
        return bits / Double(messages - 201)
    }
}

extension MarketSimulation.Settings {
    static func of(users: Double) -> Self {
        var settings = Self()
        settings.users = users
        return settings
    }
}

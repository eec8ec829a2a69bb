import Ambience
import Exchange
import Foundation
import Testing

@Suite("The growth throttle")
struct ThrottleTests {
    private func week(_ users: Double, _ law: MarketSimulation.Law, seed: UInt64 = 1) -> [MarketSimulation.Row] {
        var settings = MarketSimulation.Settings()
        (settings.users, settings.seed) = (users, seed)
        var simulation = MarketSimulation(settings, law: law), rows: [MarketSimulation.Row] = []
        while let row = simulation.next() { rows.append(row) }
        return rows
    }

    @Test("with the law no slice's emptiest motes are below the floor, and without it nearly all are", arguments: [1e3, 1e4])
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

import Ambience
import Exchange
import Foundation
import MarketHistories
import Testing

/// Those who have money and patience, and no secret: each test prints or checks what it costs them.
@Suite("Attacks on the market and its throttle")
struct MarketAttackTests {
    private func week(_ users: Double, _ law: MarketSimulation.Law, inflation: Double = 1.5) -> [MarketSimulation.Row] {
        var settings = MarketSimulation.Settings.of(users: users)
        settings.inflation = inflation
        var simulation = MarketSimulation(settings, law: law), rows: [MarketSimulation.Row] = []
        while let row = simulation.next() { rows.append(row) }
        return rows
    }

    @Test("an owner who splits a stake into many names draws as many tokens as with one", arguments: [1, 10, 100])
    func sybils(names: Int) {
        // 1,000 owners with a stake each and one with a hundred, who applies under so many names; half of all get a permit by lot.
        var random = SeededRandom(seed: UInt64(names)), drawn = 0, all = 0
        func id(_ owner: UInt16, _ application: UInt16) -> [UInt8] { [UInt8(owner >> 8), UInt8(owner & 255), UInt8(application)] + [UInt8](repeating: 0, count: 29) }
        let attacker = (0..<100).map { id(2000 + UInt16($0 % names), UInt16($0)) }, honest = (0..<1000).map { id(UInt16($0), 0) }, own = Set(attacker)
        for _ in 0..<200 {
            let beacon = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
            // A buyer draws any listed mote.
            let listed = Beacon.order(attacker + honest, beacon).prefix(550).map { own.contains($0) }
            for _ in 0..<1000 {
                all += 1
                if listed[Int.random(in: 0..<listed.count, using: &random)] { drawn += 1 }
            }
        }
        #expect(abs(Double(drawn) / Double(all) - 100 / 1100) < 0.01)
        // Nor does the size of what is staked for matter: a stake buys shares at one price.
        for size in MoteClass.allCases { #expect(Double(size.shares) / Double(3 * size.stake.value) == 1.25) }
    }

    @Test("whoever pays for idle tokens pays a sixteenth of each, speeds growth up by a tenth a slice at most, and the motes are back in eight slices", arguments: [1.5, 2, 5, 10, 20])
    func inflated(by factor: Double) {
        let honest = week(1e4, .throttle), rows = week(1e4, .inflated, inflation: factor)
        for (last, next) in zip(rows, rows.dropFirst()).dropFirst(4) { #expect(next.motes <= 1.1 * last.motes + 3, "slice \(next.slice)") }
        let back = (340..<rows.count).first { rows[$0].motes <= 1.1 * honest[$0].motes + 2 } ?? rows.count
        #expect(back <= 348, "\(back)")
        #expect(rows.allSatisfy { $0.occupancyLowWithCover >= Throttle.Settings().floor })
        let idle = rows[300..<340].reduce(0) { $0 + $1.active * 3 * (factor - 1) }, cost = rows.reduce(0) { $0 + $1.inflationCost }
        #expect(abs(cost - idle / 16) < 1)
        print("10000 users: paying for \(factor) times the traffic over ten hours loses \(Int(cost)) smm and makes \(Int(rows[339].motes)) motes of \(Int(honest[339].motes)), back after \(back - 340) slices")
    }

    /// 3,000 users who send as much in every slice, whatever is deposited of it and whatever probes say.
    private func withholding(_ users: Double, slices: Int = 60, _ paid: (Int) -> Double) -> [(decision: Throttle.Decision, live: Double)] {
        var throttle = Throttle(Throttle.Settings()), live = 560.0
        return (0..<slices).map { slice in
            let expiring = (live / 4).rounded(), traffic = 10 * users
            let inputs = Throttle.Inputs(
                paid: paid(slice) * traffic, probed: traffic, live: live, expiring: expiring, users: users, shares: 3 * users, wanted: 2000, lowOccupancy: 6)
            let decision = throttle.decide(inputs)
            live += decision.permits - expiring
            return (decision, live)
        }
    }

    @Test("sellers who withhold deposits move the measured traffic by a tenth at most, for one slice or if they are a tenth, and never turn users away")
    func withheld() {
        let users = 3000.0, traffic = 30_000.0
        for part in [0.0, 0.5, 1] {
            #expect(withholding(users) { $0 % 3 == 2 ? part : 1 }.dropFirst(3).allSatisfy { abs($0.decision.messages / traffic - 1) <= 0.1 }, "\(part) in one slice of three")
        }
        #expect(withholding(users) { _ in 0.9 }.allSatisfy { abs($0.decision.messages / traffic - 1) <= 0.1 + 1e-9 })
        // All of them, for ever: they are not paid, and there are still as many motes as the tokens that were bought need.
        #expect(withholding(users) { _ in 0 }.map(\.decision).allSatisfy { $0.target >= 3 * users / (Double($0.size.shares) * $0.size.load) })
    }

    /// More than a tenth for ever is not kept off: who is to believe motes that say that they took more than was paid for lets them all invent
    /// as much, free of charge, while whoever pays for what he invents loses a sixteenth. What they reach is that everybody hides better.
    @Test("a cartel that withholds for hours what it took makes pools fuller, for nothing, and what it did is over in eight slices", arguments: [0.2, 1.0 / 3, 0.5])
    func lastingCartel(part: Double) {
        let users = 3000.0, traffic = 10 * users, slices = withholding(users, slices: 100) { (20..<60).contains($0) ? 1 - part : 1 }
        let throttle = Throttle.Settings(), hops = 3.0
        #expect(slices.allSatisfy { traffic * throttle.delay * hops / $0.live >= throttle.floor })
        #expect(slices.map(\.decision).allSatisfy { $0.target >= 3 * users / (Double($0.size.shares) * $0.size.load) })
        #expect(slices[59].live < slices[19].live && slices[59].decision.messages / traffic >= 1 - part - 1e-9)
        let back = (60..<100).first { abs(slices[$0].decision.messages / traffic - 1) <= 0.1 && slices[$0].live >= 0.9 * slices[19].live } ?? 100
        #expect(back <= 68, "\(back)")
        print("a part of \(part) withheld for ten hours: \(Int(slices[59].live)) motes of \(Int(slices[19].live)), pools of \(Int(traffic * throttle.delay * hops / slices[59].live)) messages instead of \(Int(traffic * throttle.delay * hops / slices[19].live)), back after \(back - 60) slices")
    }

    @Test("draining shares costs their price and a sixteenth for good, and others find motes full no more often than the loads allow", arguments: MoteClass.allCases)
    func drained(_ size: MoteClass) {
        #expect(abs(MarketCosts.refused(size) / [0.00104, 0.000231, 0.00000837][Int(size.rawValue) - 1] - 1) < 0.01)
        // Orders stop at the class's load, whoever they are of: an attacker buys all that is left of it.
        let motes = 300, sold = Int(Double(motes) * Double(size.shares) * size.load), rounds = 60
        var random = SeededRandom(seed: 5), refused = 0
        for _ in 0..<rounds {
            var taken = [Int64](repeating: 0, count: motes)
            for _ in 0..<sold { taken[Int.random(in: 0..<motes, using: &random)] += 1 }
            refused += taken.reduce(0) { $0 + Int(max(0, $1 - size.shares)) }
        }
        let expected = MarketCosts.refused(size) * Double(sold * rounds)
        #expect(Double(refused) <= expected + 6 * expected.squareRoot() + 3, "\(refused), \(expected)")
        let cost = MarketCosts.draining(part: 0.5, motes: 1000, of: size)
        #expect(cost.paid == 500 * Double(size.shares) && cost.lost == cost.paid / 16)
        print("half of 1000 motes of class \(size) for a slice: \(Int(cost.paid)) smm, of which \(cost.lost) do not come back; refused are \(MarketCosts.refused(size)) of all tokens")
    }

    @Test("being alone with somebody in a mote costs all other shares of every mote, for nobody says which it takes")
    func alone() {
        #expect(MarketCosts.isolation(motes: 1000, of: .medium) == 59_000)
        #expect(MarketCosts.isolation(motes: 1000, of: .large) == 239_000)
    }

    @Test("whoever buys his own mote's shares a thousand times loses 62.5 of each 1000 smm and gets no better place")
    func wash() throws {
        let trade = try WashTrade(rounds: 1000)
        #expect(trade.complaints.isEmpty, "\(trade.complaints.first ?? "")")
        #expect(trade.spent == 16_000 && trade.got == 15_000)
        #expect(Double(trade.spent - trade.got) / Double(trade.spent) * 1000 == 62.5)
        #expect(trade.isPlaceUnchanged)
    }
}

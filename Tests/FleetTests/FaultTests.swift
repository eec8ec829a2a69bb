import Ambience
import CloudCalls
import Foundation
import Leasing
import Prices
import Testing

/// So many seeds from 0, or as many times more as `DUSTCLOUD_SEEDS` says (`make soak`); `DUSTCLOUD_FLEET_SEED` names one to play again.
private func seeds(_ usual: UInt64) -> Range<UInt64> {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["DUSTCLOUD_FLEET_SEED"].flatMap({ UInt64($0) }) { return one..<one + 1 }
    return 0..<usual * max(1, UInt64(environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1)
}

@Suite("Faults of providers, and a coordinator killed at every edge")
struct FaultTests {
    @Test("In calm weather the fleet comes up, rotates and goes down, and nothing is left over")
    func calm() {
        var fleet = FaultyFleet(seed: 1)
        fleet.run(seconds: 300)
        fleet.run(seconds: 2400) { if $0.usable < 4 { $0.watch.complain("\($0.usable) usable of 4 at \($0.now)") } }
        #expect(fleet.providers.reduce(0) { $0 + $1.creates } > 12)
        fleet.takeDown()
        #expect(fleet.watch.violations.isEmpty, "\(fleet.watch.violations)")
    }

    @Test("Storms of every fault, with kills at random edges: nothing leaks, nothing is doubled, the cap holds, and the fleet recovers")
    func storms() {
        for seed in seeds(2000) {
            var fleet = FaultyFleet(seed: seed, motes: 3 + Int(seed % 3))
            fleet.weather = .storm
            fleet.killChance = seed % 4 == 0 ? 0 : 30
            fleet.clockErrorSeconds = [0, 0, 3600, -3600][Int(seed / 4 % 4)]
            fleet.run(seconds: 600)
            fleet.disturb(seed)
            fleet.run(seconds: 400)
            fleet.calmDown()
            fleet.run(seconds: 700)
            if fleet.usable < fleet.desire.policy.normal.motes - 1 { fleet.watch.complain("\(fleet.usable) usable after the storm") }
            fleet.takeDown()
            #expect(fleet.watch.violations.isEmpty, "DUSTCLOUD_FLEET_SEED=\(seed): \(fleet.watch.violations)")
            if !fleet.watch.violations.isEmpty {
                if ProcessInfo.processInfo.environment["DUSTCLOUD_FLEET_SEED"] != nil { fleet.describe() }
                break
            }
        }
    }

    @Test("The coordinator is killed once at each edge of a rotation, and each time everything comes out as if it had not been")
    func everyEdge() {
        var whole = FaultyFleet(seed: 3, motes: 2)
        whole.run(seconds: 900)
        whole.takeDown()
        #expect(whole.watch.violations.isEmpty && whole.edges > 200, "\(whole.watch.violations)")
        for edge in 1...whole.edges {
            var fleet = FaultyFleet(seed: 3, motes: 2)
            fleet.killAt = edge
            fleet.run(seconds: 900)
            fleet.takeDown()
            #expect(fleet.kills == 1 && fleet.watch.violations.isEmpty, "killed at edge \(edge): \(fleet.watch.violations)")
        }
    }

    @Test("Where the cap leaves room for a few leases only, no more is billed, whatever happens", arguments: seeds(100))
    func capped(seed: UInt64) {
        var fleet = FaultyFleet(seed: seed, cap: "0.0200")
        fleet.weather = .storm
        fleet.killChance = 30
        fleet.run(seconds: 3000)
        #expect(fleet.ledger.committed[HoppingSiting.dollar] <= Amount("0.0200")!)
        fleet.calmDown()
        fleet.takeDown()
        #expect(fleet.watch.violations.isEmpty, "DUSTCLOUD_FLEET_SEED=\(seed): \(fleet.watch.violations)")
    }
}

extension FaultyFleet {
    /// One more thing that goes wrong, for a while.
    fileprivate mutating func disturb(_ seed: UInt64) {
        let index = Int(seed % 3)
        switch seed % 5 {
        case 0: providers[index].areCredentialsGood = false
        case 1: providers[index].quota = 1
        case 2: isDirectorySilent = true
        case 3: kill(downSeconds: 300)
        default: providers[index].clockErrorSeconds = 3600
        }
    }

    /// What a person who plays one seed again wants to see.
    fileprivate func describe() {
        for record in ledger.alive { print(record) }
        for (index, provider) in providers.enumerated() {
            for unit in provider.units { print(provider.name, unit) }
            for standing in desks[index].standings where standing.mayBeThere { print(provider.name, standing) }
            print(provider.name, "unknown", desks[index].unknown, "busy", desks[index].isBusy, "listed", desks[index].listedSince as Any, "now", now, "here", here)
        }
    }

    fileprivate mutating func calmDown() {
        weather = .calm
        killChance = 0
        isDirectorySilent = false
        for index in providers.indices { (providers[index].areCredentialsGood, providers[index].quota, providers[index].clockErrorSeconds) = (true, 50, 0) }
        for desk in desks.indices { desks[desk].trust(now: here) }
    }
}

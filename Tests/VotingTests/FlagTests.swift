import Ambience
import Directory
import Sealing
import Testing
import Voting

struct FlagTests {
    private let now = WallTime(secondsSinceEpoch: 1_800_000_000)

    private func relay(_ number: UInt8, _ change: (inout RelayFacts) -> Void = { _ in }) throws -> RelayFacts {
        let rsa = try #require(RSAIdentity([UInt8](repeating: number, count: 20)))
        var relay = RelayFacts(rsa: rsa, address: .v4(0x0A00_0000 | UInt32(number)), published: now - 600)
        relay.uptimeSeconds = 600 * Int64(number)
        relay.bandwidthBytes = 100_000 * UInt64(number)
        relay.hasObservedBandwidth = true
        relay.hasTunnelledDirectory = true
        relay.lastReachable = now - 60
        change(&relay)
        return relay
    }

    private func flags(_ relays: [RelayFacts], _ rules: FlagRules = .testingNetwork) -> [RelayFlags] {
        let assignment = FlagAssignment(relays, rules: rules, now: now)
        return relays.map { assignment.flags(of: $0) }
    }

    @Test("A reachable relay is Running and Valid; an unreachable, a hibernating and an ended one are only Valid")
    func running() throws {
        let given = flags([
            try relay(1), try relay(2) { $0.lastReachable = nil }, try relay(3) { $0.lastReachable = now - 2700 }, try relay(4) { $0.isHibernating = true },
            try relay(5) { $0.expires = now }, try relay(6) { $0.expires = now + 1 },
        ])
        #expect(given.map { $0.contains(.running) } == [true, false, false, false, false, true])
        #expect(given.allSatisfy { $0.contains(.valid) })
    }

    @Test("Without reachability tests everybody is Running who does not say otherwise")
    func untested() throws {
        var rules = FlagRules.testingNetwork
        rules.testsReachability = false
        let given = flags([try relay(1) { $0.lastReachable = nil }, try relay(2) { $0.isHibernating = true }], rules)
        #expect(given.map { $0.contains(.running) } == [true, false])
    }

    @Test("The longer-lived half is Stable, and Guard needs it with bandwidth")
    func stable() throws {
        let given = flags(try (1...8).map { try relay($0) })
        #expect(given.map { $0.contains(.stable) } == [false, false, false, true, true, true, true, true])
        #expect(given.map { $0.contains(.guard) } == [false, false, false, false, false, false, true, true])
        #expect(given.allSatisfy { $0.contains(.v2Dir) })
    }

    @Test("A granted flag is given to all in the set and, when strict, taken from all others")
    func grants() throws {
        var rules = FlagRules.testingNetwork
        rules.guardGrant = .init { _ in true }
        rules.exitGrant = .init(isStrict: true) { [now] in $0.published < now - 600 }
        let given = flags([try relay(1) { $0.isGeneralExit = true }, try relay(2) { $0.published = now - 601 }], rules)
        #expect(given.map { $0.contains(.guard) } == [true, true])
        #expect(given.map { $0.contains(.exit) } == [false, true])
    }

    @Test("More relays on one address than allowed lose all flags, the slowest first")
    func sybils() throws {
        var rules = FlagRules.testingNetwork
        rules.maximumRelaysPerAddress = 2
        let given = flags(try (1...4).map { try relay($0) { $0.address = .v4(0x7F00_0001) } }, rules)
        #expect(given.map { $0 == [.sybil] } == [true, true, false, false])
    }

    @Test("An old descriptor is StaleDesc; a middle-only relay is nothing else")
    func staleAndMiddle() throws {
        var rules = FlagRules.testingNetwork
        rules.listsMiddleOnly = true
        rules.listsBadExits = true
        let given = flags([try relay(1) { $0.published = now - 18 * 3600 - 1 }, try relay(2) { $0.isMiddleOnly = true; $0.isGeneralExit = true }], rules)
        #expect(given[0].contains(.staleDesc))
        #expect(given[1].isSuperset(of: [.middleOnly, .badExit]) && given[1].isDisjoint(with: [.exit, .guard, .hsDir, .v2Dir]))
        #expect(FlagRules.testingNetwork.knownFlags.isDisjoint(with: [.badExit, .middleOnly]))
    }

    @Test("The threshold line has stock's form")
    func line() throws {
        let assignment = FlagAssignment(try (1...8).map { try relay($0) }, rules: .testingNetwork, now: now)
        #expect(assignment.thresholds.line == "stable-uptime=3000 stable-mtbf=0 fast-speed=102000 guard-wfu=0.000% guard-tk=0"
            + " guard-bw-inc-exits=700000 guard-bw-exc-exits=700000 enough-mtbf=0 ignoring-advertised-bws=0")
    }
}

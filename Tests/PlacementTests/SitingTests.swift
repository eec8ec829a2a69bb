import Ambience
import Leasing
import Placement
@testable import Prices
import Testing

/// A fleet's ledger and its siting, moved on by hand.
private struct History {
    static let wanted = 10
    let policy: PlacementPolicy
    let catalogue: Catalogue
    var siting: PlacedSiting
    var ledger = Ledger()
    var random: SeededRandom
    var now = WallTime(secondsSinceEpoch: 1_800_000_000)
    var sites: [Site] = []

    init(seed: UInt64, motes: Int = History.wanted, changed: (inout PlacementPolicy, inout Catalogue) throws -> Void = { _, _ in }) throws {
        var catalogue = try World.catalogue([
            try World.provider("a", ["DE", "FR", "NL"]), try World.provider("b", ["DE", "FI"], parent: "a"), try World.provider("c", ["SE", "NL", "CH"]),
            try World.provider("d", ["US", "SG"]), try World.provider("e", ["FI", "IS"]),
        ])
        var policy = try World.policy(["a", "b", "c", "d", "e"], caps: [
            .provider: try World.amount("0.3"), .parent: try World.amount("0.4"), .country: try World.amount("0.3"), .network16: try World.amount("0.2"),
        ])
        policy.groupCaps = ["pair": try World.amount("0.3")]
        policy.hopTolerance = 0.2
        try changed(&policy, &catalogue)
        (self.policy, self.catalogue, random) = (policy, catalogue, SeededRandom(seed: seed))
        siting = try PlacedSiting(policy: policy, catalogue: catalogue, motes: motes)
    }

    mutating func step(_ key: MoteKey, _ change: MoteChange) throws { try ledger.apply(MoteEvent(key: key, at: now, change: change)) }

    mutating func begin() { siting.begin(ledger, closed: [], now: now) }

    /// Intends one more mote where the siting says, if it says anything.
    @discardableResult
    mutating func intend(after last: Site? = nil, life: Int64 = 3600) throws -> MoteKey? {
        guard let place = siting.site(for: .normal, living: life, within: life / 2...2 * life, after: last, now: now, random: &random) else { return nil }
        let key = MoteKey.random(&random)
        sites.append(place.site)
        try step(key, .intended(Lease(
            key: key, lifetimeClass: .normal, intended: now, expires: now + place.seconds, drainSeconds: 300, site: place.site, ceiling: place.ceiling)))
        try step(key, .starting(attempt: 1))
        return key
    }

    /// What every cap says of every mote that exists.
    func check(_ seed: UInt64) {
        let places = ledger.alive.compactMap { siting.place($0.lease.site) }
        func most(_ label: (Place) -> String?) -> Int { Dictionary(grouping: places.compactMap(label)) { $0 }.values.map(\.count).max() ?? 0 }
        #expect(most(\.provider) <= 3 && most(\.parent) <= 4 && most(\.country.rawValue) <= 3, "seed \(seed)")
        #expect(places.count { ["DE", "FR"].contains($0.country.rawValue) } <= 3, "seed \(seed)")
        #expect(siting.largest(.network16) <= 2, "seed \(seed)")
    }
}

@Suite struct SitingTests {
    @Test("No cap is ever broken while motes come, are replaced before they go, vanish, are refused, and the coordinator restarts", arguments: 1...30)
    func caps(seed: UInt64) throws {
        var history = try History(seed: seed)
        for _ in 0..<250 {
            history.now = history.now + Int64.random(in: 5...400, using: &history.random)
            try Self.stir(&history)
            history.begin()
            for key in history.siting.misplaced.sorted() where history.ledger.records[key]?.state.isServing == true { try history.step(key, .terminating(.wish)) }
            // Make before break: up to two more than are wanted.
            while history.ledger.alive.count < History.wanted + 2, try history.intend(after: history.sites.last) != nil {}
            history.begin()
            history.check(seed)
        }
        #expect(history.sites.count > 100)
    }

    /// What happens to a fleet between two looks.
    private static func stir(_ history: inout History) throws {
        for record in history.ledger.alive {
            switch Int.random(in: 0..<12, using: &history.random) {
            case 0: try history.step(record.key, .gone(.expiry))
            case 1: try history.step(record.key, .gone(.refused))
            case 2...5: history.siting.learn(record.key, address: "203.\(Int.random(in: 0..<12, using: &history.random)).113.9:443")
            default: break
            }
        }
        if Int.random(in: 0..<20, using: &history.random) == 0 {
            history.siting = try PlacedSiting(policy: history.policy, catalogue: history.catalogue, motes: History.wanted)
        }
    }

    @Test("The same seed gives the same sites, and another gives others")
    func replay() throws {
        func sites(_ seed: UInt64) throws -> [Site] {
            var history = try History(seed: seed)
            for _ in 0..<10 { try history.intend() }
            return history.sites
        }
        #expect(try sites(1) == sites(1))
        #expect(try sites(1) != sites(2))
        #expect(try sites(3).count == 10)
    }

    @Test("A pool without room is passed over for minutes, longer each time, and then tried again")
    func capacity() throws {
        var history = try History(seed: 1, motes: 1) { policy, catalogue in
            catalogue = try World.catalogue([try World.provider("near", ["DE"]), try World.provider("far", ["DE"], price: "0.9")])
            policy = try World.policy(["near", "far"])
            policy.costWeight = 1
        }
        func next(after seconds: Int64) throws -> String {
            history.now = history.now + seconds
            history.begin()
            let key = try #require(try history.intend())
            let provider = try #require(history.sites.last).provider
            try history.step(key, .gone(provider == "near" ? .refused : .expiry))
            return provider
        }
        #expect(try next(after: 0) == "near")
        #expect(try next(after: 60) == "far")
        #expect(try next(after: 125) == "near")
        // The second time it is passed over for twice as long.
        #expect(try next(after: 300) == "far")
        #expect(try next(after: 70) == "near")
    }

    @Test("Where all that the caps leave has no room, that is said, and no cap gives way")
    func allFull() throws {
        var history = try History(seed: 1, motes: 2) { policy, catalogue in
            catalogue = try World.catalogue([try World.provider("a", ["DE"]), try World.provider("b", ["DE"])])
            policy = try World.policy(["a", "b"], caps: [.provider: try World.amount("0.5")])
        }
        try history.intend()
        let second = try #require(try history.intend())
        try history.step(second, .gone(.refused))
        history.begin()
        #expect(try history.intend() == nil)
        #expect(history.siting.shortage == .capacity(pools: 1))
        history.now = history.now + PlacedSiting.coolingSeconds
        history.begin()
        #expect(try history.intend() != nil)
        #expect(try history.intend() == nil)
        #expect(history.siting.shortage == .caps(motes: 2))
    }

    @Test("A mote whose address shows more in one network than the cap allows is named, the later one, also after a restart")
    func misplaced() throws {
        var history = try History(seed: 1)
        var keys: [MoteKey] = []
        for _ in 0..<3 {
            history.begin()
            keys.append(try #require(try history.intend()))
            history.now = history.now + 60
        }
        for _ in 0..<2 {
            for key in keys.reversed() { history.siting.learn(key, address: "198.51.100.\(keys.firstIndex(of: key) ?? 0)") }
            history.begin()
            #expect(history.siting.misplaced == [keys[2]])
            history.siting = try PlacedSiting(policy: history.policy, catalogue: history.catalogue, motes: History.wanted)
        }
        try history.step(keys[2], .gone(.wish))
        history.begin()
        #expect(history.siting.misplaced.isEmpty)
    }

    @Test("An address names the autonomous system by the longest block that holds it")
    func systems() throws {
        var history = try History(seed: 1, motes: 4) { policy, catalogue in
            policy.caps = [.system: try World.amount("0.25")]
            policy.groupCaps = [:]
            catalogue.networks = ["198.51.0.0/16": 64500, "198.51.100.0/24": 64501]
        }
        let keys = try (0..<3).map { _ in try #require(try history.intend()) }
        for (key, address) in zip(keys, ["198.51.100.7:9001", "198.51.7.7:9001", "198.51.100.8:9001"]) { history.siting.learn(key, address: address) }
        history.begin()
        #expect(history.siting.misplaced.count == 1 && history.siting.misplaced.isSubset(of: [keys[0], keys[2]]))
    }

    @Test("A lease that does not fit whole into what is left is not given, and what is missing is said to the cent")
    func budget() throws {
        let dollar = try #require(Currency(rawValue: "USD"))
        var history = try History(seed: 1) { policy, _ in policy.ceilings = [dollar: try World.amount("0.035")] }
        // An hour and two minutes at 0.01 an hour, to the cent.
        #expect(try history.intend() != nil)
        #expect(history.siting.budget.left(dollar) == (try World.amount("0.015")))
        #expect(try history.intend() == nil)
        #expect(history.siting.shortage == .budget("ceiling in USD", missing: Money(try World.amount("0.005"), dollar)))
        history.siting.allow(Budget(limits: [Budget.Limit(name: "nothing", currency: dollar, left: .zero)]))
        history.begin()
        #expect(try history.intend() == nil)
        #expect(history.siting.shortage == .budget("nothing", missing: Money(try World.amount("0.02"), dollar)))
    }

    @Test("A life ends just before a further hour begins where time is sold by the hour, and stays within the policy's range")
    func grain() throws {
        var tariff = try World.tariff()
        tariff.grainSeconds = 3600
        for drawn: Int64 in stride(from: 2700, through: 4500, by: 7) {
            let life = tariff.thrifty(drawn, within: 2700...4500)
            #expect((2700...4500).contains(life) && tariff.paidSeconds(for: life + Tariff.endSlackSeconds) == 3600)
            if drawn <= 3480 { #expect(life == drawn) } else { #expect((3120...3480).contains(life)) }
        }
        // Where no shorter life is allowed the drawn one stays, and by the second nothing is bent.
        #expect(tariff.thrifty(4000, within: 3900...4500) == 4000)
        #expect(try World.tariff().thrifty(4000, within: 100...4500) == 4000)
    }

    @Test("Ten thousand motes are placed over eight providers one after the other, and no cap is broken")
    func large() throws {
        let share = try World.amount("0.15")
        var history = try History(seed: 1, motes: 10_000) { policy, catalogue in
            catalogue = try World.catalogue(try (0..<8).map { try World.provider("p\($0)", ["DE", "FI", "US", "SG"]) })
            policy = try World.policy((0..<8).map { "p\($0)" }, caps: [.provider: share, .country: try World.amount("0.3")])
        }
        var placed = 0
        for _ in 0..<10_000 where try history.intend() != nil { placed += 1 }
        history.begin()
        #expect(placed == 10_000)
        #expect(history.siting.largest(.provider) <= 1500 && history.siting.largest(.country) <= 3000)
        #expect(history.siting.spread(.provider).n2 > 7.9)
    }
}

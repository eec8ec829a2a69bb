import Ambience
import Placement
import Prices
import Testing

@Suite struct ForecastTests {
    @Test("Caps hold for every seed, at the start and after every change", arguments: 1...40)
    func caps(seed: UInt64) throws {
        let half = try World.amount("0.5"), third = try World.amount("0.34")
        let catalogue = try World.catalogue([
            try World.provider("a", ["DE", "FR", "NL"]), try World.provider("b", ["DE", "FI"]), try World.provider("c", ["SE", "NL"]),
        ])
        var policy = try World.policy(["a", "b", "c"], caps: [.provider: half, .country: third])
        policy.groupCaps = ["pair": half]
        policy.hopTolerance = 1
        var random = SeededRandom(seed: seed)
        let forecast = try Forecast(
            policy: policy, catalogue: catalogue, slots: World.slots(6, lifeSeconds: 1800...5400), horizonSeconds: 6 * 3600, random: &random)
        #expect(forecast.leases.count > 12)
        for lease in forecast.leases {
            let alive = forecast.leases.filter { $0.startSeconds <= lease.startSeconds && lease.startSeconds < $0.startSeconds + $0.lifeSeconds }
            for of in ["a", "b", "c"] { #expect(alive.count { $0.place.provider == of } <= 3) }
            for of in ["DE", "FR", "NL", "FI", "SE"] { #expect(alive.count { $0.place.country.rawValue == of } <= 2) }
            #expect(alive.count { ["DE", "FR"].contains($0.place.country.rawValue) } <= 3)
        }
    }

    @Test("The same seed gives the same plan, and another gives another")
    func replay() throws {
        let catalogue = try World.catalogue([try World.provider("a", ["DE", "FR", "NL"]), try World.provider("b", ["DE", "FI", "SE"])])
        let policy = try World.policy(["a", "b"])
        func places(_ seed: UInt64) throws -> [String?] {
            var random = SeededRandom(seed: seed)
            return try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(4), horizonSeconds: 86400, random: &random).leases
                .map { $0.place.label(.region) }
        }
        #expect(try places(1) == places(1))
        #expect(try places(1) != places(2))
    }

    @Test("A successor goes to another provider where one is as good")
    func hops() throws {
        let catalogue = try World.catalogue(try ["a", "b", "c"].map { try World.provider($0, ["DE"]) })
        var policy = try World.policy(["a", "b", "c"])
        policy.hopTolerance = 1
        var random = SeededRandom(seed: 5)
        let leases = try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(1), horizonSeconds: 100 * 3600, random: &random).leases
        #expect(leases.count == 100)
        for (last, next) in zip(leases, leases.dropFirst()) { #expect(last.place.provider != next.place.provider) }
        #expect(Set(leases.map(\.place.provider)).count == 3)
    }

    @Test("Of places that spread alike the cheaper is taken, and a dear one if nothing else spreads")
    func cheaper() throws {
        let catalogue = try World.catalogue([try World.provider("dear", ["DE"], price: "1"), try World.provider("cheap", ["DE"])])
        var policy = try World.policy(["dear", "cheap"])
        policy.costWeight = 1
        var random = SeededRandom(seed: 5)
        let providers = try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(2), horizonSeconds: 0, random: &random).leases.map(\.place.provider)
        #expect(providers == ["cheap", "dear"])
    }

    @Test("Where free choice leads into a corner, a way that keeps all caps is found")
    func corner() throws {
        let half = try World.amount("0.5")
        // Whoever takes b in Germany first shuts the only place of a.
        let catalogue = try World.catalogue([try World.provider("a", ["DE"]), try World.provider("b", ["DE", "FI"])])
        for seed: UInt64 in 1...20 {
            var random = SeededRandom(seed: seed)
            let policy = try World.policy(["a", "b"], caps: [.provider: half, .country: half])
            let forecast = try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(2), horizonSeconds: 0, random: &random)
            #expect(Set(forecast.leases.map(\.place.provider)) == ["a", "b"] && Set(forecast.leases.map(\.place.country.rawValue)) == ["DE", "FI"])
        }
    }

    @Test("The sum of a plan is the sum of its leases, and never above the ceiling")
    func sums() throws {
        let dollar = try #require(Currency(rawValue: "USD"))
        let catalogue = try World.catalogue([try World.provider("a", ["DE"], price: "0.0042")])
        var policy = try World.policy(["a"])
        var random = SeededRandom(seed: 1)
        let forecast = try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(3), horizonSeconds: 86400, random: &random)
        #expect(forecast.budget.promised[dollar] == (try World.amount("0.0042")) * 72)
        policy.ceilings = [dollar: try World.amount("0.302399")]
        #expect(throws: PlacementFault.ceiling(dollar, try World.amount("0.302399"), leases: 71, needed: try World.amount("0.000001"))) {
            try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(3), horizonSeconds: 86400, random: &random)
        }
    }

    @Test("A successor begins while its predecessor still lives, and both are paid")
    func overlap() throws {
        let catalogue = try World.catalogue([try World.provider("a", ["DE"])])
        var random = SeededRandom(seed: 1)
        let forecast = try Forecast(
            policy: try World.policy(["a"]), catalogue: catalogue, slots: World.slots(1, overlapSeconds: 600), horizonSeconds: 7200, random: &random)
        #expect(forecast.leases.map(\.startSeconds) == [0, 3000, 6000])
        #expect((forecast.paidSeconds, forecast.idleSeconds, forecast.overlapSeconds) == (10800, 0, 1200))
    }

    @Test("Each day costs what begins on it, and a day on which nothing begins costs nothing")
    func days() throws {
        let catalogue = try World.catalogue([try World.provider("a", ["DE"], price: "0.0042")])
        var random = SeededRandom(seed: 1)
        let slots = World.slots(1, lifeSeconds: 2 * 86400...2 * 86400)
        let forecast = try Forecast(policy: try World.policy(["a"]), catalogue: catalogue, slots: slots, horizonSeconds: 3 * 86400, random: &random)
        #expect(forecast.costByDay.map(\.text) == ["0.21 USD", "0.00", "0.21 USD"])
    }

    @Test("What became of each place is told: ruled out and by what, dearer than its neighbour, or scored")
    func verdicts() throws {
        var shop = try World.provider("a", ["DE"])
        var large = shop.offers[0]
        (large.machine, large.tariff) = ("large", try World.tariff("0.02"))
        shop.offers.append(large)
        let rich = try World.provider("b", ["FR"], price: "2000")
        let policy = try World.policy(["a", "b", "c"], caps: [.provider: try World.amount("0.5")])
        var random = SeededRandom(seed: 1)
        let forecast = try Forecast(
            policy: policy, catalogue: try World.catalogue([shop, rich, try World.provider("c", ["NL"])]), slots: World.slots(2), horizonSeconds: 0, random: &random)
        let first = try #require(forecast.leases.first), second = try #require(forecast.leases.last)
        /// In the order of the places: a's small and large machine, b, c.
        func words(_ lease: Forecast.Lease) -> [String] {
            (lease.choice?.considered ?? []).map { verdict in
                switch verdict {
                case .ruledOut(let limit): limit
                case .dearer: "dearer"
                case .scored: "scored"
                }
            }
        }
        #expect(words(first) == ["scored", "dearer", "ceiling in USD", "scored"])
        #expect(words(second) == (first.place.provider == "a" ? ["provider", "provider", "ceiling in USD", "scored"] : ["scored", "dearer", "ceiling in USD", "provider"]))
        #expect(second.choice?.ruledOut == (first.place.provider == "a" ? ["provider": 2, "ceiling in USD": 1] : ["provider": 1, "ceiling in USD": 1]))
    }

    @Test("A thousand motes are placed in seconds, and more leases than the limit are refused")
    func large() throws {
        let catalogue = try World.catalogue(try (0..<8).map { try World.provider("p\($0)", ["DE", "FR", "FI"]) })
        let policy = try World.policy((0..<8).map { "p\($0)" }, caps: [.provider: try World.amount("0.125"), .country: try World.amount("0.34")])
        var random = SeededRandom(seed: 1)
        let forecast = try Forecast(policy: policy, catalogue: catalogue, slots: World.slots(1000), horizonSeconds: 0, random: &random)
        #expect(forecast.leases.count == 1000 && abs((forecast.spreads[.provider]?.n2 ?? 0) - 8) < 1e-9)
        #expect(throws: PlacementFault.tooManyLeases(Forecast.leasesLimit)) {
            try Forecast(
                policy: try World.policy(["p0"]), catalogue: catalogue, slots: World.slots(1, lifeSeconds: 1...1), horizonSeconds: 1_000_000, random: &random)
        }
    }
}

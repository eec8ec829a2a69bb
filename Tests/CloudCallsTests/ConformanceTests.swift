import Ambience
import CloudCalls
import Foundation
import Leasing
import Testing

/// What every driver must do with every provider's moods.
@Suite("Cloud drivers")
struct ConformanceTests {
    @Test("rents what was ordered, lists it over many pages with its tags, and ends it at its expiry", arguments: Provider.allCases)
    func calm(_ provider: Provider) throws {
        var run = FleetRun(provider, orders: 17)
        run.run(seconds: 60)
        #expect(run.double.alive.count == 17)
        #expect(run.rentals.allSatisfy { $0.machine != nil && $0.calls == 1 })
        let places = run.surveyed() ?? []
        #expect(places == (provider.hasPlaces ? FleetRun.places as [String?] : [nil]))
        let listed = places.flatMap { run.listed($0) ?? [] }
        #expect(Set(listed.map(\.id)) == Set(run.rentals.compactMap(\.machine)))
        for machine in listed {
            let order = try #require(run.rentals.first { $0.machine == machine.id }).order
            #expect(machine.tags == order.tags && machine.place == order.place && machine.state == .running && machine.address == "192.0.2.1")
        }
        run.run(seconds: 2500)
        #expect(run.double.alive.isEmpty)
    }

    @Test("a lost answer is resolved without a second machine, and the first is adopted", arguments: Provider.allCases)
    func lostAnswer(_ provider: Provider) {
        var run = FleetRun(provider, orders: 5)
        run.sweep()  // Whoever must sign in has.
        run.double.weather.lostAfter = 1
        run.run(seconds: 1)
        #expect(run.double.machines.count == 5)
        #expect(run.rentals.allSatisfy { $0.machine == nil })
        run.double.weather = .calm
        run.run(seconds: 60)
        #expect(run.double.machines.count == 5)
        #expect(Set(run.rentals.compactMap(\.machine)) == Set(run.double.machines.map(\.id)))
    }

    @Test("an order is asked for again once it is certain that the first was not heard", arguments: Provider.allCases)
    func unheard(_ provider: Provider) {
        var run = FleetRun(provider, orders: 3, weather: CloudDouble.Weather(lostBefore: 1))
        run.run(seconds: 5)
        run.double.weather = .calm
        run.run(seconds: 400)
        #expect(run.double.machines.count == 3)
        #expect(run.rentals.allSatisfy { $0.machine != nil })
    }

    @Test("a refusal after a lost answer settles nothing", arguments: Provider.allCases)
    func refusedRepeat(_ provider: Provider) {
        var run = FleetRun(provider, orders: 1)
        run.sweep()  // Whoever must sign in has.
        run.double.weather.lostAfter = 1
        run.run(seconds: 1)
        run.double.weather = .calm
        run.double.areCredentialsGood = false
        run.run(seconds: 30)
        #expect(run.rentals[0].machine == nil)
        run.double.areCredentialsGood = true
        run.run(seconds: 120)
        #expect(run.rentals[0].machine == run.double.machines.first?.id && run.double.machines.count == 1)
    }

    @Test("what the account may not have is not asked for again, and the reason is told", arguments: Provider.allCases)
    func quota(_ provider: Provider) {
        var run = FleetRun(provider, orders: 5)
        run.double.quota = 3
        run.run(seconds: 60)
        #expect(run.double.alive.count == 3)
        let reasons = run.rentals.compactMap { if case .failed(let why) = $0.stage { why } else { nil } }
        #expect(reasons.count == 2 && reasons.allSatisfy { $0.hasPrefix("over the account's limit") }, "\(reasons)")
        #expect(run.double.calls["create"] == 5)
    }

    @Test("wrong credentials are asked with once, and nothing is made", arguments: Provider.allCases)
    func credentials(_ provider: Provider) {
        var run = FleetRun(provider, orders: 1)
        run.double.areCredentialsGood = false
        run.run(seconds: 60)
        #expect(run.creditRefusals == 1 && run.double.machines.isEmpty)
        #expect("\(run.rentals[0].stage)".contains("credentials refused"))
    }

    @Test("missing capacity is told apart from a limit of the account", arguments: Provider.allCases)
    func capacity(_ provider: Provider) {
        var run = FleetRun(provider, orders: 1, weather: CloudDouble.Weather(noCapacity: 1))
        run.run(seconds: 10)
        #expect("\(run.rentals[0].stage)".contains("nothing to be had there now"), "\(run.rentals[0].stage)")
    }

    @Test("who is asked too often is asked less and less, and what was ordered comes once it answers", arguments: Provider.allCases)
    func throttled(_ provider: Provider) {
        var run = FleetRun(provider, orders: 1, weather: CloudDouble.Weather(throttled: 1))
        run.run(seconds: 300)
        #expect((4...12).contains(run.double.calls["create"] ?? 0), "\(run.double.calls)")
        run.double.weather = .calm
        run.run(seconds: 70)
        #expect(run.double.alive.count == 1)
    }

    @Test("an order that was not heard before its expiry is never made after it", arguments: Provider.allCases)
    func late(_ provider: Provider) {
        var run = FleetRun(provider, orders: 4, weather: CloudDouble.Weather(lostBefore: 1), lifetimes: 60...60)
        run.run(seconds: 70)
        run.double.weather = .calm
        run.run(seconds: 800)
        #expect(run.double.machines.isEmpty)
        #expect(run.rentals.allSatisfy { $0.step(run.driver.repetition, now: run.double.now) == .over })
    }

    @Test("machines of others and machines without sense in their tags are neither seen nor ended; one that nobody remembers is", arguments: Provider.allCases)
    func foreign(_ provider: Provider) {
        var run = FleetRun(provider, orders: 0)
        let key = "00112233445566778899aabbccddeeff", past = "\(run.double.now.secondsSinceEpoch - 10)"
        let others = [
            [], ["mote-fleet:test"], ["mote-fleet:other", "mote-key:\(key)", "mote-attempt:1", "mote-expires:\(past)"],
            ["mote-fleet:test", "mote-key:\(key)x", "mote-attempt:1", "mote-expires:\(past)"],
            ["mote-fleet:test", "mote-key:\(key)", "mote-attempt:1", "mote-expires:-5"],
            ["mote-fleet:test", "mote-key:\(key)", "mote-attempt:1", "mote-expires:99999999999999999999"],
        ]
        for tags in others { _ = run.double.plant(name: "web", place: "fra", tags: tags) }
        let orphan = run.double.plant(name: "x", place: "fra", tags: ["mote-fleet:test", "mote-key:\(key)", "mote-attempt:1", "mote-expires:\(past)"])
        run.run(seconds: 120)
        #expect(run.double.machines.filter { $0.ended != nil }.map(\.id) == [orphan])
    }

    @Test("of two machines of one order the one that was recorded stays", arguments: Provider.allCases)
    func doubled(_ provider: Provider) {
        var run = FleetRun(provider, orders: 1)
        run.run(seconds: 1)
        let order = run.rentals[0].order
        _ = run.double.plant(name: "again", place: order.place, tags: order.tags.words)
        run.run(seconds: 60)
        #expect(run.double.alive.map(\.id) == run.rentals.compactMap(\.machine))
    }

    /// The coordinator is killed between any two steps; answers are lost, late, damaged and untrue.
    @Test("through storms nothing is made twice, nothing outlives its expiry by two minutes and nothing is billed twice", arguments: Provider.allCases)
    func storms(_ provider: Provider) {
        for seed in seeds(2) {
            var run = FleetRun(provider, orders: 8, weather: .storm, seed: seed)
            // It has no budget of time for what stalls, and believes every list: `AccountDesk` does better.
            (run.double.weather.stalled, run.double.weather.staleList) = (0, 0)
            run.killShare = 0.05
            run.run(seconds: 900)
            run.double.weather = .calm
            run.run(seconds: 2400)
            let double = run.double
            #expect(double.alive.isEmpty, "seed \(seed): leaked \(double.alive)")
            for machine in double.machines {
                let tags = MachineTags(words: machine.tags)
                // Hidden machines cannot be ended; what was made late in the storm may be hidden at its expiry.
                let due = max(tags?.expires ?? machine.made, machine.listedFrom)
                #expect((machine.ended ?? double.now) - due <= 120, "seed \(seed): \(machine.id) outlived its expiry")
            }
            #expect(Set(double.machines.map(\.name)).count == double.machines.count, "seed \(seed): made twice")
            let hour = double.dialect.meter.charge(from: double.now, to: double.now + 3600)
            #expect(double.bill <= hour * Int64(run.rentals.count), "seed \(seed): billed \(double.bill)")
            #expect(run.rentals.allSatisfy { $0.step(run.driver.repetition, now: double.now) == .over }, "seed \(seed): unsettled")
        }
    }

    @Test("EC2's hosts in China have a domain of their own", arguments: [("eu-west-1", "ec2.eu-west-1.amazonaws.com"), ("cn-north-1", "ec2.cn-north-1.amazonaws.com.cn")])
    func hosts(region: String, host: String) {
        #expect(Provider.ec2.driver.end("i-1", place: region).host == host)
    }

    @Test("EC2 tells an order whose machine has ended from one that was never made")
    func spentToken() {
        var run = FleetRun(.ec2, orders: 1, weather: CloudDouble.Weather(lostAfter: 1))
        run.run(seconds: 1)
        run.double.weather = .calm
        let id = run.double.machines[0].id
        _ = run.double.handle(try! run.driver.authorize(run.driver.end(id, place: "fra"), pass: nil, now: run.double.now))
        run.run(seconds: 10)
        #expect(run.rentals[0].stage == .spent && run.double.machines.count == 1)
    }

    @Test("an answer of any bytes is a result or a failure, and never a success that it does not say", arguments: Provider.allCases)
    func hostile(_ provider: Provider) {
        let driver = provider.driver
        var random = SeededRandom(seed: 1), run = FleetRun(provider, orders: 6)
        run.run(seconds: 2)
        let order = run.rentals[0].order
        guard let good = run.listAnswer() else { Issue.record("no list"); return }
        for _ in 0..<2000 {
            var bad = good
            for _ in 0..<Int.random(in: 1...8, using: &random) { bad.body[Int.random(in: 0..<bad.body.count, using: &random)] = .random(in: 0...255, using: &random) }
            if Bool.random(using: &random) { bad.body.removeLast(Int.random(in: 0...bad.body.count, using: &random)) }
            bad.status = [200, 200, 201, 204, 302, 400, 429, 500].randomElement(using: &random)!
            for machine in (try? driver.listed(bad, fleet: FleetRun.fleet, place: "fra"))?.machines ?? [] { #expect(machine.tags.fleet == FleetRun.fleet) }
            if case .made(let id)? = try? driver.created(bad, for: order) { #expect(!id.isEmpty && bad.status < 300) }
            try? driver.ended(bad)
        }
    }
}

/// So many seeds from 0, or as many times more as `DUSTCLOUD_SEEDS` says (`make soak`).
func seeds(_ usual: UInt64) -> Range<UInt64> { 0..<usual * max(1, UInt64(ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1) }

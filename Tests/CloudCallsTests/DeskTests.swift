import Ambience
import CloudCalls
import Foundation
import Leasing
import Testing

/// What an account does, whatever its provider does.
@Suite("Account desk")
struct DeskTests {
    @Test("rents what is wanted once it has looked, and ends it at its expiry", arguments: Provider.allCases)
    func calm(_ provider: Provider) {
        var run = DeskRun(provider)
        let orders = run.order(17)
        run.run(seconds: 90)
        #expect(run.double.alive.count == 17)
        #expect(run.calls.first.map { if case .create = $0.call { false } else { true } } == true)
        #expect(orders.allSatisfy { run.desk.standing(of: $0)?.machines.first?.state == .running })
        #expect(run.desk.listedSince != nil)
        run.run(seconds: 2500)
        #expect(run.double.alive.isEmpty && !run.desk.isBusy)
        #expect(run.double.calls["create"] == 17 && run.double.machines.count == 17)
        run.run(seconds: 4000)
        #expect(run.book.isEmpty, "records of what is long over go")
    }

    @Test("a mote that is not wanted any more goes at once, even if its create is in doubt", arguments: Provider.allCases)
    func unwanted(_ provider: Provider) {
        var run = DeskRun(provider, weather: CloudDouble.Weather(lostAfter: 1))
        run.run(seconds: 5)
        run.double.weather = .calm
        run.run(seconds: 5)
        run.double.weather = CloudDouble.Weather(lostAfter: 1)
        let orders = run.order(3)
        run.run(seconds: 5)
        run.double.weather = .calm
        for order in orders { run.desk.end(order.key, now: run.now) }
        run.run(seconds: 900)
        #expect(run.double.alive.isEmpty && !run.desk.isBusy)
        #expect(run.double.machines.count <= 3)
    }

    @Test("of strangers in the fleet only those that were listed twice, half a minute apart, are ended; machines of others never", arguments: Provider.allCases)
    func strangers(_ provider: Provider) {
        var run = DeskRun(provider)
        run.run(seconds: 5)
        let tags = MachineTags(fleet: FleetRun.fleet, key: MoteKey(high: 1, low: 2), attempt: 1, expires: run.now + 90_000)
        let stranger = run.double.plant(name: "x", place: "fra", tags: tags.words), other = run.double.plant(name: "web", place: "fra", tags: [])
        let planted = run.now
        run.run(seconds: 200)
        let machines = run.double.machines
        #expect(machines.first { $0.id == other }?.ended == nil)
        #expect(machines.first { $0.id == stranger }?.ended.map { (30...150).contains($0 - planted) } == true)
    }

    @Test("refused credentials stop creates, not ends, and are told once; with them back creates go on", arguments: Provider.allCases)
    func credentials(_ provider: Provider) {
        var run = DeskRun(provider)
        let first = run.order(3, lifetimes: 300...300)
        run.run(seconds: 30)
        run.double.areCredentialsGood = false
        let late = run.order(2)
        run.run(seconds: 30)
        for order in first { run.desk.end(order.key, now: run.now) }
        run.run(seconds: 100)
        #expect(run.events.filter { if case .credentialsRefused = $0 { true } else { false } }.count == 1)
        #expect(late.allSatisfy { order in run.events.contains { if case .refused(order, .credentials) = $0 { true } else { false } } })
        let creates = run.calls.filter { if case .create = $0.call { true } else { false } }.count
        #expect(creates <= 5)
        run.double.areCredentialsGood = true
        run.run(seconds: 20)
        #expect(run.double.alive.isEmpty, "ends were tried all the time")
        run.desk.trust(now: run.now)
        _ = run.order(1)
        run.run(seconds: 60)
        #expect(run.double.alive.count == 1 && run.events.contains(.credentialsAccepted))
    }

    @Test("what a pool does not have is told with the pool, and not asked for again", arguments: Provider.allCases)
    func capacity(_ provider: Provider) {
        var run = DeskRun(provider, weather: CloudDouble.Weather(noCapacity: 1))
        let orders = run.order(2)
        run.run(seconds: 60)
        for order in orders { #expect(run.events.contains { if case .refused(order, .capacity) = $0 { true } else { false } }) }
        #expect(run.double.calls["create"] == 2)
    }

    @Test("through storms and kills nothing is made twice, outlives its expiry by two minutes or stays in doubt", arguments: Provider.allCases)
    func storms(_ provider: Provider) {
        for seed in seeds(2) {
            var run = DeskRun(provider, weather: .storm, seed: seed)
            run.killShare = 0.03
            _ = run.order(8)
            run.run(seconds: 900)
            run.double.weather = .calm
            run.run(seconds: 2400)
            let double = run.double
            #expect(double.alive.isEmpty, "seed \(seed): leaked \(double.alive)")
            for machine in double.machines {
                let due = max(MachineTags(words: machine.tags)?.expires ?? machine.made, machine.listedFrom)
                #expect((machine.ended ?? double.now) - due <= 120, "seed \(seed): \(machine.id) outlived its expiry")
            }
            #expect(Set(double.machines.map(\.name)).count == double.machines.count, "seed \(seed): made twice")
            #expect(!run.desk.isBusy && run.desk.standings.allSatisfy { !$0.rental.isOpen }, "seed \(seed): unsettled")
        }
    }
}

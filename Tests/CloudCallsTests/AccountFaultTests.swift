import Ambience
import CloudCalls
import Leasing
import Testing

/// What goes wrong between an account and its provider, one thing at a time.
@Suite("Account faults")
struct AccountFaultTests {
    @Test("while hundreds are ordered from a provider that lets little be asked, what must end ends at once, and few calls are refused", arguments: [Provider.hetzner, .ec2])
    func rates(_ provider: Provider) {
        var run = DeskRun(provider)
        let first = run.order(3)
        run.run(seconds: 30)
        #expect(run.double.alive.count == 3)
        run.double.callsPerMinute = 12
        _ = run.order(300, lifetimes: 3000...3600)
        run.run(seconds: 120)
        for order in first { run.desk.end(order.key, now: run.now) }
        let wanted = run.now
        run.run(seconds: 80)
        let ended = run.double.machines.filter { machine in first.contains { $0.name == machine.name } }
        #expect(ended.allSatisfy { $0.ended.map { $0 - wanted <= (provider == .hetzner ? 10 : 80) } ?? false }, "\(ended)")
        let creates = run.double.calls["create"] ?? 0
        run.run(seconds: 600)
        #expect((run.double.calls["create"] ?? 0) > creates, "creates go on")
        // EC2 says nothing in its answers; Hetzner does, and is not asked in vain.
        #expect(run.double.refusedCalls <= (provider == .hetzner ? 5 : 80), "\(run.double.refusedCalls)")
    }

    @Test("a spot machine's notice shortens its life in the books at once, and what was taken is known to be gone")
    func spot() throws {
        var run = DeskRun(.ec2Spot)
        let orders = run.order(4)
        run.run(seconds: 60)
        #expect(run.double.alive.count == 4 && run.double.alive.allSatisfy(\.isSpot))
        let id = try #require(run.desk.standing(of: orders[0])?.rental.machine)
        run.double.interrupt(id)
        let noticed = run.double.now
        run.run(seconds: 25)
        #expect(run.desk.standing(of: orders[0])?.endsEarly == noticed + 120)
        #expect(run.events.contains(.notice(id: id, at: noticed + 120)))
        run.run(seconds: 240)
        #expect(run.events.contains(.gone(orders[0], id: id)))
        #expect(run.desk.standing(of: orders[0])?.rental.stage == .spent && run.double.alive.count == 3)
    }

    @Test("a region that may not be looked at stops nothing elsewhere")
    func closedRegion() {
        var run = DeskRun(.ec2)
        run.double.closedPlaces = ["nyc"]
        let orders = run.order(4)
        run.run(seconds: 120)
        #expect(run.double.alive.count == 2 && run.double.alive.allSatisfy { $0.place == "fra" })
        for order in orders where order.place == "nyc" {
            #expect(run.events.contains { if case .refused(order, .credentials) = $0 { true } else { false } })
        }
        let told = run.events.count
        run.desk.want(MachineOrder(fleet: FleetRun.fleet, key: MoteKey(high: 9, low: 9), place: "fra", size: "small", image: "17", expires: run.now + 900), now: run.now)
        run.run(seconds: 400)
        #expect(run.double.alive.count == 3, "\(run.events.dropFirst(told))")
    }

    @Test("EC2 knows a token within its zone only: what a second zone makes of it is ended as a double")
    func zones() {
        var run = DeskRun(.ec2)
        let key = MoteKey(high: 5, low: 6), expires = run.now + 1800
        let orders = ["fra-a", "fra-b"].map {
            MachineOrder(fleet: FleetRun.fleet, key: key, place: "fra", zone: $0, size: "small", image: "17", expires: expires)
        }
        run.desk.want(orders[0], now: run.now)
        run.run(seconds: 30)
        // As somebody would who lost the record and tried elsewhere.
        let now = run.now
        var double = run.double
        _ = run.session.perform(.create(orders[0]), fleet: FleetRun.fleet, now: { now }) { double.handle($0) }
        #expect(double.machines.count == 1, "the same order, the same answer")
        _ = run.session.perform(.create(orders[1]), fleet: FleetRun.fleet, now: { now }) { double.handle($0) }
        #expect(double.machines.count == 2)
        run.double = double
        run.run(seconds: 120)
        #expect(run.double.alive.map(\.id) == [run.desk.standing(of: orders[0])?.rental.machine])
    }

    @Test("what could not be built after a yes is ended, and told as missing capacity of its pool")
    func broken() {
        var run = DeskRun(.openstack, weather: CloudDouble.Weather(broken: 1))
        let orders = run.order(2)
        run.run(seconds: 120)
        #expect(run.double.alive.isEmpty && run.double.machines.count == 2)
        for order in orders { #expect(run.events.contains(.refused(order, .capacity("No valid host was found.")))) }
    }

    @Test("a pass that has expired or was taken back is fetched again, and nothing is made twice")
    func passes() {
        var run = DeskRun(.openstack)
        _ = run.order(2)
        run.run(seconds: 30)
        run.double.passesSince = run.double.now
        _ = run.order(2)
        run.run(seconds: 1300)
        #expect(run.double.machines.count == 4)
        #expect((3...6).contains(run.double.calls["signIn"] ?? 0), "\(run.double.calls)")
        #expect(!run.events.contains { if case .credentialsRefused = $0 { true } else { false } })
    }

    @Test("a clock that is an hour wrong costs a call, and no machine", arguments: [Int64(-3600), 3600, 400], [Provider.ec2, .openstack])
    func skew(_ error: Int64, _ provider: Provider) {
        var run = DeskRun(provider)
        run.clockErrorSeconds = error
        _ = run.order(3)
        run.run(seconds: 90)
        #expect(run.double.alive.count == 3 && run.session.skewSeconds == -error)
        #expect(!run.events.contains { if case .credentialsRefused = $0 { true } else { false } })
    }

    @Test("a clock that is set back in the middle stops nothing for long")
    func steppedBack() {
        var run = DeskRun(.hetzner)
        let orders = run.order(3)
        run.run(seconds: 60)
        run.clockErrorSeconds = -3600
        for order in orders { run.desk.end(order.key, now: run.now) }
        run.run(seconds: 60)
        #expect(run.double.alive.isEmpty)
    }

    @Test("machines that a list leaves out are ended by their ids before they count as gone", arguments: Provider.allCases)
    func unlisted(_ provider: Provider) throws {
        var run = DeskRun(provider)
        let order = run.order(1)[0]
        run.run(seconds: 30)
        let id = try #require(run.desk.standing(of: order)?.rental.machine)
        run.double.strip(id)
        run.run(seconds: 300)
        #expect(run.double.alive.isEmpty && run.events.contains(.gone(order, id: id)))
    }

    @Test("a bill is what its tariff says, to the ten-thousandth", arguments: Provider.allCases)
    func bills(_ provider: Provider) {
        var run = DeskRun(provider)
        _ = run.order(6, lifetimes: 30...9000)
        run.run(seconds: 9300)
        let double = run.double
        #expect(double.alive.isEmpty && double.machines.count == 6)
        for machine in double.machines {
            let lived = (machine.ended ?? double.now) - machine.made, expires = MachineTags(words: machine.tags)!.expires
            #expect(lived <= expires - machine.made + 2, "ended in time")
            #expect(double.dialect.meter.charge(from: machine.made, to: machine.ended!) == provider.price(seconds: lived), "\(lived) s")
        }
    }

    @Test(
        "an order with anything in it that is no name goes to nobody",
        arguments: [
            ("fra", "small;rm", "17"), ("fra\r\nx-evil: 1", "small", "17"), ("", "small", "17"), ("fra", "small", "a b"), ("fra", "ſmall", "17"),
            ("fra", String(repeating: "a", count: 129), "17"),
        ])
    func unsound(place: String, size: String, image: String) {
        var run = DeskRun(.hetzner)
        let order = MachineOrder(
            fleet: FleetRun.fleet, key: MoteKey(high: 1, low: 1), place: place, size: size, image: image, expires: run.now + 600,
            userData: "")
        run.desk.want(order, now: run.now)
        run.run(seconds: 60)
        #expect(run.double.machines.isEmpty && run.events.contains { if case .refused(order, .invalid) = $0 { true } else { false } })
    }

    @Test("tags are read only as they are written", arguments: ["+1", "01", "1.0", "0", "1000", " 1", "１", "-1", ""])
    func tags(attempt: String) {
        let key = MoteKey(high: 1, low: 2)
        let good = MachineTags(fleet: "test", key: key, attempt: 1, expires: WallTime(secondsSinceEpoch: 99))
        #expect(MachineTags(words: good.words) == good)
        #expect(MachineTags(["mote-fleet": "test", "mote-key": "\(key)", "mote-attempt": attempt, "mote-expires": "99"]) == nil)
        #expect(MachineTags(["mote-fleet": "test", "mote-key": "\(key)", "mote-attempt": "1", "mote-expires": attempt + " "]) == nil)
    }

    @Test("what an answer's head says of rates counts only if it makes sense")
    func notes() {
        let now = WallTime(secondsSinceEpoch: 1_800_000_000)
        let good = CallNotes(["ratelimit-limit": "3600", "ratelimit-remaining": "12", "ratelimit-reset": "1800000060", "date": (now + 7).httpDate], now: now)
        #expect(good == CallNotes(limit: 3600, remaining: 12, resetSeconds: 53, skewSeconds: 7))
        #expect(CallNotes(["ratelimit-reset": "30"], now: now).resetSeconds == 30)
        let bad = CallNotes(["ratelimit-limit": "-1", "ratelimit-remaining": "1e9", "ratelimit-reset": "never", "date": "yesterday"], now: now)
        #expect(bad == CallNotes())
        #expect(CallNotes(["ratelimit-reset": "\(Int64.max)"], now: now).resetSeconds == 86400)
    }
}

import Ambience
import CloudCalls
import Leasing
import Prices

/// A coordinator over three providers that lie, in virtual time and from one seed. It may be killed at every edge: before and after each durable write,
/// each effect, each call and each answer. What it knows afterwards is what was durable.
struct FaultyFleet {
    struct Killed: Error {}

    static let fleet = "ours"
    static let tickSeconds: Int64 = 5
    private static let grains: [(name: String, grainSeconds: Int64)] = [("tokens", 1), ("names", 3600), ("plain", 60)]

    // What is really so.
    var now = WallTime(secondsSinceEpoch: 1_800_000_000)
    var providers: [LyingProvider]
    var consensus: Set<MoteKey> = []
    var isDirectorySilent = false
    // What survives the coordinator.
    var ledger = Ledger()
    var books: [[String: Rental]] = [[:], [:], [:]]
    // The coordinator.
    var desire: Desire
    var desks: [AccountDesk] = []
    private var refusals: [[MoteKey: Refusal]] = [[:], [:], [:]]
    private var siting = HoppingSiting(FaultyFleet.grains)
    var clock = CommonClock()
    var clockErrorSeconds: Int64 = 0
    var downUntil: WallTime?
    /// A chance in ten thousand per edge, or one certain edge.
    var killChance = 0
    var killAt: Int?
    private(set) var edges = 0
    private(set) var kills = 0
    var random: SeededRandom
    var watch = Watch()

    init(seed: UInt64, motes: Int = 4, cap: String? = nil) {
        random = SeededRandom(seed: seed)
        providers = [
            LyingProvider("tokens", .sameAnswer, hasNotices: true, endsAtPowerOff: true, seed: random.next()),
            LyingProvider("names", .uniqueName, hasNotices: false, endsAtPowerOff: false, seed: random.next()),
            LyingProvider("plain", .another(visibleWithinSeconds: 40), hasNotices: false, endsAtPowerOff: false, seed: random.next()),
        ]
        var policy = FleetPolicy.standard
        policy.normal = .init(motes: motes, lifetimeSeconds: 600)
        (policy.startLimitSeconds, policy.votesToList) = (90, 2)
        desire = Desire(mode: .up, timing: Timing(policy: policy, votingIntervalSeconds: 10))
        desire.caps = cap.flatMap { Amount($0) }.map { [HoppingSiting.dollar: $0] }
        for index in providers.indices { providers[index].plantForeign(now) }
        start()
    }

    var weather: LyingProvider.Weather {
        get { providers[0].weather }
        set { for index in providers.indices { providers[index].weather = newValue } }
    }

    /// By the coordinator's own clock, put right by what providers' answers say.
    var here: WallTime { clock.now(now + clockErrorSeconds) }

    mutating func run(seconds: Int64, each: (inout FaultyFleet) -> Void = { _ in }) {
        for _ in 0..<seconds / Self.tickSeconds {
            now = now + Self.tickSeconds
            for index in providers.indices { providers[index].live(now) }
            if now.secondsSinceEpoch % 10 == 0, !isDirectorySilent { vote() }
            coordinate()
            check()
            each(&self)
        }
    }

    private mutating func vote() {
        consensus = []
        for provider in providers { for unit in provider.units where unit.isUp(now) && !unit.isDraining && unit.tags.fleet == Self.fleet { consensus.insert(unit.tags.key) } }
    }

    // MARK: The coordinator

    private mutating func start() {
        clock = CommonClock()
        refusals = [[:], [:], [:]]
        desks = providers.indices.map { AccountDesk(providers[$0].traits, fleet: Self.fleet, rentals: Array(books[$0].values), seed: random.next()) }
        watch.restarted()
    }

    mutating func kill(downSeconds: Int64) {
        kills += 1
        downUntil = now + downSeconds
    }

    private mutating func edge() throws(Killed) {
        edges += 1
        guard edges == killAt || killChance > 0 && Int.random(in: 0..<10_000, using: &random) < killChance else { return }
        throw Killed()
    }

    private mutating func coordinate() {
        if let until = downUntil {
            guard now >= until else { return }
            downUntil = nil
            start()
        }
        do throws(Killed) {
            for index in providers.indices { try work(index) }
            if now.secondsSinceEpoch % 10 == 0 { try pass() }
        } catch { kill(downSeconds: Int64.random(in: 1...90, using: &random)) }
    }

    /// What the desk of one account wants to be done now.
    private mutating func work(_ index: Int) throws(Killed) {
        for _ in 0..<12 {
            guard case .call(let call, let saving) = desks[index].next(now: here) else { break }
            try note(index)
            if let saving { try save(saving, index) }
            watch.called(call, now)
            let outcome = providers[index].handle(call, now)
            try edge()
            let notes = CallNotes(skewSeconds: now + providers[index].clockErrorSeconds - (now + clockErrorSeconds))
            if case .failed(.unreachable) = outcome {} else { clock.heard(notes.skewSeconds, from: providers[index].name) }
            desks[index].heard(outcome, notes, now: here)
            try note(index)
        }
        try note(index)
    }

    private mutating func save(_ rental: Rental, _ index: Int) throws(Killed) {
        try edge()
        books[index][rental.order.name] = rental
        try edge()
    }

    private mutating func note(_ index: Int) throws(Killed) {
        for event in desks[index].takeEvents() {
            switch event {
            case .changed(let rental): try save(rental, index)
            case .forgotten(let rental): books[index][rental.order.name] = nil
            case .refused(let order, let failure): refusals[index][order.key] = Refusal(failure)
            case .ending(let id, _, _): watch.wantsEnd(id, now)
            default: break
            }
        }
    }

    private func observe() -> Observation {
        var observation = Observation(listed: isDirectorySilent ? nil : consensus)
        for index in providers.indices {
            var sightings = desks[index].sightings
            for (key, refusal) in refusals[index] { sightings[key, default: Sighting()].refusal = refusal }
            for unit in providers[index].units where unit.isUp(now) && unit.tags.fleet == Self.fleet {
                sightings[unit.tags.key, default: Sighting()].report = providers[index].report(of: unit.tags.key, now)
            }
            observation.sightings.merge(sightings) { $0.instances.isEmpty ? $1 : $0 }
            if desks[index].listedSince.map({ here - $0 > 300 }) ?? true { observation.unseen.insert(providers[index].name) }
        }
        return observation
    }

    private mutating func pass() throws(Killed) {
        let actions = Reconciler.reconcile(desire: desire, ledger: ledger, observation: observe(), now: here, siting: &siting, random: &random)
        for action in actions {
            try edge()
            if let event = action.event {
                do throws(IllegalStep) { try ledger.apply(event) } catch { watch.complain("\(error)") }
                try edge()
            }
            if let effect = action.effect { try perform(effect) }
        }
        _ = ledger.forget(before: here)
    }

    private mutating func perform(_ effect: Effect) throws(Killed) {
        switch effect {
        case .start(let lease, let attempt):
            guard let index = index(lease.site.provider) else { return }
            let order = MachineOrder(
                fleet: Self.fleet, key: lease.key, attempt: attempt, place: lease.site.region, size: lease.site.size, image: lease.site.image, expires: lease.expires)
            try save(Rental(order), index)
            refusals[index][order.key] = nil
            desks[index].want(order, now: here)
        case .drain(let key): tell(key) { $0.isDraining = true }
        case .shorten(let key, let expires): tell(key) { $0.moteExpires = expires }
        case .stop(let key): for index in providers.indices where !providers[index].stopMote(key, now) { desks[index].end(key, now: here) }
        case .kill(let key): for index in providers.indices { desks[index].end(key, now: here) }
        case .erase: break
        }
    }

    private func index(_ name: String) -> Int? { providers.firstIndex { $0.name == name } }

    private mutating func tell(_ key: MoteKey, _ change: (inout LyingProvider.Unit) -> Void) {
        for index in providers.indices { providers[index].tell(key, change) }
    }
}

extension Refusal {
    init(_ failure: CallFailure) {
        self =
            switch failure {
            case .capacity: .capacity
            case .quota: .quota
            case .credentials: .credentials
            case .later, .unreachable, .invalid, .unknown: .invalid
            }
    }
}

package import Ambience

/// Compares what is wanted with what is recorded and what is there, and says what to do next.
///
/// A pass goes straight through: each mote takes at most one step, then missing motes are intended, then what nobody intended is swept.
/// It is level-triggered: a pass depends only on its arguments, so a lost effect is asked for again and a finished one is not.
/// 1. `advance`: every recorded mote, by its state and its sighting.
/// 2. `supply`: replacements, early enough to be listed before those whose end is near begin to drain.
/// 3. `sweep`: processes without an intent end; folders of the gone are erased.
package struct Reconciler {
    /// How long a mote may take to end politely.
    package static let stopPatienceSeconds: Int64 = 5
    /// How long after its expiry a mote's own timer is trusted to have ended it.
    static let ownTimerPatienceSeconds: Int64 = 2
    /// How long an order to drain may go unheard before it is given again.
    static let drainPatienceSeconds: Int64 = 10
    /// How long the gone are remembered.
    package static let memorySeconds: Int64 = 3600

    let desire: Desire
    let ledger: Ledger
    let observation: Observation
    let now: WallTime
    /// Those not gone, the soonest to end first.
    let alive: [MoteRecord]
    var actions: [Action] = []
    var startsLeft: Int
    /// Per class, those that will still be of use when a mote started now is; the soonest to end first.
    private(set) var lasting: [LifetimeClass: [MoteRecord]] = [:]
    /// Per class, how many more may be told to drain now.
    var drainsLeft: [LifetimeClass: Int] = [:]
    private var surplus: Set<MoteKey> = []

    package static func reconcile(
        desire: Desire, ledger: Ledger, observation: Observation, now: WallTime, random: inout some RandomNumberGenerator
    ) -> [Action] {
        var pass = Reconciler(desire: desire, ledger: ledger, observation: observation, now: now)
        for record in pass.alive { pass.advance(record) }
        if desire.mode == .up { pass.supply(&random) }
        pass.sweep()
        return pass.actions
    }

    private init(desire: Desire, ledger: Ledger, observation: Observation, now: WallTime) {
        self.desire = desire
        self.ledger = ledger
        self.observation = observation
        self.now = now
        alive = ledger.alive
        let starts = ledger.records.values.reduce(0) { sum, record in sum + record.starts.count { now - $0 < 60 } }
        startsLeft = max(0, desire.policy.startsPerMinute - starts)
        for lifetimeClass in LifetimeClass.allCases { count(lifetimeClass) }
    }

    private mutating func count(_ lifetimeClass: LifetimeClass) {
        let members = alive.filter { $0.lease.lifetimeClass == lifetimeClass }
        let lasting = members.filter { $0.state.isServing && desire.wishes[$0.key] == nil && !fades($0, by: now + desire.timing.leadSeconds) }
        self.lasting[lifetimeClass] = lasting
        let wanted = desire.policy[lifetimeClass].motes
        surplus.formUnion(lasting.prefix(max(0, lasting.count - wanted)).map(\.key))
        drainsLeft[lifetimeClass] = drainsAllowed(members, lasting, wanted: wanted)
    }

    /// Only what the fleet can do without may be told to drain, and a bounded share at once.
    private func drainsAllowed(_ members: [MoteRecord], _ lasting: [MoteRecord], wanted: Int) -> Int {
        let ending = members.count { $0.state.isEndingByWish }
        let wished = members.count { $0.state.isListed && desire.wishes[$0.key] != nil }
        let share = max(1, Int(Double(wanted) * desire.policy.disruptionShare))
        return max(0, min(share - ending, lasting.count { $0.state.isListed } + wished - wanted))
    }

    /// Whether the fleet has more than enough without this mote, which is among the soonest to end.
    func isSurplus(_ record: MoteRecord) -> Bool { surplus.contains(record.key) }

    func sighting(_ key: MoteKey) -> Sighting { observation.sightings[key] ?? Sighting() }

    /// Whether the mote is of little use from `time` on.
    func fades(_ record: MoteRecord, by time: WallTime) -> Bool {
        record.lease.expires - max(record.lease.drainSeconds, desire.timing.fadeSeconds(record.lease.lifetimeClass)) <= time
    }

    mutating func add(_ change: MoteChange, to key: MoteKey, _ effect: Effect? = nil) {
        actions.append(Action(event: MoteEvent(key: key, at: now, change: change), effect: effect))
    }

    mutating func repeatOrder(_ effect: Effect) { actions.append(Action(event: nil, effect: effect)) }
}

extension MoteState {
    var isListed: Bool { if case .listed = self { true } else { false } }

    /// Draining, or told to end, because somebody wished it and not because its time was over.
    var isEndingByWish: Bool {
        switch self {
        case .draining(let ending), .terminating(let ending): ending.reason == .wish || ending.reason == .surplus || ending.reason == .neverListed
        default: false
        }
    }
}

extension Reconciler {
    /// How many motes of a class will still be of use when a mote started now is.
    static func lasting(_ lifetimeClass: LifetimeClass, desire: Desire, ledger: Ledger, now: WallTime) -> Int {
        Reconciler(desire: desire, ledger: ledger, observation: Observation(), now: now).lasting[lifetimeClass, default: []].count
    }
}

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

    /// For a fleet of this machine's processes.
    package static func reconcile(
        desire: Desire, ledger: Ledger, observation: Observation, now: WallTime, random: inout some RandomNumberGenerator
    ) -> [Action] {
        var siting = LocalSiting()
        return reconcile(desire: desire, ledger: ledger, observation: observation, now: now, siting: &siting, random: &random)
    }

    package static func reconcile(
        desire: Desire, ledger: Ledger, observation: Observation, now: WallTime, siting: inout some Siting, random: inout some RandomNumberGenerator
    ) -> [Action] {
        var pass = Reconciler(desire: desire, ledger: ledger, observation: observation, now: now)
        for record in pass.alive { pass.advance(record) }
        if desire.mode == .up { pass.supply(&siting, &random) }
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
        let lasting = members.filter(isLasting)
        self.lasting[lifetimeClass] = lasting
        let wanted = desire.policy[lifetimeClass].motes
        surplus.formUnion(lasting.prefix(max(0, lasting.count - wanted)).map(\.key))
        drainsLeft[lifetimeClass] = drainsAllowed(members, lasting, wanted: wanted)
    }

    /// Whether the mote will still be of use when one started now is.
    func isLasting(_ record: MoteRecord) -> Bool {
        record.state.isServing && desire.wishes[record.key] == nil && !fades(record, by: now + desire.timing.leadSeconds)
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

    /// What is seen of a mote. Where its provider was not seen whole, it may be there all the same.
    func sighting(_ record: MoteRecord) -> Sighting {
        if let sighting = observation.sightings[record.key] { return sighting }
        return Sighting(isInDoubt: observation.unseen.contains(record.lease.site.provider))
    }

    /// Whether the mote is of little use from `time` on.
    func fades(_ record: MoteRecord, by time: WallTime) -> Bool {
        record.expires - max(record.lease.drainSeconds, desire.timing.fadeSeconds(record.lease.lifetimeClass)) <= time
    }

    mutating func add(_ change: MoteChange, to key: MoteKey, _ effect: Effect? = nil) {
        actions.append(Action(event: MoteEvent(key: key, at: now, change: change), effect: effect))
    }

    mutating func repeatOrder(_ effect: Effect) { actions.append(Action(event: nil, effect: effect)) }
}

extension Sighting {
    /// Proven: nothing of it is there, and nothing can come of what was ordered.
    var isAbsent: Bool { !isAlive && !isInDoubt }
}

extension MoteRecord {
    /// Why it ends if nobody ends it.
    var endReason: EndReason { endsEarly == nil ? .expiry : .interrupted }
}

extension MoteState {
    var isEnding: Bool { if case .terminating = self { true } else { false } }

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

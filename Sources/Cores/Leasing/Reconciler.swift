package import Ambience

/// Compares what is wanted with what is recorded and what is there, and says what to do next.
///
/// A pass goes straight through: each mote takes at most one step, then missing motes are intended, then what nobody intended is swept.
/// It is level-triggered: a pass depends only on its arguments, so a lost effect is asked for again and a finished one is not. Its work grows
/// with the number of motes and no faster: every mote is looked at a fixed number of times.
/// 1. `Census`: one walk over each class says who lasts, who has to go and how many may go now.
/// 2. `advance`: every recorded mote, by its state and its witnesses.
/// 3. `supply`: replacements, early enough to be listed before those whose end is near begin to drain.
/// 4. `sweep`: processes without an intent end; folders of the gone are erased.
package struct Reconciler {
    /// How long a mote may take to end politely.
    package static let stopPatienceSeconds: Int64 = 5
    /// How long after its expiry a mote's own timer is trusted to have ended it.
    static let ownTimerPatienceSeconds: Int64 = 2
    /// How long an order to drain may go unheard before it is given again.
    static let drainPatienceSeconds: Int64 = 10
    /// How long witnesses may disagree about a mote before it is judged by two of three.
    package static let quarantineSeconds: Int64 = 60
    /// How long an intended mote waits for a provider with which nothing is started.
    static let waitingSeconds: Int64 = 180
    /// How long the gone are remembered.
    package static let memorySeconds: Int64 = 3600

    let desire: Desire
    let ledger: Ledger
    let observation: Observation
    let now: WallTime
    /// Those not gone, the soonest to end first.
    let alive: [MoteRecord]
    var actions: [Action] = []
    var ramp: Ramp
    var spending: Spending
    var census: [LifetimeClass: Census] = [:]
    /// How many motes and candidates were looked at, for whoever wants to know how a pass grows.
    private(set) var work = 0

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
        pass(desire: desire, ledger: ledger, observation: observation, now: now, siting: &siting, random: &random).actions
    }

    /// One pass, with how much work it was.
    package static func pass(
        desire: Desire, ledger: Ledger, observation: Observation, now: WallTime, siting: inout some Siting, random: inout some RandomNumberGenerator
    ) -> (actions: [Action], work: Int) {
        var pass = Reconciler(desire: desire, ledger: ledger, observation: observation, now: now)
        for record in pass.alive { pass.advance(record) }
        pass.looked(at: pass.alive.count)
        if desire.mode == .up { pass.supply(&siting, &random) }
        pass.sweep()
        return (pass.actions, pass.work)
    }

    private init(desire: Desire, ledger: Ledger, observation: Observation, now: WallTime) {
        self.desire = desire
        self.ledger = ledger
        self.observation = observation
        self.now = now
        alive = ledger.alive
        spending = Spending(ledger.committed, caps: desire.caps)
        ramp = Ramp(ledger, policy: desire.policy, now: now)
        var members: [LifetimeClass: [MoteRecord]] = [:]
        if alive.contains(where: { $0.lease.lifetimeClass != .normal }) {
            members = Dictionary(grouping: alive) { $0.lease.lifetimeClass }
        } else { members[.normal] = alive }
        for lifetimeClass in LifetimeClass.allCases {
            let census = Census(lifetimeClass, members[lifetimeClass] ?? [], desire: desire, observation: observation, now: now)
            self.census[lifetimeClass] = census
            looked(at: alive.count + census.work)
        }
        looked(at: ledger.records.count)
    }

    mutating func looked(at count: Int) { work += count }

    mutating func add(_ change: MoteChange, to key: MoteKey, _ effect: Effect? = nil) {
        actions.append(Action(event: MoteEvent(key: key, at: now, change: change), effect: effect))
    }

    mutating func repeatOrder(_ effect: Effect) { actions.append(Action(event: nil, effect: effect)) }
}

extension Reconciler {
    /// How many motes of a class will still be of use when a mote started now is.
    static func lasting(_ lifetimeClass: LifetimeClass, desire: Desire, ledger: Ledger, now: WallTime) -> Int {
        Reconciler(desire: desire, ledger: ledger, observation: Observation(), now: now).census[lifetimeClass]?.lasting ?? 0
    }
}

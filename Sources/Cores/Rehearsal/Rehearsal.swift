package import Ambience
package import Leasing
internal import Prices

/// A whole fleet over simulated providers, in virtual time and from a seed: the coordinator's own core decides, and everything around it is played.
///
/// Providers have outages in which they make nothing, take machines back early, lose some, and make some that never come up. Nothing of it is real, and
/// no provider is asked anything. So a policy can be tried for a week before anybody pays for it.
package struct Rehearsal {
    /// What goes wrong, as chances in a thousand per machine; and outages per provider and week.
    package struct Weather: Sendable {
        package var neverUp = 10
        package var lost = 5
        package var interrupted = 20
        package var outages = 1
        package static let calm = Weather(neverUp: 0, lost: 0, interrupted: 0, outages: 0)
        package static let usual = Weather()
    }

    /// Between two passes of the coordinator.
    package static let passSeconds: Int64 = 120
    package static let providersLimit = 64

    package let desire: Desire
    package private(set) var now = WallTime(secondsSinceEpoch: 1_800_000_000)
    package private(set) var report: RehearsalReport
    var world: World
    private var ledger = Ledger()
    private var siting: RehearsalSiting
    private var random: SeededRandom
    private var wasFull = false
    private var lastVote: WallTime?

    /// `timing` must be valid; `providers` is 1 to `providersLimit`.
    package init(timing: Timing, providers: Int, weather: Weather = .usual, seed: UInt64) {
        desire = Desire(mode: .up, timing: timing)
        random = SeededRandom(seed: seed)
        let names = (1...providers).map { "provider-\($0)" }
        siting = RehearsalSiting(names)
        world = World(names, weather: weather, seed: random.next())
        report = RehearsalReport(names)
    }

    /// Plays so many seconds more.
    package mutating func run(seconds: Int64) {
        let end = now + seconds
        while now < end {
            now = now + Self.passSeconds
            world.live(until: now)
            vote()
            pass()
            measure()
        }
        report.close(world.costs(now), overdue: world.overdue, ledger.committed)
    }

    private mutating func vote() {
        guard lastVote.map({ now - $0 >= desire.timing.votingIntervalSeconds }) ?? true else { return }
        lastVote = now
        world.vote()
    }

    private mutating func pass() {
        let (actions, work) = Reconciler.pass(
            desire: desire, ledger: ledger, observation: Observation(sightings: world.sightings, listed: world.listed), now: now, siting: &siting,
            random: &random)
        report.took(work, motes: ledger.aliveCount)
        for action in actions {
            if let event = action.event { record(event) }
            if let effect = action.effect { world.perform(effect, now) }
        }
        if now.secondsSinceEpoch % 600 == 0 { _ = ledger.forget(before: now) }
    }

    private mutating func record(_ event: MoteEvent) {
        do throws(IllegalStep) {
            let record = try ledger.apply(event)
            report.heard(event, record)
            if record.state.isGone { world.forget(event.key) }
        } catch { report.broken(error) }
    }

    /// Once the fleet was whole, how whole it stays.
    private mutating func measure() {
        let wanted = LifetimeClass.allCases.reduce(0) { $0 + desire.policy[$1].motes }
        wasFull = wasFull || world.usable >= wanted
        report.measure(now, usable: world.usable, alive: ledger.aliveCount, wanted: wanted, counts: wasFull)
    }
}

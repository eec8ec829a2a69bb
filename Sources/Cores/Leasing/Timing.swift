package import Ambience

/// Lengths of time that follow from a policy and from how often the network votes.
package struct Timing: Equatable, Sendable {
    package let policy: FleetPolicy
    package let votingIntervalSeconds: Int64
    /// How long clients expect a stream to last: they start none through a mote that ends sooner. `nil`: as long as a normal mote drains.
    package let expectedStreamLifeSeconds: Int64?

    package init(policy: FleetPolicy, votingIntervalSeconds: Int64, expectedStreamLifeSeconds: Int64? = nil) {
        self.policy = policy
        self.votingIntervalSeconds = votingIntervalSeconds
        self.expectedStreamLifeSeconds = expectedStreamLifeSeconds
    }

    package var streamLifeSeconds: Int64 { expectedStreamLifeSeconds ?? drainSeconds(.normal) }

    package func drainSeconds(_ lifetimeClass: LifetimeClass) -> Int64 {
        max(1, min(policy.drainLimitSeconds, Int64(Double(policy[lifetimeClass].lifetimeSeconds) * policy.drainShare)))
    }

    /// The end of a life in which a mote is of little use: it drains, or clients avoid it.
    package func fadeSeconds(_ lifetimeClass: LifetimeClass) -> Int64 {
        lifetimeClass == .normal ? max(drainSeconds(.normal), streamLifeSeconds) : drainSeconds(lifetimeClass)
    }

    /// From when on the mote is of little use if nobody ends it earlier.
    package func fades(_ record: MoteRecord) -> WallTime {
        record.expires - max(record.lease.drainSeconds, fadeSeconds(record.lease.lifetimeClass))
    }

    /// How many of a class may begin to fade within one fading time before some are made to go earlier: twice as many as come together on average.
    package func fadingAtOnce(_ lifetimeClass: LifetimeClass) -> Int {
        let wanted = Int64(policy[lifetimeClass].motes), life = max(1, policy[lifetimeClass].lifetimeSeconds)
        return max(1, Int((2 * wanted * fadeSeconds(lifetimeClass) + life - 1) / life))
    }

    /// From a start until clients know the mote, at worst.
    package var leadSeconds: Int64 { policy.startLimitSeconds + policy.votesToList * votingIntervalSeconds }

    /// No lifetime is drawn below this: a mote must be useful for longer than its replacement takes to come.
    package func floorSeconds(_ lifetimeClass: LifetimeClass) -> Int64 { fadeSeconds(lifetimeClass) + leadSeconds + leadSeconds / 4 }

    /// The least and the most that may be drawn. The first motes of a class draw from further down, so that one start does not make one end.
    package func lifetimeRange(_ lifetimeClass: LifetimeClass, isFirst: Bool) -> ClosedRange<Int64> {
        let nominal = Double(policy[lifetimeClass].lifetimeSeconds)
        let share = isFirst ? Self.firstLifeShare : 1 - policy.jitterShare
        let least = max(floorSeconds(lifetimeClass), Int64(nominal * share))
        return least...max(least, Int64(nominal * (1 + policy.jitterShare)))
    }

    private static let firstLifeShare = 0.5
}

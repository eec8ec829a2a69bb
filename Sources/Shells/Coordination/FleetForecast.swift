package import Leasing
package import Placement
internal import Providers

/// A fleet as a forecast of its leases needs it: who is replaced when is decided as the coordinator decides it.
package enum FleetForecast {
    /// The lengths of time of a fleet in the cloud that there is, or in one with the usual network.
    package static func timing(_ policy: FleetPolicy, like settings: CloudSettings?) throws(CoordinationError) -> Timing {
        let timing = Timing(
            policy: policy, votingIntervalSeconds: settings?.network.votingIntervalSeconds ?? CloudMaker.usualVotingSeconds,
            expectedStreamLifeSeconds: settings?.network.streamLifeSeconds)
        do throws(PolicyFault) { try timing.validate() } catch { throw CoordinationError(.configuration, "the policy does not fit: \(error)") }
        return timing
    }

    /// One slot per mote that is wanted.
    package static func slots(_ timing: Timing) -> [Forecast.Slot] {
        LifetimeClass.allCases.flatMap { lifetimeClass in
            let slot = Forecast.Slot(
                name: lifetimeClass.rawValue, firstLifeSeconds: timing.lifetimeRange(lifetimeClass, isFirst: true),
                lifeSeconds: timing.lifetimeRange(lifetimeClass, isFirst: false),
                overlapSeconds: timing.fadeSeconds(lifetimeClass) + timing.leadSeconds)
            return Array(repeating: slot, count: timing.policy[lifetimeClass].motes)
        }
    }
}

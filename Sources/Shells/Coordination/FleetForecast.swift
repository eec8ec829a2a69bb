internal import Ambience
package import Leasing
package import Placement
package import Prices
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

    /// For a plan that a ceiling ended: what all of it would cost, and how much is missing.
    package static func missing(_ fault: PlacementFault, _ policy: PlacementPolicy, _ catalogue: Catalogue, _ timing: Timing, horizonSeconds: Int64) -> String {
        guard case .ceiling = fault else { return "" }
        var random = SeededRandom(seed: 1)
        do throws(PlacementFault) {
            let all = try Forecast(
                policy: policy, catalogue: catalogue, slots: slots(timing), horizonSeconds: horizonSeconds, isBounded: false, random: &random)
            let missing = all.budget.promised.amounts.compactMap { currency, amount in
                let missing = amount - (policy.ceilings[currency] ?? .zero)
                return missing > .zero ? Money(missing, currency).description : nil
            }
            return ". All \(all.leases.count) leases cost about \(all.budget.promised.text)" + (missing.isEmpty ? "" : "; missing are about \(missing.sorted().joined(separator: " and "))")
        } catch { return "" }
    }

    /// Which recorded limit does not hold each mote's first lease at its ceiling, and what is missing.
    package static func shortfall(_ forecast: Forecast, _ recorded: Budget) -> String? {
        var budget = recorded
        for lease in forecast.leases where lease.generation == 0 {
            let (money, place) = (lease.ceiling, lease.place)
            guard let narrowest = budget.narrowest(money.currency, place.provider, place.payer) else { continue }
            if money.amount > narrowest.left {
                return "the limit of \(narrowest.name) holds no more than \(lease.slot) of these: \(Money(money.amount - narrowest.left, money.currency)) are missing for the next; see: dustcloud budget show"
            }
            budget.take(money.amount, money.currency, provider: place.provider, payer: place.payer)
        }
        return nil
    }
}

internal import Ambience

extension Reconciler {
    /// Intends what will be missing by the time that it could be there. The old are left alone: they drain when their time comes.
    mutating func supply(_ random: inout some RandomNumberGenerator) {
        var room = desire.policy.motesLimit - alive.count
        for lifetimeClass in LifetimeClass.allCases {
            let members = alive.filter { $0.lease.lifetimeClass == lifetimeClass }
            var ends = members.filter { $0.state.isServing }.map(\.lease.expires)
            let missing = max(0, min(room, desire.policy[lifetimeClass].motes - lasting[lifetimeClass, default: []].count))
            let isFirst = !members.contains { $0.state.isListed }
            for _ in 0..<missing {
                let lease = draw(lifetimeClass, isFirst: isFirst, apartFrom: ends, &random)
                ends.append(lease.expires)
                add(.intended(lease), to: lease.key)
            }
            room -= missing
        }
    }

    private func draw(_ lifetimeClass: LifetimeClass, isFirst: Bool, apartFrom ends: [WallTime], _ random: inout some RandomNumberGenerator) -> Lease {
        let range = desire.timing.lifetimeRange(lifetimeClass, isFirst: isFirst)
        return Lease(
            key: .random(&random), lifetimeClass: lifetimeClass, intended: now,
            expires: Lifetimes.end(after: now, within: range, apartFrom: ends, random: &random), drainSeconds: desire.timing.drainSeconds(lifetimeClass))
    }

    /// Ends what nobody intended and erases what the gone left.
    mutating func sweep() {
        for (key, sighting) in observation.sightings.sorted(by: { $0.key < $1.key }) {
            if let record = ledger.records[key], !record.state.isGone { continue }
            if sighting.isAlive {
                repeatOrder(.kill(key))
            } else if sighting.hasFolder {
                repeatOrder(.erase(key))
            }
        }
    }
}

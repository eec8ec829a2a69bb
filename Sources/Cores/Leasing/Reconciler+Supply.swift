internal import Ambience
internal import Prices

extension Reconciler {
    /// Intends what will be missing by the time that it could be there. The old are left alone: they drain when their time comes.
    mutating func supply(_ siting: inout some Siting, _ random: inout some RandomNumberGenerator) {
        siting.begin(ledger, now: now)
        var purse = Spending(ledger.committed, caps: desire.caps)
        var room = desire.policy.motesLimit - alive.count
        for lifetimeClass in LifetimeClass.allCases {
            let members = alive.filter { $0.lease.lifetimeClass == lifetimeClass }
            var ends = members.filter { $0.state.isServing }.map(\.expires)
            var leaving = members.filter { !isLasting($0) }.map(\.lease.site)[...]
            let missing = max(0, min(room, desire.policy[lifetimeClass].motes - lasting[lifetimeClass, default: []].count))
            let isFirst = !members.contains { $0.state.isListed }
            for _ in 0..<missing {
                let end = end(lifetimeClass, isFirst: isFirst, apartFrom: ends, &random)
                guard let place = siting.site(for: lifetimeClass, living: end - now, after: leaving.popFirst(), now: now, random: &random),
                    purse.promise(place.ceiling)
                else { break }
                ends.append(end)
                let key = MoteKey.random(&random)
                add(.intended(Lease(
                    key: key, lifetimeClass: lifetimeClass, intended: now, expires: end, drainSeconds: desire.timing.drainSeconds(lifetimeClass),
                    site: place.site, ceiling: place.ceiling, config: desire.make.config)), to: key)
            }
            room -= missing
        }
    }

    private func end(_ lifetimeClass: LifetimeClass, isFirst: Bool, apartFrom ends: [WallTime], _ random: inout some RandomNumberGenerator) -> WallTime {
        Lifetimes.end(after: now, within: desire.timing.lifetimeRange(lifetimeClass, isFirst: isFirst), apartFrom: ends, random: &random)
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

/// What everything intended may cost, against the caps. A lease is promised whole, at its worst, before anybody is asked.
struct Spending {
    private var committed: Purse
    private let caps: [Currency: Amount]?

    init(_ committed: Purse, caps: [Currency: Amount]?) {
        self.committed = committed
        self.caps = caps
    }

    /// Whether one more lease fits; then it counts. A currency without a cap is not spent.
    mutating func promise(_ ceiling: Money?) -> Bool {
        guard let ceiling else { return true }
        if let caps {
            guard let cap = caps[ceiling.currency], committed[ceiling.currency] + ceiling.amount <= cap else { return false }
        }
        committed.add(ceiling.amount, ceiling.currency)
        return true
    }
}

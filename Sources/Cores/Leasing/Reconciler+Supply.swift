internal import Ambience
internal import Prices

extension Reconciler {
    /// Intends what will be missing by the time that it could be there. The old are left alone: they drain when their time comes.
    mutating func supply(_ siting: inout some Siting, _ random: inout some RandomNumberGenerator) {
        var hasBegun = siting.hasNews
        if hasBegun { siting.begin(ledger, closed: ramp.closed, now: now) }
        // What cannot be started within a minute would only wait and grow old.
        let waiting = census.values.reduce(0) { $0 + $1.waiting }
        var room = min(desire.policy.motesLimit - alive.count, desire.policy.startsPerMinute - waiting)
        for lifetimeClass in LifetimeClass.allCases {
            guard let census = census[lifetimeClass] else { continue }
            let missing = max(0, min(room, desire.policy[lifetimeClass].motes - census.lasting))
            guard missing > 0 else { continue }
            if !hasBegun { siting.begin(ledger, closed: ramp.closed, now: now) }
            hasBegun = true
            var ends = EndTimes(sorted: census.ends)
            for last in census.lastPlaces(missing) {
                let range = desire.timing.lifetimeRange(lifetimeClass, isFirst: !census.hasListed)
                let drawn = ends.draw(after: now, within: range, random: &random) - now
                guard let place = siting.site(for: lifetimeClass, living: drawn, within: range, after: last, now: now, random: &random),
                    spending.promise(place.ceiling)
                else { break }
                ends.insert(now + place.seconds)
                intend(lifetimeClass, place, &random)
            }
            looked(at: ends.comparisons)
            room -= missing
        }
    }

    private mutating func intend(
        _ lifetimeClass: LifetimeClass, _ place: (site: Site, ceiling: Money?, seconds: Int64), _ random: inout some RandomNumberGenerator
    ) {
        let lease = Lease(
            key: .random(&random), lifetimeClass: lifetimeClass, intended: now, expires: now + place.seconds, drainSeconds: desire.timing.drainSeconds(lifetimeClass),
            site: place.site, ceiling: place.ceiling, config: desire.make.config)
        add(.intended(lease), to: lease.key)
    }

    /// Ends what nobody intended and erases what the gone left.
    mutating func sweep() {
        let strangers = observation.sightings.keys.filter { ledger.records[$0]?.state.isGone ?? true }
        looked(at: observation.sightings.count + strangers.count)
        for key in strangers.sorted() {
            guard let sighting = observation.sightings[key] else { continue }
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

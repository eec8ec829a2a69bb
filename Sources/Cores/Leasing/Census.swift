internal import Ambience

/// One class of the fleet at one moment: who will last, who has to go before its time, and how many of those may go now.
///
/// Whoever has to go is replaced first. What binds that is the disruption budget: at most so many are on their way out at once, and none while
/// fewer would be listed than are wanted. Expiry is bound by it too. Nobody's life can be prolonged, so where many end together some go earlier:
/// no more than the budget may begin to fade within one fading time.
struct Census {
    /// How many will still be of use when a mote started now is.
    private(set) var lasting = 0
    /// Whether a mote of this class was ever listed and still serves.
    private(set) var hasListed = false
    /// Intended, and nobody asked yet.
    private(set) var waiting = 0
    /// When those that serve end, ascending.
    private(set) var ends: [WallTime] = []
    /// Where those are whose places will be taken.
    private(set) var leaving: [Site] = []
    private(set) var work = 0
    private var reasons: [MoteKey: EndReason] = [:]
    /// How many more may be on their way out by wish, and for the sake of spreading; how many of those listed the fleet can do without.
    private var byWish = 0, toSpread = 0, spare = 0
    private var mayTryUnlisted = false

    private let timing: Timing
    private let lifetimeClass: LifetimeClass
    private let now: WallTime

    /// What of a mote decides here, read once: a walk over these touches no lease.
    private struct Member {
        let key: MoteKey
        /// From when on it is of little use if nobody ends it earlier.
        let natural: WallTime
        let isServing, isListed, isTakenEarly, isDoubtedForLong, isWished: Bool
    }

    init(_ lifetimeClass: LifetimeClass, _ records: [MoteRecord], desire: Desire, observation: Observation, now: WallTime) {
        (timing, self.lifetimeClass, self.now) = (desire.timing, lifetimeClass, now)
        let wanted = desire.policy[lifetimeClass].motes
        let share = max(1, Int(Double(wanted) * desire.policy.disruptionShare))
        let spread = max(share, timing.fadingAtOnce(lifetimeClass))
        var goers = 0, spreading = 0, doubted = 0
        let members = records.map { record in
            let ending = record.state.endingReason, member = note(record, isWished: desire.wishes[record.key] != nil)
            if record.state.isEndingByWish { goers += 1 } else if ending == .spread { spreading += 1 }
            if member.isDoubtedForLong { doubted += 1 }
            return member
        }
        let going = goers + spreading
        var candidates = sort(members, fadeTimes(members, spread), records, isDoubtCommon: doubted > share)
        let listedOfUse = members.indices.count { members[$0].isListed && reasons[members[$0].key] != nil } + candidates.count { members[$0].isListed }
        for index in driftedFirst(records, candidates, desire.make, observation, atMost: share - going) {
            reasons[members[index].key] = .drift
            leaving.append(records[index].lease.site)
        }
        candidates.removeAll { reasons[members[$0].key] != nil }
        for index in candidates.prefix(max(0, candidates.count - wanted)) { reasons[members[index].key] = .surplus }
        lasting = candidates.count
        (byWish, toSpread, spare, mayTryUnlisted) = (share - going, spread - going, listedOfUse - wanted, goers == 0)
        work = 6 * records.count
    }

    private mutating func note(_ record: MoteRecord, isWished: Bool) -> Member {
        let isServing = record.state.isServing, isListed = record.state.isListed
        if isListed { hasListed = true }
        if record.state == .intended { waiting += 1 }
        if isServing { ends.append(record.expires) }
        return Member(
            key: record.key, natural: timing.fades(record), isServing: isServing, isListed: isListed, isTakenEarly: record.endsEarly != nil,
            isDoubtedForLong: record.doubted.map { now - $0 >= Reconciler.quarantineSeconds } ?? false, isWished: isWished)
    }

    /// Gives a reason to those that have to go, and returns the places of those that last. A mote about which the witnesses have disagreed for as long
    /// as anybody waits does not last; where that is so of many, the fault is more likely ours.
    private mutating func sort(_ members: [Member], _ fades: [WallTime], _ records: [MoteRecord], isDoubtCommon: Bool) -> [Int] {
        var candidates: [Int] = []
        for (index, member) in members.enumerated() where member.isServing {
            if !member.isWished, fades[index] > horizon, isDoubtCommon || !member.isDoubtedForLong {
                candidates.append(index)
                continue
            }
            if member.isWished { reasons[member.key] = .wish } else if member.natural > now, fades[index] <= now { reasons[member.key] = .spread }
            leaving.append(records[index].lease.site)
        }
        return candidates
    }

    /// By when a mote that is started now is of use.
    private var horizon: WallTime { now + timing.leadSeconds }

    /// When each has to fade so that no more than `limit` begin to within one fading time: its natural time or, where too many come together, one
    /// fading time before the one `limit` places behind it. One walk from the last to end to the first.
    private func fadeTimes(_ members: [Member], _ limit: Int) -> [WallTime] {
        var times = members.map(\.natural)
        var behind: [WallTime] = []
        for index in members.indices.reversed() where members[index].isServing && !members[index].isTakenEarly {
            if behind.count >= limit { times[index] = min(times[index], behind[behind.count - limit] - timing.fadeSeconds(lifetimeClass)) }
            behind.append(times[index])
        }
        return times
    }

    /// The soonest to end of those that are made otherwise than is wanted.
    private func driftedFirst(_ records: [MoteRecord], _ candidates: [Int], _ make: Make, _ observation: Observation, atMost limit: Int) -> [Int] {
        guard limit > 0, make != Make() else { return [] }
        var found: [Int] = []
        for index in candidates where found.count < limit && records[index].state.isListed {
            if make.isDrift(records[index].lease, observation.sightings[records[index].key]) { found.append(index) }
        }
        return found
    }

    /// Why the mote has to go before its time; `nil` if it has not.
    func reason(_ key: MoteKey) -> EndReason? { reasons[key] }

    /// Takes one from the budget, if it may go now.
    mutating func mayGo(_ reason: EndReason) -> Bool {
        guard spare > 0, (reason == .spread ? toSpread : byWish) > 0 else { return false }
        (spare, toSpread, byWish) = (spare - 1, toSpread - 1, byWish - 1)
        return true
    }

    /// The same for a mote that is taken for dead: it serves nobody, so that the fleet misses nothing by its end.
    mutating func mayReplaceDead() -> Bool {
        byWish -= 1
        return byWish >= 0
    }

    /// The same for one that is not listed: one at a time, while nobody else goes by wish.
    mutating func mayReplaceUnlisted() -> Bool {
        guard mayTryUnlisted else { return false }
        mayTryUnlisted = false
        byWish -= 1
        return true
    }

    /// Where the motes are whose places so many new ones take: the last of those that leave, for the others have been replaced before.
    func lastPlaces(_ count: Int) -> [Site?] {
        let places = leaving.suffix(count)
        return Array(places) + Array(repeating: nil, count: count - places.count)
    }
}

extension Make {
    /// What is seen goes before what was ordered; what is unknown is no drift.
    func isDrift(_ lease: Lease, _ sighting: Sighting?) -> Bool {
        if let wanted = images[lease.site.provider], wanted != sighting?.image ?? lease.site.image { return true }
        guard let wanted = config, let found = sighting?.config ?? lease.config else { return false }
        return wanted != found
    }
}

extension MoteState {
    var isListed: Bool { if case .listed = self { true } else { false } }
    var isEnding: Bool { if case .terminating = self { true } else { false } }

    /// Why it drains or was told to end; `nil` if neither.
    var endingReason: EndReason? {
        switch self {
        case .draining(let ending), .terminating(let ending): ending.reason
        default: nil
        }
    }

    /// Draining, or told to end, because somebody wished it and not because its time was over.
    var isEndingByWish: Bool {
        switch endingReason {
        case .wish, .surplus, .neverListed, .drift, .lost: true
        default: false
        }
    }
}

internal import Ambience
internal import Leasing
internal import Prices

/// What is really there, and what becomes of it: machines, their motes, and the directory that lists them.
struct World {
    private struct Unit {
        let provider: Int
        let lease: Lease
        let made: WallTime
        var expires: WallTime
        var isUp = false
        var isDraining = false
    }

    private enum Turn { case boots, ends, isLost, isWarned, drains, mustBeGone }

    /// What a provider asks: so much for each hour, in whole grains.
    static let grains: [Int64] = [1, 60, 3600]
    private static let noticeSeconds: Int64 = 300, overdueSeconds: Int64 = 120

    private(set) var sightings: [MoteKey: Sighting] = [:]
    private(set) var listed: Set<MoteKey> = []
    /// Listed, up and not draining.
    private(set) var usable = 0
    /// Machines that were there two minutes after they should have been gone.
    private(set) var overdue = 0
    private var units: [MoteKey: Unit] = [:]
    /// What is due in each minute.
    private var agenda: [Int64: [(key: MoteKey, turn: Turn)]] = [:]
    private var minute: Int64?
    /// Up and not draining, for the next vote.
    private var candidates: Set<MoteKey> = []
    private var outages: [(from: Int64, until: Int64)?]
    private var paid: [Amount]
    private let names: [String: Int]
    private let weather: Rehearsal.Weather
    private var random: SeededRandom

    init(_ names: [String], weather: Rehearsal.Weather, seed: UInt64) {
        self.names = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        self.weather = weather
        random = SeededRandom(seed: seed)
        outages = Array(repeating: nil, count: names.count)
        paid = Array(repeating: .zero, count: names.count)
    }

    private mutating func chance(_ thousandths: Int) -> Bool { thousandths > 0 && Int.random(in: 0..<1000, using: &random) < thousandths }

    // MARK: Time

    mutating func live(until now: WallTime) {
        let target = now.secondsSinceEpoch / 60
        for minute in (minute ?? target)...target {
            planOutages(minute)
            for (key, turn) in agenda.removeValue(forKey: minute) ?? [] { take(turn, key, now) }
        }
        minute = target + 1
    }

    /// A provider that makes nothing for two to six hours.
    private mutating func planOutages(_ minute: Int64) {
        for index in outages.indices {
            if let outage = outages[index], minute < outage.until { continue }
            outages[index] = nil
            guard weather.outages > 0, Int.random(in: 0..<10_080, using: &random) < weather.outages else { continue }
            outages[index] = (minute, minute + Int64.random(in: 120...360, using: &random))
        }
    }

    private mutating func plan(_ turn: Turn, _ key: MoteKey, at time: WallTime) { agenda[max(minute ?? 0, time.secondsSinceEpoch / 60), default: []].append((key, turn)) }

    private mutating func take(_ turn: Turn, _ key: MoteKey, _ now: WallTime) {
        guard let unit = units[key] else { return }
        switch turn {
        case .boots:
            units[key]?.isUp = true
            candidates.insert(key)
            sightings[key]?.report = MoteReport(bootstrapped: 100, expires: unit.expires)
        case .drains: drain(key)
        case .mustBeGone: overdue += 1
        case .ends: if now >= unit.expires || unit.isDraining { remove(key, now) }
        case .isLost: remove(key, now)
        case .isWarned:
            sightings[key]?.endsEarly = now + Self.noticeSeconds
            plan(.isLost, key, at: now + Self.noticeSeconds)
        }
    }

    mutating func vote() { (listed, usable) = (candidates, candidates.count) }

    private mutating func takesNoMore(_ key: MoteKey) { if candidates.remove(key) != nil, listed.contains(key) { usable -= 1 } }

    private mutating func drain(_ key: MoteKey) {
        guard units[key]?.isDraining == false else { return }
        units[key]?.isDraining = true
        takesNoMore(key)
        sightings[key]?.report?.isDraining = true
    }

    private mutating func remove(_ key: MoteKey, _ now: WallTime) {
        guard let unit = units.removeValue(forKey: key) else { return }
        takesNoMore(key)
        sightings[key] = nil
        paid[unit.provider] += Self.cost(now - unit.made, unit.provider)
    }

    static func cost(_ seconds: Int64, _ provider: Int) -> Amount {
        let grain = grains[provider % grains.count], paid = (max(1, seconds) + grain - 1) / grain * grain
        return Amount(60 + 5 * Int64(provider)).times(paid, over: 3600 * 10_000)
    }

    // MARK: What is asked for

    mutating func perform(_ effect: Effect, _ now: WallTime) {
        switch effect {
        case .start(let lease, _): make(lease, now)
        case .drain(let key):
            drain(key)
            if let unit = units[key] { plan(.ends, key, at: now + Int64.random(in: 0...unit.lease.drainSeconds, using: &random)) }
        case .shorten(let key, let expires):
            units[key]?.expires = expires
            sightings[key]?.report?.expires = expires
        case .stop(let key), .kill(let key): remove(key, now)
        case .erase(let key): sightings[key] = nil
        }
    }

    private mutating func make(_ lease: Lease, _ now: WallTime) {
        guard let provider = names[lease.site.provider] else { return }
        let key = lease.key
        guard outages[provider] == nil else { return sightings[key] = Sighting(refusal: .capacity) }
        units[key] = Unit(provider: provider, lease: lease, made: now, expires: lease.expires)
        sightings[key] = Sighting(instances: [String(key.low, radix: 36)])
        if !chance(weather.neverUp) { plan(.boots, key, at: now + Int64.random(in: 20...90, using: &random)) }
        plan(.drains, key, at: lease.drains)
        plan(.ends, key, at: lease.expires)
        plan(.mustBeGone, key, at: lease.expires + Self.overdueSeconds)
        let life = max(1, lease.expires - now)
        if chance(weather.lost) { plan(.isLost, key, at: now + Int64.random(in: 1...life, using: &random)) }
        if chance(weather.interrupted) { plan(.isWarned, key, at: now + Int64.random(in: 1...life, using: &random)) }
    }

    /// The mote is recorded as gone: what was refused in its name is done with.
    mutating func forget(_ key: MoteKey) { if sightings[key]?.isAlive == false { sightings[key] = nil } }

    // MARK: What is asked about

    /// What each provider charges for all that was there until `now`.
    func costs(_ now: WallTime) -> [Amount] {
        var costs = paid
        for unit in units.values { costs[unit.provider] += Self.cost(now - unit.made, unit.provider) }
        return costs
    }
}

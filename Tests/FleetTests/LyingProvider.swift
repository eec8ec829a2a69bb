import Ambience
import CloudCalls
import Leasing

/// A provider that keeps true records and does not always say what they are.
struct LyingProvider {
    /// Chances in a thousand: per call, per list or per machine.
    struct Weather {
        var lostBefore = 0, lostAfter = 0, later = 0, unreachable = 0
        var staleList = 0, idleEnd = 0, wrongID = 0
        var noCapacity = 0
        var brokenTimer = 0, deadMote = 0, lostMachine = 0, hidden = 0, interrupted = 0

        static let calm = Weather()
        static let storm = Weather(
            lostBefore: 30, lostAfter: 60, later: 60, unreachable: 30, staleList: 100, idleEnd: 50, wrongID: 10, noCapacity: 60, brokenTimer: 80,
            deadMote: 60, lostMachine: 40, hidden: 40, interrupted: 60)
    }

    /// A machine as it really is.
    struct Unit {
        let id: String
        let tags: MachineTags
        let place: String
        let created: WallTime
        let visible: WallTime
        let boots: WallTime
        let hasBrokenTimer: Bool
        var ended: WallTime?
        var isStopped = false
        var isMoteDead = false
        var isDraining = false
        /// What the mote on it advertises.
        var moteExpires: WallTime
        var takenAt: WallTime?
        var hiddenUntil: WallTime?
        /// What is to become of it, and when.
        var dies: WallTime?, hides: WallTime?, vanishes: WallTime?, noticed: WallTime?

        func isUp(_ now: WallTime) -> Bool { ended == nil && !isStopped && !isMoteDead && now >= boots }
    }

    let name: String
    let traits: AccountTraits
    /// What an hour or a second costs is the siting's affair; powering off ends a machine here, or only stops it.
    let endsAtPowerOff: Bool
    var clockErrorSeconds: Int64 = 0
    var weather = Weather.calm
    var quota = 50
    var areCredentialsGood = true
    private(set) var units: [Unit] = []
    private(set) var past: [Unit] = []
    private(set) var creates = 0
    private var random: SeededRandom
    private var nextID = 100

    init(_ name: String, _ repetition: Repetition, hasNotices: Bool, endsAtPowerOff: Bool, seed: UInt64) {
        (self.name, self.endsAtPowerOff) = (name, endsAtPowerOff)
        traits = AccountTraits(repetition: repetition, hasPlaces: false, hasNotices: hasNotices, limits: CallLimits(burst: 20, perSecond: 2))
        random = SeededRandom(seed: seed)
    }

    private mutating func chance(_ thousandths: Int) -> Bool { thousandths > 0 && Int.random(in: 0..<1000, using: &random) < thousandths }

    // MARK: Time

    mutating func live(_ now: WallTime) {
        for index in units.indices.reversed() {
            let unit = units[index]
            if let time = unit.dies, now >= time { units[index].isMoteDead = true }
            if let time = unit.hides, now >= time { (units[index].hides, units[index].hiddenUntil) = (nil, now + 150) }
            if let time = unit.noticed, now >= time, unit.takenAt == nil { units[index].takenAt = time + 120 }
            if !unit.hasBrokenTimer, unit.isUp(now), now >= min(unit.moteExpires, unit.tags.expires) { powerOff(index, now) }
            if let time = units[safe: index]?.vanishes ?? unit.takenAt, now >= time { end(index, now) }
        }
    }

    private mutating func powerOff(_ index: Int, _ now: WallTime) {
        if endsAtPowerOff { end(index, now) } else { units[index].isStopped = true }
    }

    private mutating func end(_ index: Int, _ now: WallTime) {
        guard units.indices.contains(index) else { return }
        units[index].ended = now
        past.append(units.remove(at: index))
    }

    // MARK: The mote on a machine

    mutating func tell(_ key: MoteKey, _ change: (inout Unit) -> Void) {
        for index in units.indices where units[index].tags.key == key && !units[index].isMoteDead && !units[index].isStopped { change(&units[index]) }
    }

    mutating func stopMote(_ key: MoteKey, _ now: WallTime) -> Bool {
        guard let index = units.firstIndex(where: { $0.tags.key == key && $0.isUp(now) }) else { return false }
        powerOff(index, now)
        return true
    }

    func report(of key: MoteKey, _ now: WallTime) -> MoteReport? {
        units.first { $0.tags.key == key && $0.isUp(now) }.map { MoteReport(bootstrapped: 100, isDraining: $0.isDraining, expires: $0.moteExpires) }
    }

    /// A machine of somebody else's fleet.
    mutating func plantForeign(_ now: WallTime) {
        nextID += 1
        units.append(
            Unit(
                id: "f\(nextID)", tags: MachineTags(fleet: "others", key: .random(&random), attempt: 1, expires: now + 100), place: "p1", created: now, visible: now,
                boots: now, hasBrokenTimer: true, moteExpires: now + 100_000))
    }

    // MARK: Calls

    mutating func handle(_ call: AccountDesk.Call, _ now: WallTime) -> AccountDesk.Outcome {
        if chance(weather.unreachable) { return .failed(.unreachable("no route")) }
        if chance(weather.later) { return .failed(.later(seconds: Int64.random(in: 1...40, using: &random))) }
        if chance(weather.lostBefore) { return .failed(.unknown("no answer")) }
        guard areCredentialsGood else { return .failed(.credentials("revoked")) }
        let outcome = answer(call, now)
        return chance(weather.lostAfter) ? .failed(.unknown("half an answer")) : outcome
    }

    private mutating func answer(_ call: AccountDesk.Call, _ now: WallTime) -> AccountDesk.Outcome {
        switch call {
        case .survey: return .places(["p1"])
        case .create(let order): return create(order, now)
        case .list(_, let mark): return .page(page(mark, now))
        case .notices: return .notices(Dictionary(units.compactMap { unit in unit.takenAt.map { (unit.id, $0) } }) { first, _ in first })
        case .end(let id, _):
            if let index = units.firstIndex(where: { $0.id == id }), !chance(weather.idleEnd) { end(index, now) }
            return .ended
        }
    }

    private mutating func create(_ order: MachineOrder, _ now: WallTime) -> AccountDesk.Outcome {
        let known = units.first { $0.tags == order.tags }
        switch traits.repetition {
        case .sameAnswer:
            if let known { return .creation(.made(id: known.id)) }
            if past.contains(where: { $0.tags == order.tags }) { return .creation(.spent) }
        case .uniqueName: if known != nil { return .creation(.exists) }
        case .another: break
        }
        if units.count(where: { $0.tags.fleet == order.fleet }) >= quota { return .failed(.quota("\(quota) machines")) }
        if chance(weather.noCapacity) { return .failed(.capacity(order.size)) }
        let id = make(order, now)
        return .creation(.made(id: chance(weather.wrongID) ? "x" + id : id))
    }

    private mutating func make(_ order: MachineOrder, _ now: WallTime) -> String {
        (nextID, creates) = (nextID + 1, creates + 1)
        let late = Int64.random(in: 0...20, using: &random)
        var unit = Unit(
            id: "\(nextID)", tags: order.tags, place: order.place, created: now, visible: now + late, boots: now + .random(in: 10...40, using: &random),
            hasBrokenTimer: chance(weather.brokenTimer), moteExpires: order.expires)
        func time(_ share: Int) -> WallTime? { chance(share) ? now + Int64.random(in: 40...600, using: &random) : nil }
        (unit.dies, unit.vanishes, unit.hides) = (time(weather.deadMote), time(weather.lostMachine), time(weather.hidden))
        unit.noticed = traits.hasNotices ? time(weather.interrupted) : nil
        units.append(unit)
        return unit.id
    }

    /// Three machines a page; a list that lags is as old on all its pages.
    private mutating func page(_ mark: String?, _ now: WallTime) -> MachinePage {
        let parts = (mark ?? "").split(separator: ":").compactMap { Int64($0) }
        let at = parts.count == 2 ? WallTime(secondsSinceEpoch: parts[0]) : chance(weather.staleList) ? now - Int64.random(in: 1...20, using: &random) : now
        let from = parts.count == 2 ? Int(parts[1]) : 0
        let shown = (past.suffix(20) + units).filter { $0.visible <= at && ($0.ended.map { $0 > at } ?? true) && ($0.hiddenUntil.map { $0 <= now } ?? true) }
        let machines = shown.dropFirst(from).prefix(3).map { unit in
            Machine(id: unit.id, place: unit.place, tags: unit.tags, state: unit.isStopped ? .stopped : .running)
        }
        return MachinePage(machines: machines, next: from + 3 < shown.count ? "\(at.secondsSinceEpoch):\(from + 3)" : nil)
    }
}

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

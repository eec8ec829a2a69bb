import Ambience
import Leasing

/// A provider, a directory and a coordinator that may be killed between any two of its steps, all in virtual time and from one seed.
struct VirtualCloud {
    /// What goes wrong, each as a chance in a thousand: per step for the coordinator, per second for processes, per start for starts.
    struct Weather {
        var coordinatorKilled = 0
        var longestDowntimeSeconds: Int64 = 20
        var processLost = 0
        var slowStart = 0
        var failedStart = 0
        var deafToStop = 0
        var brokenOwnTimer = 0
        var directorySilent = 0
    }

    struct Process {
        var pid: Int32
        var lease: Lease
        var readyAt: WallTime
        var exitsAt: WallTime
        var isDeaf: Bool
        var isDraining = false
    }

    var desire: Desire
    var weather: Weather
    var random: SeededRandom
    var now = WallTime(secondsSinceEpoch: 1_800_000_000)
    /// What survives the coordinator.
    var durable = Ledger()
    var processes: [MoteKey: [Process]] = [:]
    var folders: Set<MoteKey> = []
    var consensus: Set<MoteKey> = []
    var coordinatorDownUntil: WallTime?
    var directorySilentUntil: WallTime?
    var lastFault: WallTime?
    var startTimes: [WallTime] = []
    var endTimes: [WallTime] = []
    var violations: [String] = []
    private var nextPid: Int32 = 100

    init(seed: UInt64, desire: Desire, weather: Weather = Weather()) {
        random = SeededRandom(seed: seed)
        self.desire = desire
        self.weather = weather
    }

    /// Runs the world every second, the coordinator and the watch every `passSeconds`.
    mutating func run(seconds: Int64, passSeconds: Int64 = 2, watch: (inout VirtualCloud) -> Void = { _ in }) {
        for _ in 0..<seconds {
            now = now + 1
            live()
            vote()
            guard now.secondsSinceEpoch % passSeconds == 0 else { continue }
            coordinate()
            watch(&self)
        }
    }

    /// Motes that clients can use now, by the world's truth.
    var usable: Int { processes.values.count { $0.contains { !$0.isDraining } && consensus.contains($0[0].lease.key) } }
    var running: Int { processes.values.reduce(0) { $0 + $1.count } }

    private mutating func chance(_ thousandths: Int) -> Bool { thousandths > 0 && Int.random(in: 0..<1000, using: &random) < thousandths }

    /// Each second: what is due by the processes' own timers, and perhaps one loss.
    private mutating func live() {
        if chance(weather.processLost * processes.count), let key = processes.keys.sorted().randomElement(using: &random) {
            lastFault = now
            remove(key, at: 0)
        }
        for (key, list) in processes where list.contains(where: { now >= min($0.exitsAt, $0.lease.drains) }) {
            for index in list.indices.reversed() {
                processes[key]?[index].isDraining = list[index].isDraining || now >= list[index].lease.drains
                if now >= list[index].exitsAt { remove(key, at: index) }
            }
        }
    }

    private mutating func remove(_ key: MoteKey, at index: Int) {
        processes[key]?.remove(at: index)
        if processes[key]?.isEmpty == true { processes[key] = nil }
        endTimes.append(now)
    }

    private mutating func vote() {
        guard now.secondsSinceEpoch % desire.timing.votingIntervalSeconds == 0 else { return }
        consensus = Set(processes.filter { $0.value.contains { $0.readyAt <= now && !$0.isDraining } }.keys)
    }

    private mutating func coordinate() {
        if let until = coordinatorDownUntil, now < until { return }
        coordinatorDownUntil = nil
        let actions = Reconciler.reconcile(desire: desire, ledger: durable, observation: observe(), now: now, random: &random)
        for action in actions where coordinatorDownUntil == nil {
            if isKilled() { return }
            if let event = action.event { record(event) }
            if isKilled() { return }
            if let effect = action.effect { perform(effect) }
        }
    }

    private mutating func isKilled() -> Bool {
        guard chance(weather.coordinatorKilled) else { return false }
        lastFault = now
        coordinatorDownUntil = now + Int64.random(in: 1...weather.longestDowntimeSeconds, using: &random)
        return true
    }

    private mutating func record(_ event: MoteEvent) {
        do { try durable.apply(event) } catch { violations.append("\(error)") }
    }

    private mutating func observe() -> Observation {
        if directorySilentUntil.map({ now >= $0 }) ?? true {
            directorySilentUntil = chance(weather.directorySilent) ? now + 30 : nil
        }
        var sightings = processes.mapValues { list in
            Sighting(instances: list.map { String($0.pid) }, hasFolder: true, report: report(list[0]))
        }
        for key in folders where sightings[key] == nil { sightings[key] = Sighting(hasFolder: true) }
        return Observation(sightings: sightings, listed: directorySilentUntil == nil ? consensus : nil)
    }

    private func report(_ process: Process) -> MoteReport? {
        now < process.readyAt ? nil : MoteReport(bootstrapped: 100, isDraining: process.isDraining)
    }

    private mutating func perform(_ effect: Effect) {
        switch effect {
        case .start(let lease, _): start(lease)
        case .drain(let key): for index in (processes[key] ?? []).indices { processes[key]?[index].isDraining = true; leave(key, index, in: 8) }
        case .shorten: break
        case .stop(let key): for index in (processes[key] ?? []).indices where processes[key]?[index].isDeaf == false { leave(key, index, in: 1) }
        case .kill(let key): for index in (processes[key] ?? []).indices.reversed() { remove(key, at: index) }
        case .erase(let key):
            if processes[key] != nil { violations.append("erased a living mote \(key)") }
            folders.remove(key)
        }
    }

    private mutating func leave(_ key: MoteKey, _ index: Int, in seconds: Int64) {
        guard let process = processes[key]?[index] else { return }
        processes[key]?[index].exitsAt = min(process.exitsAt, now + seconds)
    }

    private mutating func start(_ lease: Lease) {
        if durable.records[lease.key] == nil { violations.append("started without an intent: \(lease.key)") }
        if processes[lease.key] != nil { violations.append("two processes of \(lease.key)") }
        startTimes = startTimes.suffix(100) + [now]
        nextPid += 1
        let isSlow = chance(weather.slowStart), isFailed = chance(weather.failedStart), isDeaf = chance(weather.deafToStop), isBroken = chance(weather.brokenOwnTimer)
        if isSlow || isFailed || isDeaf { lastFault = now }
        let ready = now + (isSlow ? Int64.random(in: 5...60, using: &random) : Int64.random(in: 1...3, using: &random))
        let exit = isFailed ? now + 1 : isBroken ? lease.expires + 100_000 : lease.expires
        folders.insert(lease.key)
        processes[lease.key, default: []].append(Process(pid: nextPid, lease: lease, readyAt: ready, exitsAt: exit, isDeaf: isDeaf))
    }
}

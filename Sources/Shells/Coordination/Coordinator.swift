package import Ambience
internal import Audit
internal import Auditing
package import Leasing
internal import Placement
package import Providers

/// Keeps a cloud as it is wanted. Whoever makes one holds the state's lock.
///
/// One pass (`step`), straight through:
/// 1. read what is wanted, for other programs may have changed it;
/// 2. hold up the authority;
/// 3. look at every mote and ask the directory who is listed;
/// 4. let the core say what to do; each step is made durable, then done;
/// 5. hold up the client, once there are motes for it to use;
/// 6. when going down: client and authority last, and nothing is forgotten before all is proven gone.
package final class Coordinator {
    /// Motes that a three-hop path needs.
    private static let pathLength = 3

    private let store: Store
    private var board: ProviderBoard
    private let time: any TimeSource
    private let pillars: Pillars
    private let audit: AuditLog
    private var history: DescriptorHistory
    /// Somebody pulled the kill switch: everything ends at once, and nothing comes.
    private var isHalted = false
    package private(set) var ledger: Ledger
    package private(set) var settings: CloudSettings
    package private(set) var observation = Observation()
    private var directory: DirectoryWatch
    private var siting: any Siting
    private let tell: (News) -> Void
    private var lastForget: WallTime?
    private var lastMeasured: WallTime?
    private var lastTroubles: [String: String] = [:]
    /// Why the descriptors of motes cannot be kept, told with the next look.
    private var historyTrouble: String?
    /// Why motes that are wanted are not intended, as it was told last.
    private var lastShortage: String?
    private var isBlind = false

    /// `providers` by the name that leases know them by; `siting` says at which of them new motes go; `tell` hears what happens, in order.
    package init(
        folder: StateFolder, store: Store, providers: [String: any MoteProvider], siting: any Siting = LocalSiting(), program: String, time: any TimeSource,
        tell: @escaping (News) -> Void
    ) throws(CoordinationError) {
        guard let settings = try store.settings() else { throw CoordinationError(.notFound, "there is no cloud here") }
        self.settings = settings
        self.store = store
        self.siting = siting
        board = ProviderBoard(providers)
        self.time = time
        self.tell = tell
        ledger = try store.ledger()
        if let placed = siting as? PlacedSiting { try store.setTariffs(placed.places) }
        let yard = settings.network.isInYard ? Yard(folder: folder.yard, plan: settings.network) : nil
        directory = DirectoryWatch(settings.network, from: yard)
        pillars = Pillars(folder: folder, yard: yard, program: program, tell: tell)
        audit = AuditLog(folder.audit)
        history = DescriptorHistory(folder.history, from: yard)
        try auditSteps()
    }

    /// One pass. Returns false once the cloud is down and proven gone.
    package func step() throws(CoordinationError) -> Bool {
        guard let current = try store.settings() else { return false }
        settings = current
        try obeyHalts()
        let now = time.wall
        if settings.mode == .up {
            guard pillars.holdYard() else { return true }
            pillars.hold(.authority, settings.network, now)
        }
        try look(now)
        try reconcile(now)
        try measure(now)
        try forget(now)
        keepHistory(now)
        guard settings.mode == .up else { return try !finishDown(now) }
        holdClient(now)
        return true
    }

    package var isClientReady: Bool { pillars.client.isReady }
    /// 0 to 100.
    package var clientProgress: Int { pillars.client.sighting.report?.bootstrapped ?? 0 }
    package var listedCount: Int { ledger.alive.count { if case .listed = $0.state { true } else { false } } }

    private func look(_ now: WallTime) throws(CoordinationError) {
        let view = board.observe(ledger.alive)
        observation = Observation(sightings: view.sightings, unseen: Set(view.blind.keys))
        complain(view.troubles.merging(historyTrouble.map { ["history": $0] } ?? [:]) { trouble, _ in trouble })
        isBlind = !view.blind.isEmpty
        let isSettled = ledger.alive.allSatisfy { if case .listed = $0.state { true } else { false } }
        if directory.look(now, isSettled: isSettled) { tell(.authorityAnswers) }
        observation.listed = directory.listed.map { names in Set(ledger.alive.lazy.map(\.key).filter { names.contains($0.nickname) }) }
    }

    /// Once for each, until something else is wrong.
    private func complain(_ troubles: [String: String]) {
        for (name, why) in troubles.sorted(by: { $0.key < $1.key }) where lastTroubles[name] != why { tell(.trouble("\(name): \(why)")) }
        lastTroubles = troubles
    }

    private func reconcile(_ now: WallTime) throws(CoordinationError) {
        siting.allow(try store.budget(now))
        for (key, sighting) in observation.sightings { if let place = sighting.place { siting.learn(key, address: place) } }
        let wishes = try store.wishes().merging(misplaced()) { wish, _ in wish }
        let desire = Desire(mode: isHalted ? .down : settings.mode, timing: settings.timing, wishes: wishes, make: settings.make)
        var random = SystemRandomNumberGenerator()
        let actions = Reconciler.reconcile(desire: desire, ledger: ledger, observation: observation, now: now, siting: &siting, random: &random)
        var shortage = siting.trouble
        for action in actions {
            do throws(CoordinationError) {
                if let event = action.event { try record(event) }
            } catch where error.kind == .overBudget {
                shortage = error.description
                continue
            }
            if let effect = action.effect { perform(effect) }
            if let event = action.event, case .gone = event.change, desire.wishes[event.key] != nil { try store.fulfilled(event.key) }
        }
        tell(shortage: shortage)
    }

    /// Motes that may not stay where their addresses say that they are: ended before they are listed, replaced if they already were.
    private func misplaced() -> [MoteKey: Wish] {
        siting.misplaced.reduce(into: [:]) { wishes, key in
            guard let record = ledger.records[key], record.state.isServing else { return }
            if case .listed = record.state { wishes[key] = .drain } else { wishes[key] = .terminate }
        }
    }

    /// Once, until it is otherwise.
    private func tell(shortage: String?) {
        if let shortage, shortage != lastShortage { tell(.trouble(shortage)) }
        lastShortage = shortage
    }

    /// How often what motes and the client say that they moved is recorded: what is lost of a mote that dies.
    private static let measuringSeconds: Int64 = 10

    private func measure(_ now: WallTime) throws(CoordinationError) {
        guard lastMeasured.map({ now - $0 >= Self.measuringSeconds || now < $0 }) ?? true else { return }
        lastMeasured = now
        var readings = ledger.alive.compactMap { record in
            observation.sightings[record.key]?.report.map { Store.Reading(key: record.key, run: record.starts.count, report: $0) }
        }
        let client = pillars.client.sighting
        if let report = client.report { readings.append(Store.Reading(key: nil, run: client.instances.first.flatMap { Int($0) } ?? 0, report: report)) }
        if !readings.isEmpty { try store.measure(readings, now) }
    }

    /// Makes the step durable; only then does it count.
    private func record(_ event: MoteEvent) throws(CoordinationError) {
        let mote: MoteRecord
        do throws(IllegalStep) { mote = try ledger.after(event) } catch { throw CoordinationError(.unavailable, "\(error)") }
        try store.record(event, mote)
        ledger.keep(mote)
        try auditSteps()
        tell(.mote(event, mote, place: observation.sightings[event.key]?.place))
    }

    /// Every recorded step that the audit does not have, in order: what a crash kept from it comes first. Nothing is done about a step before it is audited.
    private func auditSteps() throws(CoordinationError) {
        do throws(FileError) {
            let last = try audit.lastStep()
            let steps = try steps(after: last).map { (number: $0.number, event: AuditEvent.step(number: $0.number, $0.event)) }
            try audit.append(steps: steps, now: time.wall)
        } catch { throw CoordinationError(.unavailable, "the audit cannot be written: \(error)") }
    }

    private func steps(after number: Int64) throws(FileError) -> [(number: Int64, event: MoteEvent)] {
        do throws(CoordinationError) { return try store.events(after: number) } catch { throw FileError(path: "\(error)", operation: "read steps:", code: 5) }
    }

    private func perform(_ effect: Effect) {
        do throws(ProviderError) {
            switch effect {
            case .start(let lease, let attempt): try board.start(lease, attempt: attempt)
            case .drain(let key): holders(key).forEach { $0.drain(key) }
            case .shorten(let key, let expires): holders(key).forEach { $0.shorten(key, expires: expires) }
            case .stop(let key): holders(key).forEach { isHalted ? $0.kill(key) : $0.stop(key) }
            case .kill(let key):
                if ledger.records[key] == nil { tell(.swept(key)) }
                holders(key).forEach { $0.kill(key) }
            case .erase(let key): for holder in holders(key) { try holder.erase(key) }
            }
        } catch { tell(.trouble("\(error)")) }
    }

    private func holders(_ key: MoteKey) -> [any MoteProvider] { board.holders(key, ledger.records[key]?.lease) }

    /// What cannot be kept is told, and no reason to let motes go.
    private func keepHistory(_ now: WallTime) {
        guard observation.listed?.isEmpty == false else { return }
        do throws(FileError) {
            try history.look(settings.network, ledger.alive, now: now)
            historyTrouble = nil
        } catch { historyTrouble = "\(error)" }
    }

    private func obeyHalts() throws(CoordinationError) {
        let halts = try store.halts()
        let wasHalted = isHalted
        isHalted = halts.contains(.all) || halts.contains(.policy(settings.policy.name))
        if isHalted != wasHalted { tell(.halted(isHalted)) }
    }

    private func forget(_ now: WallTime) throws(CoordinationError) {
        guard lastForget.map({ now - $0 >= 60 }) ?? true else { return }
        lastForget = now
        let old = ledger.forget(before: now)
        try store.forget(old, spent: ledger.spent, now: now)
    }

    private func holdClient(_ now: WallTime) {
        if pillars.client.isStarted || listedCount >= min(Self.pathLength, settings.policy.normal.motes) {
            pillars.hold(.client, settings.network, now)
        }
    }

    private func finishDown(_ now: WallTime) throws(CoordinationError) -> Bool {
        guard ledger.aliveCount == 0, observation.sightings.values.allSatisfy(\.isNothing), !isBlind, pillars.takeDown(now) else { return false }
        try store.clearCloud()
        tell(.down)
        return true
    }
}

extension Sighting {
    /// Whether nothing is there, nothing can turn up and nothing was left.
    fileprivate var isNothing: Bool { !isAlive && !isInDoubt && !hasFolder }
}

package import Ambience

/// What will happen to the fleet if nothing unforeseen does.
package struct FleetPlan: Equatable, Sendable {
    package enum Step: String, Sendable, CaseIterable {
        /// A mote is wanted that does not exist yet.
        case intend
        /// Its replacement is intended, early enough to be listed in time.
        case replace
        case drain
        case end
    }

    package struct Entry: Equatable, Sendable {
        package let at: WallTime
        package let step: Step
        /// `nil` where no mote exists yet.
        package let key: MoteKey?
        package let lifetimeClass: LifetimeClass
    }

    /// In the order of time.
    package let entries: [Entry]

    package init(desire: Desire, ledger: Ledger, now: WallTime) {
        var entries: [Entry] = []
        for record in ledger.alive { entries += Self.future(of: record, desire, now) }
        for lifetimeClass in LifetimeClass.allCases where desire.mode == .up {
            let lasting = Reconciler.lasting(lifetimeClass, desire: desire, ledger: ledger, now: now)
            let missing = max(0, desire.policy[lifetimeClass].motes - lasting)
            entries += (0..<missing).map { _ in Entry(at: now, step: .intend, key: nil, lifetimeClass: lifetimeClass) }
        }
        self.entries = entries.sorted { ($0.at, $0.key?.description ?? "") < ($1.at, $1.key?.description ?? "") }
    }

    private static func future(of record: MoteRecord, _ desire: Desire, _ now: WallTime) -> [Entry] {
        let lease = record.lease
        func entry(_ at: WallTime, _ step: Step) -> Entry { Entry(at: max(at, now), step: step, key: lease.key, lifetimeClass: lease.lifetimeClass) }
        var future = [entry(record.expires, .end)]
        if record.state.isServing { future.append(entry(record.drains, .drain)) }
        let replacement = record.expires - desire.timing.fadeSeconds(lease.lifetimeClass) - desire.timing.leadSeconds
        if record.state.isServing, replacement >= now, desire.mode == .up { future.append(entry(replacement, .replace)) }
        return future
    }
}

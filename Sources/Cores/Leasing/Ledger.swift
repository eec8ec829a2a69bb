package import Ambience

/// One mote: what was promised, where it stands, and when processes of it were asked for.
package struct MoteRecord: Equatable, Codable, Sendable {
    package let lease: Lease
    package internal(set) var state: MoteState
    /// One per attempt, the oldest first; `FleetPolicy.attemptsLimit` bounds them.
    package internal(set) var starts: [WallTime]

    package var key: MoteKey { lease.key }
}

/// A step of one mote at a time.
package struct MoteEvent: Equatable, Codable, Sendable {
    package let key: MoteKey
    package let at: WallTime
    package let change: MoteChange

    package init(key: MoteKey, at: WallTime, change: MoteChange) {
        self.key = key
        self.at = at
        self.change = change
    }
}

/// A step that a mote's life does not allow. It is a defect of the program, never of a peer.
package struct IllegalStep: Error, CustomStringConvertible {
    package let event: MoteEvent
    package let state: String?

    package var description: String { "mote \(event.key) cannot go from \(state ?? "nothing") by \(event.change)" }
}

/// All motes that are recorded, and the steps that made them so.
package struct Ledger: Equatable, Sendable {
    package private(set) var records: [MoteKey: MoteRecord]

    package init(_ records: some Sequence<MoteRecord> = []) {
        self.records = Dictionary(records.map { ($0.key, $0) }) { _, last in last }
    }

    /// Records that are not gone, the soonest to end first.
    package var alive: [MoteRecord] {
        records.values.filter { !$0.state.isGone }.sorted { ($0.lease.expires, $0.key) < ($1.lease.expires, $1.key) }
    }

    /// Takes a step and returns the changed record, which the caller makes durable.
    @discardableResult
    package mutating func apply(_ event: MoteEvent) throws(IllegalStep) -> MoteRecord {
        var record: MoteRecord
        if case .intended(let lease) = event.change, records[event.key] == nil, lease.key == event.key {
            record = MoteRecord(lease: lease, state: .intended, starts: [])
        } else {
            guard let known = records[event.key], let next = known.state.after(event.change, at: event.at) else {
                throw IllegalStep(event: event, state: records[event.key]?.state.name)
            }
            record = known
            record.state = next
            if case .starting = next { record.starts.append(event.at) }
        }
        records[event.key] = record
        return record
    }

    /// Forgets what is gone for longer than `Reconciler.memorySeconds`; the keys forgotten.
    package mutating func forget(before now: WallTime) -> [MoteKey] {
        let old = records.values.filter { record in
            if case .gone(let ending) = record.state { now - ending.since > Reconciler.memorySeconds } else { false }
        }
        for record in old { records[record.key] = nil }
        return old.map(\.key)
    }
}

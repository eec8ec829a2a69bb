package import Ambience
package import Prices

/// One mote: what was promised, where it stands, and when processes of it were asked for.
package struct MoteRecord: Equatable, Codable, Sendable {
    package let lease: Lease
    package internal(set) var state: MoteState
    /// One per attempt, the oldest first; `FleetPolicy.attemptsLimit` bounds them.
    package internal(set) var starts: [WallTime]
    /// When its provider takes it back, if that is before its lease is over.
    package internal(set) var endsEarly: WallTime?
    /// Since when its witnesses disagree about whether it is there.
    package internal(set) var doubted: WallTime?

    package init(lease: Lease, state: MoteState = .intended, starts: [WallTime] = []) {
        self.lease = lease
        self.state = state
        self.starts = starts
    }

    package var key: MoteKey { lease.key }

    /// When it must be gone: as promised, or earlier if its provider says so. This is what clients are told.
    package var expires: WallTime { min(lease.expires, endsEarly ?? lease.expires) }
    package var drains: WallTime { expires - lease.drainSeconds }

    /// What counts against the cap: its ceiling for each attempt, for every machine has a bill of its own, from the intent on and for ever; nothing once
    /// it is sure that nobody was ever asked for one.
    package var committed: Money? {
        guard let ceiling = lease.ceiling, !state.isGone || !starts.isEmpty else { return nil }
        return Money(ceiling.amount * Int64(max(1, starts.count)), ceiling.currency)
    }
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

/// All motes that are recorded, and what those cost that are not recorded any more.
package struct Ledger: Sendable {
    package private(set) var records: [MoteKey: MoteRecord]
    /// What forgotten motes cost, at their ceilings.
    package private(set) var spent: Purse
    /// The most that everything intended so far can cost, whether it is over or not.
    package private(set) var committed: Purse
    /// Those not gone, the soonest to end first, so that no pass has to sort them.
    private var turns: [Turn]

    private struct Turn: Comparable {
        let expires: WallTime
        let key: MoteKey

        init(_ record: MoteRecord) { (expires, key) = (record.expires, record.key) }

        static func < (a: Turn, b: Turn) -> Bool { (a.expires, a.key) < (b.expires, b.key) }
    }

    package init(_ records: some Sequence<MoteRecord> = [], spent: Purse = Purse()) {
        self.records = Dictionary(records.map { ($0.key, $0) }) { _, last in last }
        self.spent = spent
        committed = self.records.values.reduce(into: spent) { sum, record in if let money = record.committed { sum.add(money.amount, money.currency) } }
        turns = self.records.values.filter { !$0.state.isGone }.map(Turn.init).sorted()
    }

    /// Records that are not gone, the soonest to end first.
    package var alive: [MoteRecord] {
        var alive: [MoteRecord] = []
        alive.reserveCapacity(turns.count)
        for turn in turns { if let record = records[turn.key] { alive.append(record) } }
        return alive
    }
    package var aliveCount: Int { turns.count }

    /// Takes a step and returns the changed record, which the caller makes durable.
    @discardableResult
    package mutating func apply(_ event: MoteEvent) throws(IllegalStep) -> MoteRecord {
        let record = try after(event)
        keep(record)
        return record
    }

    /// What the mote will be once the step is taken.
    package func after(_ event: MoteEvent) throws(IllegalStep) -> MoteRecord {
        if case .intended(let lease) = event.change, records[event.key] == nil, lease.key == event.key { return MoteRecord(lease: lease) }
        guard var record = records[event.key], let next = record.state.after(event.change, at: event.at) else {
            throw IllegalStep(event: event, state: records[event.key]?.state.name)
        }
        record.take(event, next)
        return record
    }

    /// Takes over what `after` said, once that is durable.
    package mutating func keep(_ record: MoteRecord) {
        let last = records.updateValue(record, forKey: record.key)
        if last?.committed != record.committed {
            if let money = last?.committed { committed.remove(money.amount, money.currency) }
            if let money = record.committed { committed.add(money.amount, money.currency) }
        }
        let (old, new) = (last.flatMap { $0.state.isGone ? nil : Turn($0) }, record.state.isGone ? nil : Turn(record))
        guard old != new else { return }
        if let old, case let place = index(old), place < turns.count, turns[place] == old { turns.remove(at: place) }
        if let new { turns.insert(new, at: index(new)) }
    }

    /// Where the turn is, or belongs.
    private func index(_ turn: Turn) -> Int {
        var (low, high) = (0, turns.count)
        while low < high {
            let middle = (low + high) / 2
            if turns[middle] < turn { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Forgets what is gone for longer than `Reconciler.memorySeconds`; the keys forgotten. What they cost stays in `spent`.
    package mutating func forget(before now: WallTime) -> [MoteKey] {
        let old = records.values.filter { record in
            if case .gone(let ending) = record.state { now - ending.since > Reconciler.memorySeconds } else { false }
        }
        for record in old {
            records[record.key] = nil
            if let money = record.committed { spent.add(money.amount, money.currency) }
        }
        return old.map(\.key)
    }
}

extension Ledger: Equatable {
    /// The rest follows from these.
    package static func == (a: Ledger, b: Ledger) -> Bool { a.records == b.records && a.spent == b.spent }
}

extension MoteRecord {
    fileprivate mutating func take(_ event: MoteEvent, _ next: MoteState) {
        state = next
        switch event.change {
        case .doubted: doubted = event.at
        case .shortened(let until):
            // Neither the provider's second word nor a clock that ran ahead prolongs what was promised.
            endsEarly = min(until, expires)
        case .starting:
            starts.append(event.at)
            doubted = nil
        case .trusted, .draining, .terminating, .gone: doubted = nil
        case .intended, .running, .listed, .unlisted: break
        }
    }
}

internal import Ambience

extension Reconciler {
    /// At most one step for one mote.
    mutating func advance(_ record: MoteRecord) {
        let sighting = sighting(record)
        if !record.state.isGone, !record.state.isEnding, isShortened(record, sighting) { return }
        switch record.state {
        case .intended: advanceIntended(record, sighting)
        case .starting(let starting): if !endsAnyway(record, sighting) { advanceStarting(record, starting, sighting) }
        case .running(let running): if !endsAnyway(record, sighting) { advanceRunning(record, running, sighting) }
        case .listed: if !endsAnyway(record, sighting) { advanceListed(record, sighting) }
        case .draining(let ending): if !endsAnyway(record, sighting) { advanceDraining(record, ending, sighting) }
        case .terminating(let ending): advanceTerminating(record, ending, sighting)
        case .gone: break
        }
    }

    /// What its provider says of its end. Durable before the mote is told, so that nobody advertises the later time again.
    private mutating func isShortened(_ record: MoteRecord, _ sighting: Sighting) -> Bool {
        guard sighting.isAlive, let end = sighting.endsEarly, end < record.expires else { return false }
        add(.shortened(until: end), to: record.key, .shorten(record.key, expires: end))
        return true
    }

    /// What ends a mote in any state that has a process.
    private mutating func endsAnyway(_ record: MoteRecord, _ sighting: Sighting) -> Bool {
        let key = record.key
        if sighting.instances.count > 1 {
            add(.terminating(.doubled), to: key, .kill(key))
        } else if now - record.expires >= Self.ownTimerPatienceSeconds {
            end(record, record.endReason, sighting)
        } else if desire.mode == .down {
            end(record, .down, sighting)
        } else if desire.wishes[key] == .terminate {
            end(record, .wish, sighting)
        } else {
            return false
        }
        return true
    }

    private mutating func end(_ record: MoteRecord, _ reason: EndReason, _ sighting: Sighting) {
        if sighting.isAbsent { add(.gone(reason), to: record.key) } else { add(.terminating(reason), to: record.key, .stop(record.key)) }
    }

    private mutating func advanceIntended(_ record: MoteRecord, _ sighting: Sighting) {
        if !sighting.isAbsent {
            if sighting.isAlive { add(.starting(attempt: 1), to: record.key) }
        } else if desire.mode == .down || desire.wishes[record.key] != nil {
            add(.gone(desire.mode == .down ? .down : .wish), to: record.key)
        } else if fades(record, by: now + desire.timing.leadSeconds) {
            add(.gone(.lost), to: record.key)
        } else {
            start(record, attempt: 1)
        }
    }

    private mutating func advanceStarting(_ record: MoteRecord, _ starting: MoteState.Starting, _ sighting: Sighting) {
        guard !sighting.isAbsent else { return startAgain(record, after: starting.attempt, failure: .failedStart) }
        // It reports once its ports are bound. Whether it has all documents of the network is its own affair: it relays without.
        if sighting.report != nil {
            add(.running, to: record.key)
        } else if now - starting.since > desire.policy.startLimitSeconds {
            add(.terminating(.failedStart), to: record.key, .stop(record.key))
        }
    }

    private mutating func advanceRunning(_ record: MoteRecord, _ running: MoteState.Running, _ sighting: Sighting) {
        guard !sighting.isAbsent else { return startAgain(record, after: running.attempt, failure: .lost) }
        if let listed = observation.listed, listed.contains(record.key) {
            add(.listed, to: record.key)
        } else if now >= record.drains {
            add(.draining(record.endReason), to: record.key, record.endsEarly == nil ? nil : .drain(record.key))
        } else if mayBeReplaced(record, running) {
            drainsLeft[record.lease.lifetimeClass, default: 0] -= 1
            add(.terminating(.neverListed), to: record.key, .stop(record.key))
        } else if desire.wishes[record.key] == .drain {
            add(.draining(.wish), to: record.key, .drain(record.key))
        }
    }

    /// A mote that a working directory does not name for long. Where it names nobody, the fault is the directory's.
    private func mayBeReplaced(_ record: MoteRecord, _ running: MoteState.Running) -> Bool {
        guard let listed = observation.listed, !listed.isEmpty, desire.mode == .up else { return false }
        let isFirst = !actions.contains { $0.event?.change == .terminating(.neverListed) }
        let isAlone = !alive.contains { $0.state.isEndingByWish }
        return isFirst && isAlone && now - running.since > 3 * desire.timing.leadSeconds
    }

    private mutating func advanceListed(_ record: MoteRecord, _ sighting: Sighting) {
        guard !sighting.isAbsent else { return startAgain(record, after: record.state.attempts, failure: .lost) }
        if now >= record.drains {
            add(.draining(record.endReason), to: record.key, record.endsEarly == nil ? nil : .drain(record.key))
        } else if let listed = observation.listed, !listed.contains(record.key) {
            add(.unlisted, to: record.key)
        } else if desire.wishes[record.key] == .drain {
            drainIfAllowed(record, .wish)
        } else if isSurplus(record) {
            drainIfAllowed(record, .surplus)
        }
    }

    private mutating func drainIfAllowed(_ record: MoteRecord, _ reason: EndReason) {
        guard drainsLeft[record.lease.lifetimeClass, default: 0] > 0 else { return }
        drainsLeft[record.lease.lifetimeClass, default: 0] -= 1
        add(.draining(reason), to: record.key, .drain(record.key))
    }

    private mutating func advanceDraining(_ record: MoteRecord, _ ending: MoteState.Ending, _ sighting: Sighting) {
        guard !sighting.isAbsent else { return add(.gone(ending.reason), to: record.key) }
        let spent = now - ending.since
        if ending.reason != .expiry, ending.reason != .interrupted, spent >= record.lease.drainSeconds {
            add(.terminating(ending.reason), to: record.key, .stop(record.key))
        } else if spent >= Self.drainPatienceSeconds, sighting.report?.isDraining == false {
            repeatOrder(.drain(record.key))
        }
    }

    private mutating func advanceTerminating(_ record: MoteRecord, _ ending: MoteState.Ending, _ sighting: Sighting) {
        guard !sighting.isAbsent else { return add(.gone(ending.reason), to: record.key) }
        if now - ending.since >= Self.stopPatienceSeconds { repeatOrder(.kill(record.key)) }
    }

    private mutating func start(_ record: MoteRecord, attempt: Int) {
        guard startsLeft > 0 else { return }
        startsLeft -= 1
        add(.starting(attempt: attempt), to: record.key, .start(record.lease, attempt: attempt))
    }

    /// The process is not there. It is asked for again, later each time, while enough of its life is left to be worth it.
    private mutating func startAgain(_ record: MoteRecord, after attempt: Int, failure: EndReason) {
        if sighting(record).refusal != nil {
            add(.gone(.refused), to: record.key)
        } else if attempt >= desire.policy.attemptsLimit || fades(record, by: now + desire.timing.leadSeconds) {
            add(.gone(now >= record.drains ? record.endReason : failure), to: record.key)
        } else if let last = record.starts.last, now - last >= 1 << Int64(attempt - 1) {
            start(record, attempt: attempt + 1)
        }
    }
}

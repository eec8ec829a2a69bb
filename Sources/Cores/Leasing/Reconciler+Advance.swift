internal import Ambience

extension Reconciler {
    /// At most one step for one mote.
    mutating func advance(_ record: MoteRecord) {
        let sighting = sighting(record)
        if !record.state.isEnding, isShortened(record, sighting) { return }
        switch record.state {
        case .intended: advanceIntended(record, sighting)
        case .starting(let starting): if !endsAnyway(record, sighting) { advanceStarting(record, starting, sighting) }
        case .running(let running): if !endsAnyway(record, sighting), !isQuarantined(record, sighting) { advanceRunning(record, running, sighting) }
        case .listed: if !endsAnyway(record, sighting), !isQuarantined(record, sighting) { advanceListed(record, sighting) }
        case .draining(let ending): if !endsAnyway(record, sighting) { advanceDraining(record, ending, sighting) }
        case .terminating(let ending): advanceTerminating(record, ending, sighting)
        case .gone: break
        }
    }

    /// What is seen of a mote. Where its provider was not seen whole, it may be there all the same.
    private func sighting(_ record: MoteRecord) -> Sighting {
        if let sighting = observation.sightings[record.key] { return sighting }
        return Sighting(isInDoubt: observation.unseen.contains(record.lease.site.provider))
    }

    /// What its provider says of its end. Durable before the mote is told, and told until the mote says so itself.
    private mutating func isShortened(_ record: MoteRecord, _ sighting: Sighting) -> Bool {
        guard sighting.isAlive else { return false }
        if let end = sighting.endsEarly, end < record.expires {
            add(.shortened(until: end), to: record.key, .shorten(record.key, expires: end))
            return true
        }
        if record.endsEarly != nil, let told = sighting.report?.expires, told > record.expires { repeatOrder(.shorten(record.key, expires: record.expires)) }
        return false
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

    /// Proven: neither its provider nor the mote itself says that anything of it is there, and nothing can come of what was ordered.
    func isGone(_ sighting: Sighting) -> Bool { !sighting.isAlive && !sighting.isInDoubt && sighting.report == nil }

    mutating func end(_ record: MoteRecord, _ reason: EndReason, _ sighting: Sighting) {
        if isGone(sighting) { add(.gone(reason), to: record.key) } else { add(.terminating(reason), to: record.key, .stop(record.key)) }
    }

    private mutating func advanceIntended(_ record: MoteRecord, _ sighting: Sighting) {
        if sighting.isAlive {
            add(.starting(attempt: 1), to: record.key)
        } else if sighting.isInDoubt, !observation.unseen.contains(record.lease.site.provider) {
            return
        } else if desire.mode == .down || desire.wishes[record.key] != nil {
            add(.gone(desire.mode == .down ? .down : .wish), to: record.key)
        } else if isTooLate(record) {
            add(.gone(.lost), to: record.key)
        } else if desire.make.isDrift(record.lease, nil) {
            add(.gone(.drift), to: record.key)
        } else if ramp.closed.contains(record.lease.site.provider), now - record.lease.intended > Self.waitingSeconds {
            add(.gone(.refused), to: record.key)
        } else {
            start(record, attempt: 1)
        }
    }

    private mutating func advanceStarting(_ record: MoteRecord, _ starting: MoteState.Starting, _ sighting: Sighting) {
        guard !isGone(sighting) else { return startAgain(record, after: starting.attempt, failure: .failedStart, sighting) }
        // It reports once its ports are bound. Whether it has all documents of the network is its own affair: it relays without.
        if sighting.isAlive, sighting.report != nil {
            add(.running, to: record.key)
        } else if now - starting.since > desire.policy.startLimitSeconds {
            add(.terminating(.failedStart), to: record.key, .stop(record.key))
        }
    }

    private mutating func advanceRunning(_ record: MoteRecord, _ running: MoteState.Running, _ sighting: Sighting) {
        guard !isGone(sighting) else { return startAgain(record, after: running.attempt, failure: .lost, sighting) }
        if let listed = observation.listed, listed.contains(record.key) {
            add(.listed, to: record.key)
        } else if now >= record.drains {
            drainByTime(record)
        } else if mayBeReplaced(record, running) {
            add(.terminating(.neverListed), to: record.key, .stop(record.key))
        } else if desire.wishes[record.key] == .drain {
            add(.draining(.wish), to: record.key, .drain(record.key))
        }
    }

    /// A mote that a working directory does not name for long. Where it names nobody, the fault is the directory's.
    private mutating func mayBeReplaced(_ record: MoteRecord, _ running: MoteState.Running) -> Bool {
        guard let listed = observation.listed, !listed.isEmpty, desire.mode == .up, now - running.since > 3 * desire.timing.leadSeconds else { return false }
        return census[record.lease.lifetimeClass]?.mayReplaceUnlisted() ?? false
    }

    private mutating func advanceListed(_ record: MoteRecord, _ sighting: Sighting) {
        guard !isGone(sighting) else { return startAgain(record, after: record.state.attempts, failure: .lost, sighting) }
        if now >= record.drains {
            drainByTime(record)
        } else if let listed = observation.listed, !listed.contains(record.key) {
            add(.unlisted, to: record.key)
        } else if let reason = census[record.lease.lifetimeClass]?.reason(record.key), census[record.lease.lifetimeClass]?.mayGo(reason) == true {
            add(.draining(reason), to: record.key, .drain(record.key))
        }
    }

    /// Its own timer makes it drain, unless its time is shorter than that timer knows.
    private mutating func drainByTime(_ record: MoteRecord) {
        add(.draining(record.endReason), to: record.key, record.endsEarly == nil ? nil : .drain(record.key))
    }

    private mutating func advanceDraining(_ record: MoteRecord, _ ending: MoteState.Ending, _ sighting: Sighting) {
        guard !isGone(sighting) else { return add(.gone(ending.reason), to: record.key) }
        let spent = now - ending.since
        if ending.reason != .expiry, ending.reason != .interrupted, spent >= record.lease.drainSeconds {
            add(.terminating(ending.reason), to: record.key, .stop(record.key))
        } else if spent >= Self.drainPatienceSeconds, sighting.report?.isDraining == false {
            repeatOrder(.drain(record.key))
        }
    }

    private mutating func advanceTerminating(_ record: MoteRecord, _ ending: MoteState.Ending, _ sighting: Sighting) {
        guard !isGone(sighting) else { return add(.gone(ending.reason), to: record.key) }
        if now - ending.since >= Self.stopPatienceSeconds { repeatOrder(.kill(record.key)) }
    }

    private mutating func start(_ record: MoteRecord, attempt: Int) {
        // The first was promised with the intent.
        guard ramp.mayStart(record.lease.site.provider), attempt == 1 || spending.promise(record.lease.ceiling) else { return }
        add(.starting(attempt: attempt), to: record.key, .start(record.lease, attempt: attempt))
    }

    /// Nothing of the last attempt is there or can come of it. The mote is asked for again, later each time, while enough of its life is left to be
    /// worth it. What its provider refuses would be refused again: another mote goes elsewhere.
    private mutating func startAgain(_ record: MoteRecord, after attempt: Int, failure: EndReason, _ sighting: Sighting) {
        if sighting.refusal != nil {
            add(.gone(.refused), to: record.key)
        } else if attempt >= desire.policy.attemptsLimit || isTooLate(record) {
            add(.gone(now >= record.drains ? record.endReason : failure), to: record.key)
        } else if let last = record.starts.last, now - last >= 1 << Int64(attempt - 1) {
            start(record, attempt: attempt + 1)
        }
    }

    /// Whether a mote of this record that is started now would be of little use.
    private func isTooLate(_ record: MoteRecord) -> Bool {
        desire.timing.fades(record) <= now + desire.timing.leadSeconds
    }
}

extension MoteRecord {
    /// Why it ends if nobody ends it.
    fileprivate var endReason: EndReason { endsEarly == nil ? .expiry : .interrupted }
}

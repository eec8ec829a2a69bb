package import Ambience
internal import Onion
internal import Paths

// MARK: - Giving up and closing

extension CircuitPool {
    mutating func giveUp(at moment: Moment, _ effects: inout [PoolEffect]) {
        predicted.forget(now: moment.now)
        giveUpBuilding(at: moment, &effects)
        for key in streams.keys.sorted() { giveUpStream(key, at: moment, &effects) }
    }

    private mutating func giveUpBuilding(at moment: Moment, _ effects: inout [PoolEffect]) {
        for (key, circuit) in circuits.filter(\.value.isBuilding).sorted(by: { $0.key < $1.key }) {
            guard case .building(let since) = circuit.state, moment.now - since >= settings.buildTimeout else { continue }
            circuits[key] = nil
            buildFailed(at: moment)
            effects.append(.close(key))
        }
    }

    private mutating func giveUpStream(_ key: StreamKey, at moment: Moment, _ effects: inout [PoolEffect]) {
        guard let stream = streams[key] else { return }
        if case .connected = stream.state { return }
        if stream.unreached >= settings.failureLimit {
            streamGone(key)
            effects.append(.fail(key, .ended(.noRoute)))
        } else if moment.now - stream.arrived >= settings.streamTimeout {
            streamGone(key)
            effects.append(.fail(key, stream.lastReason.map { .ended($0) } ?? .timeout))
        } else if case .connecting(_, let since) = stream.state, moment.now - since >= stream.connectTimeout(settings) {
            effects.append(.detach(key))
            if let failure = streamEnded(key, .timeout, at: moment) { effects.append(.fail(key, failure)) }
        }
    }

    /// Closes circuits that carry nothing and can carry nothing new.
    mutating func closeIdle(at moment: Moment, _ effects: inout [PoolEffect]) {
        let life = selector?.policy.streamLifeSeconds ?? 0
        let over = circuits.filter { _, circuit in
            circuit.streams == 0 && (!circuit.takesStreams(at: moment, settings, streamLifeSeconds: life) || isStale(circuit, at: moment))
        }
        for key in over.keys.sorted() {
            circuits[key] = nil
            effects.append(.close(key))
        }
    }

    /// Whoever isolates each request leaves behind a circuit that nobody comes back to. Of those that carry nothing the ones go first that
    /// were taken into use longest ago.
    mutating func makeRoom(_ effects: inout [PoolEffect]) {
        guard circuits.count > min(settings.idleLimit, settings.circuitLimit - settings.pendingLimit) else { return }
        let idle = circuits.filter { $0.value.streams == 0 && $0.value.dirtySince != nil }
        let surplus = max(idle.count - settings.idleLimit, circuits.count - (settings.circuitLimit - settings.pendingLimit))
        guard surplus > 0 else { return }
        for (key, _) in idle.sorted(by: { ($0.value.dirtySince!, $0.key) < ($1.value.dirtySince!, $1.key) }).prefix(surplus) {
            circuits[key] = nil
            effects.append(.close(key))
        }
    }

    private func isStale(_ circuit: PooledCircuit, at moment: Moment) -> Bool {
        guard case .open(let since) = circuit.state, circuit.dirtySince == nil else { return false }
        return moment.now - since >= settings.cleanLife
    }
}

// MARK: - Building

extension CircuitPool {
    private var buildingCount: Int { circuits.values.count { $0.isBuilding } }

    private func mayBuild(at moment: Moment) -> Bool {
        selector != nil && moment.now >= buildAgain && buildingCount < settings.pendingLimit && circuits.count < settings.circuitLimit
    }

    /// Every stream that waits gets a circuit that is being built: one reserved for its isolation, a free one, or a new one.
    mutating func buildForWaiting(at moment: Moment, _ effects: inout [PoolEffect], using random: inout some RandomNumberGenerator) {
        freeReservations()
        for key in waiting {
            // A stream that pauses between two tries may have its circuit already.
            guard let stream = streams[key], best(for: stream, at: moment) == nil, !reserve(for: stream, at: moment), mayBuild(at: moment) else { continue }
            do throws(PathFailure) {
                try build(stream.need(moment.wall), for: stream.isolation, at: moment, &effects, using: &random)
            } catch {
                lastFailure = error
                guard error.isFinal, error.constraint == .refused || moment.now - stream.arrived >= settings.hopelessWait else { continue }
                streamGone(key)
                effects.append(.fail(key, stream.lastReason.map { .ended($0) } ?? .noPath(error)))
            }
        }
    }

    /// A reserved circuit whose streams have gone elsewhere is clean again: nothing of them was ever on it.
    private mutating func freeReservations() {
        let wanted = Set(waiting.compactMap { streams[$0]?.isolation })
        for (key, circuit) in circuits where circuit.dirtySince == nil {
            if let isolation = circuit.isolation, !wanted.contains(isolation) { circuits[key]?.isolation = nil }
        }
    }

    private mutating func reserve(for stream: PooledStream, at moment: Moment) -> Bool {
        let fitting = circuits.filter { isPromising($0.value, at: moment) && fits($0.value, stream, at: moment) }
        let reserved = fitting.filter { $0.value.isolation != nil }
        guard let key = (reserved.isEmpty ? fitting : reserved).keys.min() else { return false }
        circuits[key]?.isolation = stream.isolation
        return true
    }

    /// Being built, and not for suspiciously long: nobody waits behind a relay that may be gone.
    private func isPromising(_ circuit: PooledCircuit, at moment: Moment) -> Bool {
        guard case .building(let since) = circuit.state else { return false }
        return moment.now - since < settings.slowBuild
    }

    private mutating func build(
        _ need: PathNeed, for isolation: IsolationKey?, at moment: Moment, _ effects: inout [PoolEffect], using random: inout some RandomNumberGenerator
    ) throws(PathFailure) {
        guard let selector else { return }
        let path = try selector.path(for: need, guards: &guards, using: &random)
        lastFailure = nil
        lastKey += 1
        let key = CircuitKey(rawValue: lastKey)
        circuits[key] = PooledCircuit(path: path, isLongLived: need.isLongLived(selector.policy), isolation: isolation, now: moment.now)
        effects.append(.build(key, path))
    }

    /// Keeps clean circuits ready for the ports in use.
    mutating func buildSpares(at moment: Moment, _ effects: inout [PoolEffect], using random: inout some RandomNumberGenerator) {
        guard moment.now >= spareAgain else { return }
        for port in predicted.ports {
            let need = PathNeed(.port(port, isIPv6: false), now: moment.wall)
            for _ in spares(for: need, at: moment)..<max(settings.sparesPerPort, spares(for: need, at: moment)) {
                guard mayBuild(at: moment) else { return }
                do throws(PathFailure) {
                    try build(need, for: nil, at: moment, &effects, using: &random)
                } catch {
                    lastFailure = error
                    spareAgain = moment.now + Self.spareRetry
                    break
                }
            }
        }
        proveNetwork(at: moment, &effects, using: &random)
    }

    /// Where no exit serves the ports in use, one circuit still shows that the network can be used at all.
    private mutating func proveNetwork(at moment: Moment, _ effects: inout [PoolEffect], using random: inout some RandomNumberGenerator) {
        guard circuits.isEmpty, lastFailure != nil, mayBuild(at: moment) else { return }
        do throws(PathFailure) {
            try build(PathNeed(.inside, now: moment.wall), for: nil, at: moment, &effects, using: &random)
        } catch {
            lastFailure = error
        }
    }

    /// After no spare could be planned, none is tried for so long (or until the network changes).
    private static let spareRetry = Instant.Span.seconds(5)

    private func spares(for need: PathNeed, at moment: Moment) -> Int {
        guard let selector else { return 0 }
        let isLongLived = need.isLongLived(selector.policy)
        return circuits.values.count { circuit in
            circuit.isClean && circuit.isLongLived == isLongLived && circuit.exit.map(need.isServed) == true
                && circuit.takesStreams(at: moment, settings, streamLifeSeconds: selector.policy.streamLifeSeconds)
        }
    }
}

extension PathFailure {
    /// Whether waiting for another consensus is unlikely to help.
    fileprivate var isFinal: Bool {
        switch constraint {
        case .policy, .refused, .configured: true
        case .listed, .running, .described, .flagged, .life, .distinct: false
        }
    }
}

// MARK: - When to look again

extension CircuitPool {
    /// Housekeeping happens at least this often.
    private static let longestWait = Instant.Span.seconds(10)

    /// When `settle` should be called again if nothing happens before.
    package func deadline(at moment: Moment) -> Instant {
        var first = moment.now + Self.longestWait
        for circuit in circuits.values {
            if case .building(let since) = circuit.state { first = min(first, since + settings.buildTimeout) }
        }
        var isAnyWaiting = false
        for stream in streams.values {
            switch stream.state {
            case .waiting:
                isAnyWaiting = true
                first = min(first, stream.arrived + settings.streamTimeout)
                if stream.notBefore > moment.now { first = min(first, stream.notBefore) }
            case .connecting(_, let since): first = min(first, since + stream.connectTimeout(settings), stream.arrived + settings.streamTimeout)
            case .connected: break
            }
        }
        // Time alone can bring a waiting stream on: a slow build is given company, a build that was put off is due, a clock passes an expiry.
        if isAnyWaiting { first = min(first, max(buildAgain, moment.now + Self.waitingCheck)) }
        return first
    }

    private static let waitingCheck = Instant.Span.seconds(1)
}

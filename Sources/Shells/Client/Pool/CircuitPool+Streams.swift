internal import Ambience
package import Onion
package import Paths

// MARK: - Events about streams

extension CircuitPool {
    /// A request has come. `false`: there are too many.
    package mutating func streamArrived(
        _ key: StreamKey, _ purpose: PathNeed.Purpose, isolation: IsolationKey, keepsCircuitAlive: Bool = false, at moment: Moment
    ) -> Bool {
        guard streams.count < settings.streamLimit else { return false }
        if case .port(let port, _) = purpose { predicted.used(port, now: moment.now) }
        streams[key] = PooledStream(purpose: purpose, isolation: isolation, keepsCircuitAlive: keepsCircuitAlive, now: moment.now)
        return true
    }

    package mutating func streamConnected(_ key: StreamKey) {
        guard case .connecting(let circuit, _)? = streams[key]?.state else { return }
        streams[key]?.state = .connected(circuit)
    }

    /// The application has gone, or a connected stream has ended.
    package mutating func streamGone(_ key: StreamKey) {
        leave(key)
        streams[key] = nil
    }

    /// The exit or the circuit ended a stream. Before it was connected, another circuit may serve it: then the stream waits again.
    /// Otherwise the failure to tell the application is returned.
    package mutating func streamEnded(_ key: StreamKey, _ reason: EndReason, at moment: Moment) -> StreamFailure? {
        guard case .connecting(let circuit, _)? = streams[key]?.state else {
            streamGone(key)
            return .ended(reason)
        }
        learn(from: reason, key, circuit, at: moment)
        leave(key)
        guard let stream = streams[key], stream.mayTryAgain(after: reason, settings) else {
            streams[key] = nil
            return .ended(reason)
        }
        return nil
    }

    private mutating func learn(from reason: EndReason, _ key: StreamKey, _ circuit: CircuitKey, at moment: Moment) {
        streams[key]?.lastReason = reason
        switch reason {
        case .exitPolicy, .hibernating, .resourceLimit:
            if let exit = circuits[circuit]?.exit?.identity { streams[key]?.refusers.insert(exit) }
            if reason != .exitPolicy { circuits[circuit]?.isRetired = true }
        case .resolveFailed, .misc, .timeout, .noRoute:
            streams[key]?.failures += 1
            circuits[circuit]?.isRetired = true
            if reason == .misc, let stream = streams[key], settings.miscPauses.indices.contains(stream.failures - 1) {
                streams[key]?.notBefore = moment.now + settings.miscPauses[stream.failures - 1]
            }
        default: break
        }
    }

    /// The stream is on no circuit any more.
    private mutating func leave(_ key: StreamKey) {
        if let circuit = streams[key]?.circuit { circuits[circuit]?.streams -= 1 }
        streams[key]?.state = .waiting
    }
}

// MARK: - Attaching

extension CircuitPool {
    /// Waiting streams, first come first served.
    var waiting: [StreamKey] { streams.filter { $0.value.state == .waiting }.keys.sorted() }

    mutating func attachWaiting(at moment: Moment, _ effects: inout [PoolEffect]) {
        for key in waiting {
            guard let stream = streams[key], stream.notBefore <= moment.now, let circuit = best(for: stream, at: moment) else { continue }
            attach(key, stream, to: circuit, at: moment)
            effects.append(.attach(key, circuit))
        }
    }

    private mutating func attach(_ key: StreamKey, _ stream: PooledStream, to circuit: CircuitKey, at moment: Moment) {
        streams[key]?.state = .connecting(circuit, since: moment.now)
        streams[key]?.tries += 1
        circuits[circuit]?.isolation = stream.isolation
        circuits[circuit]?.streams += 1
        if stream.keepsCircuitAlive || circuits[circuit]?.dirtySince == nil { circuits[circuit]?.dirtySince = moment.now }
    }

    /// The open circuit that fits best: used ones first, the one used last; then the newest clean one.
    func best(for stream: PooledStream, at moment: Moment) -> CircuitKey? {
        circuits.filter { $0.value.isOpen && fits($0.value, stream, at: moment) }.max { isWorse($0, than: $1) }?.key
    }

    private typealias Candidate = (key: CircuitKey, value: PooledCircuit)

    private func isWorse(_ a: Candidate, than b: Candidate) -> Bool {
        // Circuits that live long are kept for those who need them.
        if a.value.isLongLived != b.value.isLongLived { return a.value.isLongLived }
        switch (a.value.dirtySince, b.value.dirtySince) {
        case (nil, nil): return a.key < b.key
        case (nil, .some): return true
        case (.some, nil): return false
        case (.some(let first), .some(let second)): return (first, a.key) < (second, b.key)
        }
    }

    /// Whether the stream may go on the circuit, once it is open.
    func fits(_ circuit: PooledCircuit, _ stream: PooledStream, at moment: Moment) -> Bool {
        guard let selector, let exit = circuit.exit, circuit.isolation == nil || circuit.isolation == stream.isolation else { return false }
        let need = stream.need(moment.wall)
        guard need.isServed(by: exit), !stream.refusers.contains(exit.identity) else { return false }
        guard circuit.isLongLived || !need.isLongLived(selector.policy) else { return false }
        return circuit.takesStreams(at: moment, settings, streamLifeSeconds: selector.policy.streamLifeSeconds)
    }
}

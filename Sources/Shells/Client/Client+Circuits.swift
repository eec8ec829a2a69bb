internal import Ambience
internal import Directory
internal import DirectoryService
internal import Logging
internal import Onion
internal import Paths
internal import Relaying

// MARK: - Circuits

extension Client {
    func perform(_ effect: PoolEffect) {
        switch effect {
        case .build(let key, let path): build(key, path)
        case .close(let key): close(key)
        case .attach(let stream, let circuit): attach(stream, to: circuit)
        case .detach(let stream): sessions[stream]?.detach()
        case .fail(let stream, let failure): fail(stream, failure)
        }
    }

    private func build(_ key: CircuitKey, _ path: [PathRelay]) {
        report(.circuitConnecting)
        let circuit = router.buildCircuit(path.map { HopTarget($0) })
        circuits[key] = circuit
        tellCircuit(key) { .circuitLaunched($0) }
        circuit.onEvent = { [weak self, unowned circuit] in self?.handle($0, of: circuit, key) }
    }

    private func handle(_ event: OriginCircuit.Event, of circuit: OriginCircuit, _ key: CircuitKey) {
        switch event {
        case .built:
            pool.circuitBuilt(key, at: moment)
            tellCircuit(key) { .circuitBuilt($0) }
            report(.done)
        case .closed(let reason, let isRemote):
            tellCircuit(key) { .circuitClosed($0, reason, isRemote: isRemote) }
            circuits[key] = nil
            log.debug("Circuit \(key.rawValue) closed after \(circuit.builtHops) hops: \(reason)")
            pool.circuitClosed(key, hops: circuit.builtHops, at: moment)
        }
        settleSoon()
    }

    private func close(_ key: CircuitKey) {
        guard let circuit = circuits[key] else { return }
        onEvent(.circuitDropped(key.rawValue, wasBuilt: circuit.isBuilt))
        circuits[key] = nil
        circuit.onEvent = nil
        circuit.close()
    }
}

extension HopTarget {
    fileprivate init(_ relay: PathRelay) {
        self.init(
            rsa: relay.identity, ed25519: relay.details?.ed25519, addresses: relay.addresses, ntorKey: relay.details?.ntorKey,
            abilities: Abilities(relay.protocols))
    }
}

extension HopTarget.Abilities {
    fileprivate init(_ protocols: ProtocolVersions) {
        self = []
        if protocols.supports("Relay", 4) { insert(.ntorV3) }
        if protocols.supports("FlowCtrl", 2) { insert(.congestionControl) }
        if protocols.supports("Relay", 5), protocols.supports("Relay", 6) { insert(.counterGalois) }
    }
}

extension CircuitPool {
    /// The primary guards that serve directories.
    var directoryGuards: [DirectorySource] {
        guard let selector else { return [] }
        return guards.primaries.compactMap { selector.network[$0] }.filter { $0.isUsable && $0.flags.contains(.v2Dir) }.map {
            DirectorySource(nickname: $0.nickname, rsa: $0.identity, ed25519: $0.details?.ed25519, addresses: $0.addresses)
        }
    }
}

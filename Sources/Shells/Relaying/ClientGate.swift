internal import Ambience
package import Limits
internal import Loops
internal import Sealing
internal import Synchronization

/// What clients asked of all loops of a relay together. Touched per link, circuit or refusal, never per cell.
package final class ClientGate: Sendable {
    private let clients = Mutex(ClientAddresses())

    package init() {}

    package var statistics: DenialStatistics { clients.withLock { $0.statistics } }

    func admitLink(from address: IPAddress, at now: Instant, _ parameters: DenialParameters, unfinishedLimit: Int) -> Bool {
        var random = SecureRandom()
        return clients.withLock { $0.admitLink(from: address, at: now, parameters, unfinishedLimit: unfinishedLimit, using: &random) }
    }

    func finished(from address: IPAddress) { clients.withLock { $0.finished(from: address) } }
    func disconnected(from address: IPAddress) { clients.withLock { $0.disconnected(from: address) } }
    func identified(at address: IPAddress) { clients.withLock { $0.identified(at: address) } }

    func admitCircuit(from address: IPAddress, at now: Instant, _ parameters: DenialParameters) -> Bool {
        guard parameters.isLimitingCircuits else { return true }
        var random = SecureRandom()
        return clients.withLock { $0.admitCircuit(from: address, at: now, parameters, using: &random) }
    }

    func filledQueue(from address: IPAddress, at now: Instant, _ parameters: DenialParameters) {
        var random = SecureRandom()
        clients.withLock { $0.filledQueue(from: address, at: now, parameters, using: &random) }
    }

    func refusedStream() { clients.withLock { $0.refusedStream() } }
    func sweep(_ parameters: DenialParameters, at now: Instant) { clients.withLock { $0.sweep(parameters, at: now) } }
}

/// How far a link that somebody opened to us counts as one of a client.
enum Admission {
    /// We opened it, or it comes from the address of a relay.
    case none
    case unfinished
    case client
}

extension OnionRouter {
    /// Whether to take a connection, and how it counts.
    func admit(_ address: IPAddress) -> Admission? {
        if policy.relayAddresses.contains(address) { return Admission.none }
        let isAdmitted = settings.clients.admitLink(from: address, at: loop.now, policy.denial, unfinishedLimit: settings.handshakesPerAddressLimit)
        return isAdmitted ? .unfinished : nil
    }

    /// Whether a CREATE on this link is answered.
    func admitsCircuit(on channel: Channel) -> Bool {
        guard channel.mayHaveCircuit else { return false }
        return channel.admission != .client || settings.clients.admitCircuit(from: channel.address.ip, at: loop.now, policy.denial)
    }

    /// A circuit from this link is closed because its queue towards the exit is full.
    func filledQueue(from channel: Channel) {
        guard channel.admission == .client else { return }
        settings.clients.filledQueue(from: channel.address.ip, at: loop.now, policy.denial)
    }
}

extension Channel {
    /// The gate learns what became of a link that it admitted.
    func settleAdmission(_ next: Admission) {
        let before = admission
        guard before != .none else { return }
        admission = next
        let clients = router.settings.clients
        if before == .unfinished { clients.finished(from: address.ip) }
        guard next == .none else { return }
        if isClosed { clients.disconnected(from: address.ip) } else { clients.identified(at: address.ip) }
    }
}

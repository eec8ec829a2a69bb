internal import Ambience
package import DirectoryService
package import Onion
package import Paths
internal import Relaying
package import Sealing
internal import Socks

/// What happens in a client, as controllers are told (control-spec.txt 4.1).
package enum ClientEvent {
    case progressed(BootstrapPhase)
    case circuitLaunched(ClientSnapshot.CircuitView)
    case circuitBuilt(ClientSnapshot.CircuitView)
    case circuitClosed(ClientSnapshot.CircuitView, DestroyReason, isRemote: Bool)
    /// The client itself needs it no more.
    case circuitDropped(Int, wasBuilt: Bool)
    case streamArrived(ClientSnapshot.StreamView)
    case streamSent(ClientSnapshot.StreamView)
    case streamConnected(ClientSnapshot.StreamView)
    /// Another circuit may serve it.
    case streamDetached(ClientSnapshot.StreamView, EndReason)
    case streamFailed(ClientSnapshot.StreamView)
    case streamClosed(ClientSnapshot.StreamView, EndReason)
    case lookedUp(ClientSnapshot.StreamView, ResolvedAnswer)
    case guardChanged(RSAIdentity, nickname: String, GuardChange)
}

/// What happened to a relay that is ours to enter by.
package enum GuardChange: String { case new = "NEW", dropped = "DROPPED", up = "UP", down = "DOWN" }

extension Client {
    func tellCircuit(_ key: CircuitKey, _ event: (ClientSnapshot.CircuitView) -> ClientEvent) {
        if let circuit = pool.circuits[key] { onEvent(event(ClientSnapshot.CircuitView(key, circuit))) }
    }

    func tellStream(_ session: SocksSession, _ event: (ClientSnapshot.StreamView) -> ClientEvent) {
        if let view = view(of: session) { onEvent(event(view)) }
    }

    func view(of session: SocksSession) -> ClientSnapshot.StreamView? {
        guard let request = session.request else { return nil }
        let state: ClientSnapshot.StreamView.State = switch pool.streams[session.key]?.state {
        case .waiting, nil: .waiting
        case .connecting: .connecting
        case .connected: .connected
        }
        return ClientSnapshot.StreamView(
            id: session.key.rawValue, state: state, circuit: pool.streams[session.key]?.circuit?.rawValue, target: "\(request.target.host):\(request.port)",
            isLookup: request.command != .connect)
    }

    /// Applications' streams, oldest first.
    package var streamViews: [ClientSnapshot.StreamView] {
        sessions.values.filter { pool.streams[$0.key] != nil }.sorted { $0.key < $1.key }.compactMap(view)
    }

    /// One sampled guard, as `entry-guards` tells it.
    package struct GuardView {
        package let identity: RSAIdentity
        package let nickname: String
        package let reachability: GuardEntry.Reachability
        package let isConfirmed: Bool
    }

    /// Guards in the order of use.
    package var guardViews: [GuardView] {
        let sampled = Dictionary(pool.guards.entries.map { ($0.identity, $0) }) { first, _ in first }
        return pool.guards.primaries.compactMap { sampled[$0] }.map {
            GuardView(identity: $0.identity, nickname: $0.nickname, reachability: $0.reachability, isConfirmed: $0.confirmed != nil)
        }
    }

    /// Tells what became of the guards since they were looked at last.
    func tellGuards() {
        let now = pool.guards.entries
        guard now != seenGuards else { return }
        let before = Dictionary(seenGuards.map { ($0.identity, $0.reachability) }) { first, _ in first }
        let gone = seenGuards.filter { entry in !now.contains { $0.identity == entry.identity } }
        seenGuards = now
        for entry in gone { onEvent(.guardChanged(entry.identity, nickname: entry.nickname, .dropped)) }
        for entry in now where before[entry.identity] != entry.reachability {
            if let change = Self.change(before[entry.identity], entry.reachability) { onEvent(.guardChanged(entry.identity, nickname: entry.nickname, change)) }
        }
    }

    private static func change(_ before: GuardEntry.Reachability?, _ now: GuardEntry.Reachability) -> GuardChange? {
        guard before != nil else { return .new }
        switch now {
        case .reachable: return .up
        case .unreachable: return .down
        case .unknown: return nil
        }
    }

    // MARK: Orders

    /// Circuits that exist take no new streams: applications that start anew are told apart from what they did before (NEWNYM).
    package func startAnew() {
        pool.retireAll()
        settleSoon()
    }

    /// Whether there was such a circuit to close.
    package func closeCircuit(_ id: Int, onlyIfUnused: Bool) -> Bool {
        guard let key = circuits.keys.first(where: { $0.rawValue == id }) else { return false }
        if onlyIfUnused, pool.circuits[key]?.streams != 0 { return true }
        circuits[key]?.close()
        return true
    }

    /// Whether there was such a stream to close.
    package func closeStream(_ id: Int) -> Bool {
        guard let session = sessions.values.first(where: { $0.key.rawValue == id }) else { return false }
        session.abort()
        sessionEnded(session)
        return true
    }
}

extension CircuitPool {
    /// Every circuit serves out what it carries, and nothing new.
    mutating func retireAll() {
        for key in circuits.keys { circuits[key]?.isRetired = true }
    }
}

extension SocksTarget {
    fileprivate var host: String {
        switch self {
        case .address(let ip): ip.isIPv4 ? "\(ip)" : "[\(ip)]"
        case .name(let name): name
        }
    }
}

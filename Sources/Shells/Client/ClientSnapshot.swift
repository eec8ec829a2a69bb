package import Ambience
package import DirectoryService
internal import Paths

/// The circuits of a client at one moment, for status displays.
package struct ClientSnapshot: Sendable {
    package enum CircuitState: String, Sendable { case building, open, draining, retired }

    package struct Hop: Sendable {
        package let nickname: String
        /// 40 hex digits.
        package let fingerprint: String
    }

    package struct CircuitView: Sendable {
        package let id: Int
        package let state: CircuitState
        /// Guard first.
        package let path: [Hop]
        package let streams: Int
        /// Ready, and nobody's yet.
        package let isClean: Bool
        package let isLongLived: Bool
        package let began: Instant
        /// The first advertised end among its relays; `nil` when none advertises one.
        package let firstEnd: WallTime?
    }

    /// An application's stream.
    package struct StreamView: Sendable {
        package enum State: Sendable { case waiting, connecting, connected }

        package let id: Int
        package let state: State
        /// `nil` while it waits for one.
        package let circuit: Int?
        /// `HOST:PORT`; port 0 for a lookup.
        package let target: String
        package let isLookup: Bool
    }

    package let bootstrap: BootstrapPhase
    package let circuits: [CircuitView]
    package let waitingStreams: Int
    package let connectedStreams: Int
}

extension ClientSnapshot.CircuitView {
    init(_ key: CircuitKey, _ circuit: PooledCircuit) {
        id = key.rawValue
        state = circuit.isBuilding ? .building : circuit.isDraining ? .draining : circuit.isRetired ? .retired : .open
        path = circuit.path.map { ClientSnapshot.Hop(nickname: $0.nickname, fingerprint: "\($0.identity)") }
        streams = circuit.streams
        isClean = circuit.isClean
        isLongLived = circuit.isLongLived
        began = circuit.began
        firstEnd = circuit.firstEnd
    }
}

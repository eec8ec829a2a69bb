package import Ambience
internal import Onion
package import Paths
internal import Sealing

/// One application's stream as the pool knows it.
package struct PooledStream: Sendable {
    package enum State: Hashable, Sendable {
        case waiting
        case connecting(CircuitKey, since: Instant)
        case connected(CircuitKey)
    }

    package let purpose: PathNeed.Purpose
    package let isolation: IsolationKey
    package let arrived: Instant
    /// `KeepAliveIsolateSOCKSAuth`: every stream makes its circuit as good as new.
    package let keepsCircuitAlive: Bool
    package internal(set) var state = State.waiting
    /// Exits whose policy turned out to refuse it.
    var refusers: Set<RSAIdentity> = []
    var tries = 0
    var failures = 0
    /// Circuits that did not get to the one relay that it is for.
    var unreached = 0
    var lastReason: EndReason?
    /// Not attached before.
    var notBefore = Instant.zero

    init(purpose: PathNeed.Purpose, isolation: IsolationKey, keepsCircuitAlive: Bool, now: Instant) {
        self.purpose = purpose
        self.isolation = isolation
        self.keepsCircuitAlive = keepsCircuitAlive
        arrived = now
    }

    package var circuit: CircuitKey? {
        switch state {
        case .waiting: nil
        case .connecting(let key, _), .connected(let key): key
        }
    }

    func need(_ wall: WallTime) -> PathNeed { PathNeed(purpose, now: wall, refusers: refusers) }

    /// Whether another circuit may do what this one could not.
    func mayTryAgain(after reason: EndReason, _ settings: PoolSettings) -> Bool {
        guard tries < settings.tryLimit else { return false }
        switch reason {
        case .misc: return failures <= settings.miscPauses.count
        case .exitPolicy, .resolveFailed, .timeout, .noRoute, .hibernating, .resourceLimit, .destroyed: return failures < settings.failureLimit
        case .connectionRefused, .done, .internalError, .connectionReset, .protocolViolation, .notDirectory: return false
        }
    }

    func connectTimeout(_ settings: PoolSettings) -> Instant.Span {
        settings.connectTimeouts[min(max(tries - 1, 0), settings.connectTimeouts.count - 1)]
    }
}

extension PooledStream {
    package var isConnected: Bool { if case .connected = state { true } else { false } }
}

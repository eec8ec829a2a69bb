import Ambience
import Directory
import Onion
import Paths
import Sealing
import Socks

@testable import Client

/// A pool under virtual time, with a network that does what the test says.
final class PoolHarness {
    static let start = WallTime("2026-11-21 12:00:00")!

    var pool: CircuitPool
    var moment = CircuitPool.Moment(now: .zero, wall: start)
    var random = SeededRandom(seed: 11)
    /// Every circuit that the pool asks for stands at once.
    var buildsAtOnce = true
    var effects: [PoolEffect] = []
    var lastStream = 0

    init(_ relays: [PathRelay] = PoolHarness.relays(8), policy: PathPolicy = PoolHarness.policy, _ change: (inout PoolSettings) -> Void = { _ in }) {
        var settings = PoolSettings()
        change(&settings)
        pool = CircuitPool(settings: settings, guards: GuardSample(), now: .zero)
        use(relays, policy: policy)
    }

    static var policy: PathPolicy {
        var policy = PathPolicy()
        policy.useEntryGuards = false
        return policy
    }

    static func relays(_ count: Int, lifeSeconds: Int64? = nil) -> [PathRelay] { (1...count).map { relay($0, lifeSeconds: lifeSeconds) } }

    static func relay(_ number: Int, policy: String = "accept 1-65535", lifeSeconds: Int64? = nil) -> PathRelay {
        let details = PathDetails(ed25519: nil, ntorKey: [UInt8](repeating: UInt8(number), count: 32), policy: PolicySummary(policy)!)
        return PathRelay(
            identity: RSAIdentity([UInt8](repeating: UInt8(number), count: 20))!, nickname: "relay\(number)", addresses: [SocketAddress("10.\(number).0.1:9001")!],
            flags: [.running, .valid, .fast, .stable, .guard, .exit, .v2Dir], bandwidth: 100, expires: lifeSeconds.map { start + $0 }, details: details)
    }

    func use(_ relays: [PathRelay], policy: PathPolicy = PoolHarness.policy) {
        pool.useNetwork(PathSelector(network: PathNetwork(relays: relays, weights: .even), policy: policy))
    }

    func advance(_ seconds: Int64) {
        moment.now = moment.now + .seconds(seconds)
        moment.wall = moment.wall + seconds
    }

    /// Settles until there is nothing more to do; returns all effects.
    @discardableResult
    func settle() -> [PoolEffect] {
        var all: [PoolEffect] = []
        for _ in 0..<50 {
            let new = pool.settle(at: moment, using: &random)
            all += new
            if new.isEmpty { break }
            if buildsAtOnce { for key in new.built { pool.circuitBuilt(key, at: moment) } }
        }
        effects += all
        return all
    }

    func arrive(_ port: UInt16 = 443, user: String? = nil, group: Int = 0, purpose: PathNeed.Purpose? = nil) -> StreamKey {
        lastStream += 1
        let key = StreamKey(rawValue: lastStream)
        var isolation = IsolationKey(group: group)
        isolation.credentials = user.map { .init(username: Array($0.utf8), password: []) }
        _ = pool.streamArrived(key, purpose ?? .port(port, isIPv6: false), isolation: isolation, at: moment)
        return key
    }

    /// A stream that arrives, is attached and connects; its circuit.
    func connect(_ port: UInt16 = 443, user: String? = nil) -> (stream: StreamKey, circuit: CircuitKey?) {
        let key = arrive(port, user: user)
        let circuit = settle().attached[key]
        pool.streamConnected(key)
        return (key, circuit)
    }

    func end(_ stream: StreamKey, _ reason: EndReason) -> StreamFailure? { pool.streamEnded(stream, reason, at: moment) }

    var building: [CircuitKey] { pool.circuits.filter { $0.value.isBuilding }.keys.sorted() }
}

extension [PoolEffect] {
    var built: [CircuitKey] { compactMap { if case .build(let key, _) = $0 { key } else { nil } } }
    var closed: [CircuitKey] { compactMap { if case .close(let key) = $0 { key } else { nil } } }
    var detached: [StreamKey] { compactMap { if case .detach(let key) = $0 { key } else { nil } } }
    var attached: [StreamKey: CircuitKey] {
        reduce(into: [:]) { if case .attach(let stream, let circuit) = $1 { $0[stream] = circuit } }
    }
    var failed: [StreamKey: StreamFailure] {
        reduce(into: [:]) { if case .fail(let stream, let failure) = $1 { $0[stream] = failure } }
    }
}

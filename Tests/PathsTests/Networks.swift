import Ambience
import Directory
import Sealing

@testable import Paths

/// Networks for these tests. Relay n has the fingerprint nn…nn, the nickname `relayn` and the address 10.n.0.1.
enum Networks {
    static let now = WallTime("2026-11-21 12:00:00")!
    static let weights = PathWeights([
        "Wgg": 7000, "Wgm": 7000, "Wgd": 3333, "Wmg": 3000, "Wme": 3000, "Wmd": 3333, "Wmm": 10000, "Weg": 3333, "Wee": 7000, "Wed": 3333, "Wem": 7000,
    ])
    static let all: RelayFlags = [.running, .valid, .fast, .stable, .guard, .exit]

    static func identity(_ number: Int) -> RSAIdentity { RSAIdentity([UInt8](repeating: UInt8(number), count: 20))! }

    static func relay(
        _ number: Int, _ flags: RelayFlags = all, bandwidth: UInt32 = 100, policy: String = "accept 1-65535", lifeSeconds: Int64? = nil,
        family: RelayFamily = RelayFamily()
    ) -> PathRelay {
        let details = PathDetails(
            ed25519: nil, ntorKey: [UInt8](repeating: UInt8(number), count: 32), policy: PolicySummary(policy)!, policy6: .rejectAll, family: family)
        return PathRelay(
            identity: identity(number), nickname: "relay\(number)", addresses: [SocketAddress("10.\(number).0.1:9001")!], flags: flags, bandwidth: bandwidth,
            expires: lifeSeconds.map { now + $0 }, details: details)
    }

    static func selector(_ relays: [PathRelay], weights: PathWeights = .even, _ change: (inout PathPolicy) -> Void = { _ in }) -> PathSelector {
        var policy = PathPolicy()
        policy.useEntryGuards = false
        change(&policy)
        return PathSelector(network: PathNetwork(relays: relays, weights: weights), policy: policy)
    }

    static let web = PathNeed(.port(443, isIPv6: false), now: now)
}

extension PathSelector {
    /// One path with a fresh sample.
    func once(_ need: PathNeed = Networks.web, seed: UInt64 = 1) throws(PathFailure) -> [PathRelay] {
        var guards = GuardSample()
        var random = SeededRandom(seed: seed)
        return try path(for: need, guards: &guards, using: &random)
    }

    /// The constraint that leaves no path.
    func failure(_ need: PathNeed = Networks.web) -> PathFailure? {
        do throws(PathFailure) {
            _ = try once(need)
            return nil
        } catch {
            return error
        }
    }
}

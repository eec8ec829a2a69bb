internal import Ambience

/// How many more motes may be started now, in all and with each provider.
///
/// A provider with which starts fail gets few, and then as many as twice those that came up of late: so an outage is met with a trickle, and its end
/// with a flow that doubles, never with everything at once. It is read off the ledger anew for each pass: a restart forgets nothing.
struct Ramp {
    /// How far back starts are looked at to judge a provider.
    private static let memorySeconds: Int64 = 300

    private struct Provider {
        var startsLately = 0, up = 0, failed = 0
    }

    private(set) var left: Int
    private var providers: [String: Provider] = [:]
    private let floor: Int

    init(_ ledger: Ledger, policy: FleetPolicy, now: WallTime) {
        floor = max(1, policy.startsPerMinute / 10)
        left = policy.startsPerMinute
        for record in ledger.records.values { count(record, now) }
        left = max(0, left - providers.values.reduce(0) { $0 + $1.startsLately })
    }

    private mutating func count(_ record: MoteRecord, _ now: WallTime) {
        let isGone = record.state.isGone
        guard let last = record.starts.last, now - last < Self.memorySeconds || isGone else { return }
        var provider = Provider()
        provider.startsLately = record.starts.count { now - $0 < 60 }
        if now - last < Self.memorySeconds {
            if record.hasComeUp { provider.up = 1 }
            provider.failed = record.starts.count - 1
        }
        if case .gone(let ending) = record.state, now - ending.since < Self.memorySeconds, [.refused, .failedStart].contains(ending.reason) { provider.failed += 1 }
        guard provider.startsLately + provider.up + provider.failed > 0 else { return }
        let name = record.lease.site.provider
        providers[name, default: Provider()].startsLately += provider.startsLately
        providers[name, default: Provider()].up += provider.up
        providers[name, default: Provider()].failed += provider.failed
    }

    private func left(_ provider: Provider) -> Int {
        provider.failed == 0 ? .max : max(floor, 2 * provider.up) - provider.startsLately
    }

    /// Providers with which nothing more is started for now.
    var closed: Set<String> { Set(providers.filter { left($0.value) <= 0 }.keys) }

    /// Takes one start, if there is one left.
    mutating func mayStart(_ name: String) -> Bool {
        guard left > 0, left(providers[name] ?? Provider()) > 0 else { return false }
        left -= 1
        providers[name, default: Provider()].startsLately += 1
        return true
    }
}

extension MoteRecord {
    /// Whether its last attempt came up.
    fileprivate var hasComeUp: Bool {
        switch state {
        case .running, .listed, .draining: true
        case .intended, .starting, .terminating, .gone: false
        }
    }
}

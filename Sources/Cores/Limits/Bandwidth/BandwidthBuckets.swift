package import Ambience

/// One direction's bytes of a whole node: those of everything, and apart from them those that are relayed for others.
package struct BandwidthBuckets: Sendable {
    private var total = BandwidthMeter()
    private var relayed = BandwidthMeter()

    package init() {}

    /// How often there was nothing.
    package var timesExhausted: UInt64 { total.timesExhausted &+ relayed.timesExhausted }

    /// Bytes that may be moved now; none when a bucket that counts is empty.
    package mutating func available(_ policy: BandwidthPolicy, isRelayed: Bool, now: Instant) -> Int {
        let all = policy.total.map { total.available($0, now: now) } ?? .max
        guard isRelayed, let rate = policy.relayed else { return all }
        return min(all, relayed.available(rate, now: now))
    }

    /// A bucket without a rate owes nothing, so that a rate that is set later begins anew.
    package mutating func spend(_ bytes: Int, _ policy: BandwidthPolicy, isRelayed: Bool) {
        if policy.total != nil { total.spend(bytes) }
        if isRelayed, policy.relayed != nil { relayed.spend(bytes) }
    }
}

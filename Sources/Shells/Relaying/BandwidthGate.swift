package import Ambience
package import Limits
internal import Loops
internal import Synchronization

/// The bytes that all loops of a relay may move together. Asked once per read or write of a link, and not at all without a limit.
package final class BandwidthGate: Sendable {
    private let reading = Mutex(BandwidthMeter())
    private let writing = Mutex(BandwidthMeter())

    package init() {}

    /// How often links had to wait, reading and writing; for the relay's report of overload (overload-ratelimits).
    package var timesExhausted: (read: UInt64, written: UInt64) {
        (reading.withLock { $0.timesExhausted }, writing.withLock { $0.timesExhausted })
    }

    func readable(_ rate: BandwidthPolicy.Rate, now: Instant) -> Int { reading.withLock { $0.available(rate, now: now) } }
    func writable(_ rate: BandwidthPolicy.Rate, now: Instant) -> Int { writing.withLock { $0.available(rate, now: now) } }
    func spend(read bytes: Int) { reading.withLock { $0.spend(bytes) } }
    func spend(written bytes: Int) { writing.withLock { $0.spend(bytes) } }
}

/// What one link may move, under the rate of all links and its own. Links to our own networks are not counted unless asked for.
struct LinkMeter {
    private var reading = BandwidthMeter()
    private var writing = BandwidthMeter()

    /// Bytes that may be read now.
    mutating func readable(_ policy: BandwidthPolicy, _ gate: BandwidthGate, isClient: Bool, now: Instant) -> Int {
        let own = isClient ? policy.perClient.map { reading.available($0, now: now) } : nil
        return min(own ?? .max, policy.total.map { gate.readable($0, now: now) } ?? .max)
    }

    /// Bytes that may be written now.
    mutating func writable(_ policy: BandwidthPolicy, _ gate: BandwidthGate, isClient: Bool, now: Instant) -> Int {
        let own = isClient ? policy.perClient.map { writing.available($0, now: now) } : nil
        return min(own ?? .max, policy.total.map { gate.writable($0, now: now) } ?? .max)
    }

    mutating func spend(read bytes: Int, _ gate: BandwidthGate) {
        reading.spend(bytes)
        gate.spend(read: bytes)
    }

    mutating func spend(written bytes: Int, _ gate: BandwidthGate) {
        writing.spend(bytes)
        gate.spend(written: bytes)
    }
}

extension OnionRouter {
    /// The link waits for bandwidth; it goes on within an interval, in the order in which links came to wait.
    func throttle(_ channel: Channel) {
        throttled.append(channel)
        guard refill == nil else { return }
        refill = loop.after(policy.bandwidth.interval) { [weak self] in self?.resumeThrottled() }
    }

    private func resumeThrottled() {
        refill = nil
        let turn = throttled
        throttled = []
        for channel in turn { channel.unthrottle() }
    }
}

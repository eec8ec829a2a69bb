package import Ambience
internal import Limits
internal import Loops
internal import Synchronization

/// The bytes that all loops of a relay may move together. Asked once per read or write of a socket, and not at all without a limit.
package final class BandwidthGate: Sendable {
    private let reading = Mutex(BandwidthBuckets())
    private let writing = Mutex(BandwidthBuckets())

    package init() {}

    /// How often somebody had to wait, reading and writing; for the relay's report of overload (overload-ratelimits).
    package var timesExhausted: (read: UInt64, written: UInt64) {
        (reading.withLock { $0.timesExhausted }, writing.withLock { $0.timesExhausted })
    }

    func readable(_ policy: BandwidthPolicy, isRelayed: Bool, now: Instant) -> Int { reading.withLock { $0.available(policy, isRelayed: isRelayed, now: now) } }
    func writable(_ policy: BandwidthPolicy, isRelayed: Bool, now: Instant) -> Int { writing.withLock { $0.available(policy, isRelayed: isRelayed, now: now) } }
    func spend(read bytes: Int, _ policy: BandwidthPolicy, isRelayed: Bool) { reading.withLock { $0.spend(bytes, policy, isRelayed: isRelayed) } }
    func spend(written bytes: Int, _ policy: BandwidthPolicy, isRelayed: Bool) { writing.withLock { $0.spend(bytes, policy, isRelayed: isRelayed) } }
}

/// What one link may move, under the rates of all and its own. Links to our own networks are not counted unless asked for.
struct LinkMeter {
    private var reading = BandwidthMeter()
    private var writing = BandwidthMeter()

    /// Bytes that may be read now.
    mutating func readable(_ policy: BandwidthPolicy, _ gate: BandwidthGate, isClient: Bool, now: Instant) -> Int {
        let own = isClient ? policy.perClient.map { reading.available($0, now: now) } : nil
        return min(own ?? .max, gate.readable(policy, isRelayed: true, now: now))
    }

    /// Bytes that may be written now.
    mutating func writable(_ policy: BandwidthPolicy, _ gate: BandwidthGate, isClient: Bool, now: Instant) -> Int {
        let own = isClient ? policy.perClient.map { writing.available($0, now: now) } : nil
        return min(own ?? .max, gate.writable(policy, isRelayed: true, now: now))
    }

    mutating func spend(read bytes: Int, _ policy: BandwidthPolicy, _ gate: BandwidthGate) {
        if policy.perClient != nil { reading.spend(bytes) }
        gate.spend(read: bytes, policy, isRelayed: true)
    }

    mutating func spend(written bytes: Int, _ policy: BandwidthPolicy, _ gate: BandwidthGate) {
        if policy.perClient != nil { writing.spend(bytes) }
        gate.spend(written: bytes, policy, isRelayed: true)
    }
}

/// Whoever waits for bandwidth.
protocol Throttled: AnyObject {
    /// Time has passed: there may be some again.
    func unthrottle()
}

extension OnionRouter {
    /// `waiting` goes on within an interval, in the order in which others came to wait.
    func throttle(_ waiting: any Throttled) {
        throttled.append(waiting)
        guard refill == nil else { return }
        refill = loop.after(policy.bandwidth.interval) { [weak self] in self?.resumeThrottled() }
    }

    private func resumeThrottled() {
        refill = nil
        let turn = throttled
        throttled = []
        for waiting in turn { waiting.unthrottle() }
    }
}

/// Connections of an exit to the world: under the rate of everything, not under that of what is relayed (as in stock tor).
extension OnionRouter {
    func isCountedOutside(isPrivate: Bool) -> Bool { !isPrivate || policy.bandwidth.countsPrivate }

    var mayNotReadOutside: Bool { policy.bandwidth.total != nil && settings.bandwidth.readable(policy.bandwidth, isRelayed: false, now: loop.now) == 0 }

    var writableOutside: Int { policy.bandwidth.total == nil ? .max : settings.bandwidth.writable(policy.bandwidth, isRelayed: false, now: loop.now) }

    func movedOutside(read bytes: Int) {
        statistics.bytesCountedRead &+= UInt64(bytes)
        if policy.bandwidth.total != nil { settings.bandwidth.spend(read: bytes, policy.bandwidth, isRelayed: false) }
    }

    func movedOutside(written bytes: Int) {
        statistics.bytesCountedWritten &+= UInt64(bytes)
        if policy.bandwidth.total != nil { settings.bandwidth.spend(written: bytes, policy.bandwidth, isRelayed: false) }
    }
}

/// A directory connection's bytes under the relay's rates; it lives on loop 0.
package final class DirectoryMeter: ByteMeter, Throttled {
    private unowned let router: OnionRouter
    private let isPrivate: Bool
    private var waiting: [() -> Void] = []

    package init(_ router: OnionRouter, peer: IPAddress) {
        self.router = router
        isPrivate = peer.isPrivate
    }

    private var policy: BandwidthPolicy { router.policy.bandwidth }
    private var isCounted: Bool { !isPrivate || policy.countsPrivate }

    package var readableBytes: Int { isCounted ? router.settings.bandwidth.readable(policy, isRelayed: true, now: router.loop.now) : .max }
    package var writableBytes: Int { isCounted ? router.settings.bandwidth.writable(policy, isRelayed: true, now: router.loop.now) : .max }

    package func moved(read: Int, written: Int) {
        guard isCounted else { return }
        router.statistics.bytesCountedRead &+= UInt64(read)
        router.statistics.bytesCountedWritten &+= UInt64(written)
        router.settings.bandwidth.spend(read: read, policy, isRelayed: true)
        router.settings.bandwidth.spend(written: written, policy, isRelayed: true)
    }

    package func wait(_ goOn: @escaping () -> Void) {
        if waiting.isEmpty { router.throttle(self) }
        waiting.append(goOn)
    }

    func unthrottle() {
        let turn = waiting
        waiting = []
        for goOn in turn { goOn() }
    }
}

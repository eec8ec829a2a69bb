package import Ambience
internal import Leasing
internal import Synchronization

/// This machine's clock, put right by what providers' answers say of the time, for all that decides when leases end.
///
/// A coordinator that starts with a wrong clock makes its first passes by it: providers have said nothing yet.
package final class FleetTime: TimeSource, Sendable {
    private let common = Mutex(CommonClock())

    package init() {}

    package var now: Instant { SystemTime().now }
    package var wall: WallTime { common.withLock { $0.now(SystemTime().wall) } }

    /// After an answer of `provider`, whose clock differs from this machine's by so much.
    func heard(_ skewSeconds: Int64?, from provider: String) { common.withLock { $0.heard(skewSeconds, from: provider) } }
}

package import Ambience
package import Directory
internal import Loops
package import Sealing

/// Finds out which relays can be reached: a link to the listed address must prove both identities (stock's reachability tests).
///
/// A new descriptor is tested at once, then again every period. A test that fails is repeated soon, ever later, so that a relay
/// that was slow to listen is not lost for a whole period.
package final class LinkWatch {
    /// What a test asks: open a link to the address and prove these identities.
    package struct Target: Equatable {
        package let rsa: RSAIdentity
        package let ed25519: Ed25519Identity
        package let address: SocketAddress
    }

    /// Tests under way at once; others wait for the next turn.
    static let parallelLimit = 64
    private static let firstRetry = Instant.Span.seconds(Int64(5))

    private struct Record {
        var target: Target
        var lastReachable: WallTime?
        var next: Instant
        var retry = LinkWatch.firstRetry
        var isUnderWay = false
    }

    private let time: any TimeSource
    /// Which of a relay's addresses is tested; relays without one are left out.
    private let address: (RouterDescriptor) -> SocketAddress?
    private let period: Instant.Span
    /// Opens a link and says whether the target proved itself.
    private let test: (Target, @escaping (Bool) -> Void) -> Void
    private var records: [RSAIdentity: Record] = [:]
    private var underWay = 0

    package init(
        time: any TimeSource, period: Instant.Span, address: @escaping (RouterDescriptor) -> SocketAddress? = { $0.address4 }, test: @escaping (Target, @escaping (Bool) -> Void) -> Void
    ) {
        self.time = time
        self.address = address
        self.period = period
        self.test = test
    }

    /// When a link to the relay's present address last proved its identities.
    package func lastReachable(_ relay: RSAIdentity) -> WallTime? { records[relay]?.lastReachable }

    /// A relay has a new descriptor: test it as soon as may be. A relay that moved or changed keys counts as never reached.
    ///
    /// - Parameter reached: when it was last reached there, as far as an earlier process knew.
    package func note(_ descriptor: RouterDescriptor, reached: WallTime? = nil) {
        guard let address = address(descriptor) else { return records[descriptor.rsa] = nil }
        let target = Target(rsa: descriptor.rsa, ed25519: descriptor.ed25519, address: address)
        if var record = records[descriptor.rsa], record.target == target {
            record.next = time.now
            record.retry = Self.firstRetry
            records[descriptor.rsa] = record
        } else {
            records[descriptor.rsa] = Record(target: target, lastReachable: reached, next: time.now)
        }
        turn()
    }

    /// Forgets relays that are gone.
    package func keep(_ isKnown: (RSAIdentity) -> Bool) { records = records.filter { isKnown($0.key) } }

    /// Starts the tests that are due. To be called every few seconds.
    package func turn() {
        let now = time.now
        let due = records.filter { !$0.value.isUnderWay && $0.value.next <= now }.sorted { $0.value.next < $1.value.next }
        for (relay, record) in due.prefix(max(0, Self.parallelLimit - underWay)) { start(relay, record.target) }
    }

    private func start(_ relay: RSAIdentity, _ target: Target) {
        records[relay]?.isUnderWay = true
        underWay += 1
        test(target) { [weak self] isReached in self?.finished(relay, target, isReached) }
    }

    private func finished(_ relay: RSAIdentity, _ target: Target, _ isReached: Bool) {
        underWay -= 1
        // The relay may have moved meanwhile: then its new record is not about this test.
        guard var record = records[relay], record.target == target else { return }
        record.isUnderWay = false
        if isReached {
            record.lastReachable = time.wall
            record.next = time.now + period
            record.retry = Self.firstRetry
        } else {
            record.next = time.now + record.retry
            record.retry = min(period, record.retry + record.retry)
        }
        records[relay] = record
    }
}

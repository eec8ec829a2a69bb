package import Ambience

/// How fast a relay may read and write on its links (tor(1), "BandwidthRate"). Each direction has buckets of its own.
package struct BandwidthPolicy: Equatable, Sendable {
    /// Bytes per second, and bytes at once after a silence.
    package struct Rate: Equatable, Sendable {
        package var rate: UInt64
        package var burst: UInt64

        /// What holds when both must: the lower.
        package init(rate: UInt64, burst: UInt64) {
            self.rate = rate
            self.burst = max(burst, 1)
        }
    }

    /// Rates from here on are no limit: it is what stock tor says when nobody says anything.
    package static let unlimited: UInt64 = 1 << 30

    /// Links, exits' connections and directory connections together; `nil` for as fast as they go.
    package var total: Rate?
    /// Of these, what is done for others: links and directory connections, not exits' connections (stock tor's notion of "relayed").
    package var relayed: Rate?
    /// Each link that is no relay's.
    package var perClient: Rate?
    /// Addresses of our own networks count too.
    package var countsPrivate = false
    /// How often links that had to wait are looked at.
    package var interval = Instant.Span.milliseconds(100)

    package init() {}

    package var isLimited: Bool { total != nil || relayed != nil || perClient != nil }
}

/// One direction's bytes under a rate. Bytes that were moved are paid for afterwards, so that no TLS record is cut:
/// the bucket may owe what one read of a link brings.
package struct BandwidthMeter: Sendable {
    private var bucket = TokenBucket()
    /// How often there was nothing.
    package private(set) var timesExhausted: UInt64 = 0

    package init() {}

    /// Bytes that may be moved now; none when the bucket is empty.
    package mutating func available(_ rate: BandwidthPolicy.Rate, now: Instant) -> Int {
        let tokens = bucket.available(rate: Double(rate.rate), burst: Double(rate.burst), now: now)
        if tokens < 1 { timesExhausted &+= 1 }
        return tokens < 1 ? 0 : Int(min(tokens, 1e15))
    }

    package mutating func spend(_ bytes: Int) { bucket.spend(Double(bytes)) }
}

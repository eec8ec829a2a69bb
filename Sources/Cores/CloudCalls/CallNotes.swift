package import Ambience

/// What an answer's head says about when to ask again and about the provider's clock. Numbers that make no sense count as not said.
package struct CallNotes: Equatable, Sendable {
    /// How many calls the account may make in one go.
    package var limit: Double?
    /// How many of them are left.
    package var remaining: Double?
    /// Seconds until the limit is whole again.
    package var resetSeconds: Int64?
    /// The provider's clock minus ours, in seconds.
    package var skewSeconds: Int64?

    package init(limit: Double? = nil, remaining: Double? = nil, resetSeconds: Int64? = nil, skewSeconds: Int64? = nil) {
        (self.limit, self.remaining, self.resetSeconds, self.skewSeconds) = (limit, remaining, resetSeconds, skewSeconds)
    }

    /// `RateLimit-Limit`, `-Remaining` and `-Reset` as Hetzner and DigitalOcean send them (the reset is a time), or as a number of seconds; `Date` as RFC 9110 has it.
    package init(_ headers: [String: String], now: WallTime) {
        limit = Self.count(headers["ratelimit-limit"])
        remaining = Self.count(headers["ratelimit-remaining"])
        skewSeconds = headers["date"].flatMap { WallTime(httpDate: $0) }.map { $0 - now }
        resetSeconds = headers["ratelimit-reset"].flatMap { Int64($0) }.map { value in
            min(max(0, value > Self.firstTime ? value - now.secondsSinceEpoch - (skewSeconds ?? 0) : value), Self.longestReset)
        }
    }

    /// What is larger is a time, not a number of seconds.
    private static let firstTime: Int64 = 1_000_000_000
    private static let longestReset: Int64 = 86400
    private static let largestLimit = 1_000_000

    private static func count(_ text: String?) -> Double? { text.flatMap { Int($0) }.flatMap { (0...largestLimit).contains($0) ? Double($0) : nil } }
}

/// How often a provider lets an account call, as far as its reference says; what its answers say replaces it.
package struct CallLimits: Equatable, Sendable {
    /// Calls in one go.
    package let burst: Double
    /// Calls that come back in every second.
    package let perSecond: Double

    package init(burst: Double, perSecond: Double) { (self.burst, self.perSecond) = (burst, perSecond) }
}

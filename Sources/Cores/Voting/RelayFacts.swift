package import Ambience
package import Directory
package import Sealing

/// What an authority knows about one relay when it gives out flags.
package struct RelayFacts: Equatable, Sendable {
    package var rsa: RSAIdentity
    package var nickname = ""
    package var address: IPAddress
    /// When its descriptor was made.
    package var published: WallTime
    /// Uptime that the descriptor claims, seconds at `published`.
    package var uptimeSeconds: Int64 = 0
    /// The smaller of the descriptor's rate and observed bandwidth, bytes a second.
    package var bandwidthBytes: UInt64 = 0
    /// The descriptor's observed bandwidth is not zero.
    package var hasObservedBandwidth = false
    package var isHibernating = false
    /// `tunnelled-dir-server`: answers directory requests inside circuits.
    package var hasTunnelledDirectory = false
    package var hasDirectoryPort = false
    package var wantsHSDir = false
    /// Allows at least a /8 on both ports 80 and 443.
    package var isGeneralExit = false
    /// When the descriptor says the relay ends.
    package var expires: WallTime?

    package var isAuthority = false
    /// This relay is the authority that votes.
    package var isOurselves = false
    package var isInvalid = false
    package var isBadExit = false
    package var isMiddleOnly = false
    /// Flags that the operator keeps from it.
    package var withheld: RelayFlags = []
    /// When a link test last passed; of a relay that is tested over IPv6 too, both.
    package var lastReachable: WallTime?
    /// Its IPv6 address, once a link test over it has passed.
    package var ipv6: SocketAddress?
    package var history = RelayHistory()

    package init(rsa: RSAIdentity, address: IPAddress, published: WallTime) {
        self.rsa = rsa
        self.address = address
        self.published = published
    }

    /// What its descriptor says. `allowsPrivate` is DirAllowPrivateAddresses.
    package init(_ descriptor: RouterDescriptor, allowsPrivate: Bool) {
        self.init(rsa: descriptor.rsa, address: descriptor.address, published: descriptor.published)
        nickname = descriptor.nickname
        uptimeSeconds = Int64(clamping: descriptor.uptimeSeconds)
        bandwidthBytes = min(UInt64(min(descriptor.bandwidth.rate, descriptor.bandwidth.observed)), Self.believedBandwidthBytes)
        hasObservedBandwidth = descriptor.bandwidth.observed > 0
        isHibernating = descriptor.isHibernating
        hasTunnelledDirectory = descriptor.isTunnelledDirectory
        hasDirectoryPort = descriptor.dirPort != 0
        wantsHSDir = descriptor.isHiddenServiceDirectory
        isGeneralExit = [80, 443].allSatisfy { descriptor.policy.acceptsSomeSlash8(port: $0, allowsPrivate: allowsPrivate) }
        expires = descriptor.expires
    }

    /// Nobody is believed to offer more without having been measured, bytes a second.
    package static let believedBandwidthBytes: UInt64 = 10_000_000

    /// Seconds the relay has been up at `now`, if it still is.
    func uptime(now: WallTime) -> Int64 { min(Self.believedUptimeSeconds, uptimeSeconds) + max(0, now - published) }
    /// A longer uptime than a century is nonsense that must not overflow sums.
    private static let believedUptimeSeconds: Int64 = 100 * 365 * 86400
    var bandwidthKilobytes: UInt64 { bandwidthBytes / 1000 }
}

/// How steadily a relay could be reached, as its authority saw it.
package struct RelayHistory: Equatable, Sendable {
    /// Share of the known time in which it was up, 0 to 1, weighted towards the recent past.
    package var weightedFractionalUptime: Double
    /// Seconds it has been known, weighted.
    package var timeKnownSeconds: Int64
    /// Mean time between failures, seconds.
    package var meanTimeBetweenFailuresSeconds: Double

    package init(weightedFractionalUptime: Double = 0, timeKnownSeconds: Int64 = 0, meanTimeBetweenFailuresSeconds: Double = 0) {
        self.weightedFractionalUptime = weightedFractionalUptime
        self.timeKnownSeconds = timeKnownSeconds
        self.meanTimeBetweenFailuresSeconds = meanTimeBetweenFailuresSeconds
    }
}

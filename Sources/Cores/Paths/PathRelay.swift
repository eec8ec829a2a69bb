package import Ambience
package import Directory
package import Sealing

/// What path selection knows of one listed relay: its consensus entry and, once fetched, its microdescriptor.
package struct PathRelay: Sendable {
    package var identity: RSAIdentity
    package var nickname: String
    /// IPv4 first.
    package var addresses: [SocketAddress]
    package var flags: RelayFlags
    /// The consensus weight, in kilobytes per second.
    package var bandwidth: UInt32
    /// Which subprotocols the relay speaks.
    package var protocols: ProtocolVersions
    /// When the mote ends; `nil` for a relay that advertises no end.
    package var expires: WallTime?
    /// `nil` while the microdescriptor is not known.
    package var details: PathDetails?
    /// The consensus before this one did not list it: other relays may not know it yet.
    package var isNew = false

    package init(
        identity: RSAIdentity, nickname: String, addresses: [SocketAddress], flags: RelayFlags, bandwidth: UInt32,
        protocols: ProtocolVersions = ProtocolVersions(), expires: WallTime? = nil, details: PathDetails? = nil
    ) {
        self.identity = identity
        self.nickname = nickname
        self.addresses = addresses
        self.flags = flags
        self.bandwidth = bandwidth
        self.protocols = protocols
        self.expires = expires
        self.details = details
    }

    package var isRunning: Bool { flags.isSuperset(of: [.running, .valid]) }
    package var isUsable: Bool { isRunning && details != nil && !addresses.isEmpty }

    /// Whether the relay is there for the next `seconds`, as far as it says.
    package func lives(_ seconds: Int64, from now: WallTime) -> Bool {
        guard let expires else { return true }
        return expires - now >= seconds
    }
}

/// What a microdescriptor adds. A class, because choosing a path looks at thousands of relays again and again.
package final class PathDetails: Sendable {
    package let ed25519: Ed25519Identity?
    package let ntorKey: [UInt8]
    package let policy: PolicySummary
    /// The `p6` line; missing means reject.
    package let policy6: PolicySummary
    package let family: RelayFamily

    package init(ed25519: Ed25519Identity?, ntorKey: [UInt8], policy: PolicySummary, policy6: PolicySummary = .rejectAll, family: RelayFamily = RelayFamily()) {
        self.ed25519 = ed25519
        self.ntorKey = ntorKey
        self.policy = policy
        self.policy6 = policy6
        self.family = family
    }
}

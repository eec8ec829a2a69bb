package import Ambience
internal import Directory
package import Sealing

/// What a path is for.
package struct PathNeed: Hashable, Sendable {
    package enum Purpose: Hashable, Sendable {
        /// Streams to a port, of a name or an IPv4 address or an IPv6 address.
        case port(UInt16, isIPv6: Bool)
        /// Lookups: any exit at all.
        case lookup
        /// Nothing outside the network: the last relay need not be an exit.
        case inside
        /// The directory of one relay, or of any mote on the mix: the path ends there.
        case directory(RSAIdentity?)
    }

    /// What motes on the mix list among the protocols that they speak. Authorities of whatever make copy what they do not know into the consensus,
    /// so clients, who have no descriptors, know those motes by signed word.
    package static let mixProtocol = "DustMix"
    package static let mixVersion: UInt8 = 1

    package var purpose: Purpose
    package var now: WallTime
    /// Exits that have refused this before.
    package var refusers: Set<RSAIdentity>

    package init(_ purpose: Purpose, now: WallTime, refusers: Set<RSAIdentity> = []) {
        self.purpose = purpose
        self.now = now
        self.refusers = refusers
    }

    package func isLongLived(_ policy: PathPolicy) -> Bool {
        guard case .port(let port, _) = purpose else { return false }
        return policy.longLivedPorts.contains(port)
    }

    /// Whether the relay, as an exit, would take it (by the summary of its policy).
    package func isServed(by relay: PathRelay) -> Bool {
        guard let details = relay.details else { return false }
        switch purpose {
        case .port(let port, let isIPv6): return (isIPv6 ? details.policy6 : details.policy).allows(port)
        case .lookup: return !details.policy.isRejectAll
        case .inside: return true
        case .directory(let identity): return relay.flags.contains(.v2Dir) && identity.map { $0 == relay.identity } ?? relay.protocols.supports(Self.mixProtocol, Self.mixVersion)
        }
    }
}

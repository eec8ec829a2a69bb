internal import Ambience
package import Directory

/// Whether a newer descriptor says nothing worth a change of everybody's microdescriptors (stock's rule of 0.4.9).
package enum CosmeticDifference {
    /// A descriptor that is newer by more than this is always worth storing, seconds.
    private static let longestSeconds: Int64 = 2 * 3600
    /// How far claimed uptime may drift from the clock, seconds.
    private static let uptimeDriftSeconds: Int64 = 6 * 3600

    package static func holds(between old: RouterDescriptor, and new: RouterDescriptor) -> Bool {
        isSameRelay(old, new) && isSameService(old, new) && isAlikeBandwidth(old, new) && new.published - old.published <= longestSeconds
            && isAlikeUptime(old, new)
    }

    private static func isSameRelay(_ a: RouterDescriptor, _ b: RouterDescriptor) -> Bool {
        a.address == b.address && a.orPort == b.orPort && a.dirPort == b.dirPort && a.ipv6 == b.ipv6 && a.nickname == b.nickname && a.rsa == b.rsa
            && a.ed25519 == b.ed25519 && a.ntorKey == b.ntorKey && a.onionKey == b.onionKey
    }

    private static func isSameService(_ a: RouterDescriptor, _ b: RouterDescriptor) -> Bool {
        a.platform == b.platform && a.contact == b.contact && a.isHibernating == b.isHibernating && a.policy == b.policy && a.ipv6Policy == b.ipv6Policy
            && a.isTunnelledDirectory == b.isTunnelledDirectory && a.isHiddenServiceDirectory == b.isHiddenServiceDirectory && a.family == b.family
            && a.familyIDs == b.familyIDs && a.protocolsText == b.protocolsText && a.expires == b.expires && a.market == b.market
    }

    private static func isAlikeBandwidth(_ a: RouterDescriptor, _ b: RouterDescriptor) -> Bool {
        a.bandwidth.rate == b.bandwidth.rate && a.bandwidth.burst == b.bandwidth.burst && a.bandwidth.observed >= b.bandwidth.observed / 2
            && b.bandwidth.observed >= a.bandwidth.observed / 2
    }

    private static func isAlikeUptime(_ a: RouterDescriptor, _ b: RouterDescriptor) -> Bool {
        let (before, after) = (Double(a.uptimeSeconds), Double(b.uptimeSeconds))
        let drift = abs(after - (before + Double(b.published - a.published)))
        return drift <= Double(uptimeDriftSeconds) || drift <= before * 0.05 || drift <= after * 0.05
    }
}

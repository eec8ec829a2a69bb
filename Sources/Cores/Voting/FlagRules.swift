package import Ambience
package import Directory

/// The authority options that flags depend on.
package struct FlagRules {
    /// Which relays get a flag regardless of what they are (`TestingDirAuthVoteExit` and its kind).
    package struct Grant {
        package var contains: (RelayFacts) -> Bool
        /// Relays outside the set lose the flag.
        package var isStrict: Bool

        package init(isStrict: Bool = false, contains: @escaping (RelayFacts) -> Bool) {
            self.contains = contains
            self.isStrict = isStrict
        }
    }

    package var isTestingNetwork = false
    /// AuthDirTestReachability: Running needs a passed link test.
    package var testsReachability = true
    /// A passed link test counts for this long.
    package var reachableSeconds: Int64 = 45 * 60
    package var listsBadExits = false
    package var listsMiddleOnly = false
    /// MinUptimeHidServDirectoryV2.
    package var minimumHSDirUptimeSeconds: Int64 = 96 * 3600
    /// AuthDirMaxServersPerAddr; 0 is no limit.
    package var maximumRelaysPerAddress = 2
    /// AuthDirFastGuarantee, bytes a second; 0 is none.
    package var fastGuaranteeBytes: UInt64 = 100 << 10
    /// AuthDirGuardBWGuarantee, bytes a second; 0 is none.
    package var guardBandwidthGuaranteeBytes: UInt64 = 2 << 20
    /// TestingMinExitFlagThreshold, bytes a second, in testing networks.
    package var testingMinimumExitBytes: UInt64 = 0
    /// TestingMinFastFlagThreshold, bytes a second, in testing networks.
    package var testingMinimumFastBytes: UInt64 = 0
    /// This authority has watched for long enough to say how stable relays are.
    package var hasEnoughHistory = false
    package var exitGrant: Grant?
    package var guardGrant: Grant?
    package var hsDirGrant: Grant?

    package init() {}

    /// What goes on the `known-flags` line: an authority that does not look after bad exits says nothing about them.
    package var knownFlags: RelayFlags {
        var known: RelayFlags = [.authority, .exit, .fast, .guard, .hsDir, .running, .stable, .staleDesc, .sybil, .v2Dir, .valid]
        if listsBadExits { known.insert(.badExit) }
        if listsMiddleOnly { known.insert(.middleOnly) }
        return known
    }

    /// Stock's defaults under `TestingTorNetwork 1`.
    package static var testingNetwork: FlagRules {
        var rules = FlagRules()
        rules.isTestingNetwork = true
        rules.minimumHSDirUptimeSeconds = 0
        rules.maximumRelaysPerAddress = 0
        return rules
    }

    /// A descriptor older than this gets StaleDesc.
    package static let staleSeconds: Int64 = 18 * 3600
    /// A descriptor older than this is left out of votes.
    package static let maximumAgeSeconds: Int64 = 24 * 3600

    /// Up, as far as this authority can tell: not hibernating, not past its advertised end, reached lately.
    package func isRunning(_ relay: RelayFacts, now: WallTime) -> Bool {
        if let expires = relay.expires, expires <= now { return false }
        if relay.isHibernating { return false }
        if relay.isOurselves || !testsReachability { return true }
        guard let reached = relay.lastReachable else { return false }
        return now - reached < reachableSeconds
    }

    /// Whether the relay takes part in medians and percentiles.
    func isActive(_ relay: RelayFacts, now: WallTime) -> Bool {
        guard now - relay.published <= Self.maximumAgeSeconds, !relay.isInvalid, isRunning(relay, now: now) else { return false }
        return relay.hasObservedBandwidth || (isTestingNetwork && testingMinimumExitBytes == 0)
    }
}

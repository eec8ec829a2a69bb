package import Ambience
package import Directory
internal import Sealing

/// Flags for all relays of one vote (dir-spec 3.4.2, with the rules of stock 0.4.9).
package struct FlagAssignment {
    package let thresholds: FlagThresholds
    private let rules: FlagRules
    private let sybils: Set<RSAIdentity>
    private let now: WallTime

    package init(_ relays: [RelayFacts], rules: FlagRules, now: WallTime) {
        self.rules = rules
        self.now = now
        sybils = Self.sybils(relays, rules: rules, now: now)
        thresholds = FlagThresholds(relays, rules: rules, excluding: sybils, now: now)
    }

    /// The flags of one of the relays this was made from.
    package func flags(of relay: RelayFacts) -> RelayFlags {
        guard !sybils.contains(relay.rsa) else { return relay.isAuthority ? [.authority, .sybil] : [.sybil] }
        var flags = basics(of: relay)
        if isFast(relay) { flags.insert(.fast) }
        if isStable(relay) { flags.insert(.stable) }
        if isGuard(relay, flags) { flags.insert(.guard) }
        if isHSDir(relay, flags) { flags.insert(.hsDir) }
        restrictToMiddle(relay, &flags)
        applyGrants(relay, &flags)
        return flags.subtracting(relay.withheld)
    }

    private func basics(of relay: RelayFacts) -> RelayFlags {
        var flags: RelayFlags = []
        if relay.isAuthority { flags.insert(.authority) }
        if rules.isRunning(relay, now: now) { flags.insert(.running) }
        if !relay.isInvalid { flags.insert(.valid) }
        if relay.hasTunnelledDirectory || relay.hasDirectoryPort { flags.insert(.v2Dir) }
        if relay.isGeneralExit { flags.insert(.exit) }
        if relay.isBadExit, rules.listsBadExits { flags.insert(.badExit) }
        if now - relay.published > FlagRules.staleSeconds { flags.insert(.staleDesc) }
        return flags
    }

    private func isFast(_ relay: RelayFacts) -> Bool { relay.bandwidthKilobytes >= thresholds.fastKilobytes }

    private func isStable(_ relay: RelayFacts) -> Bool {
        if thresholds.hasEnoughHistory {
            let between = relay.history.meanTimeBetweenFailuresSeconds
            return between >= thresholds.stableMTBFSeconds || between >= FlagThresholds.guaranteedMTBFSeconds
        }
        let uptime = relay.uptime(now: now)
        return uptime >= thresholds.stableUptimeSeconds || uptime >= FlagThresholds.guaranteedUptimeSeconds
    }

    private func isGuard(_ relay: RelayFacts, _ flags: RelayFlags) -> Bool {
        guard flags.isSuperset(of: [.fast, .stable]), relay.hasTunnelledDirectory else { return false }
        let guarantee = rules.guardBandwidthGuaranteeBytes
        let least = min(thresholds.guardKilobytesIncludingExits, thresholds.guardKilobytesExcludingExits)
        guard (guarantee > 0 && relay.bandwidthBytes >= guarantee) || relay.bandwidthKilobytes >= least else { return false }
        return relay.history.weightedFractionalUptime >= thresholds.guardWFU && relay.history.timeKnownSeconds >= thresholds.guardTimeKnownSeconds
    }

    private func isHSDir(_ relay: RelayFacts, _ flags: RelayFlags) -> Bool {
        relay.wantsHSDir && relay.hasTunnelledDirectory && flags.isSuperset(of: [.fast, .stable])
            && relay.uptime(now: now) >= rules.minimumHSDirUptimeSeconds && rules.isActive(relay, now: now)
    }

    private func restrictToMiddle(_ relay: RelayFacts, _ flags: inout RelayFlags) {
        guard relay.isMiddleOnly, rules.listsMiddleOnly else { return }
        flags.subtract([.exit, .guard, .hsDir, .v2Dir])
        flags.insert(.middleOnly)
        if rules.listsBadExits { flags.insert(.badExit) }
    }

    private func applyGrants(_ relay: RelayFacts, _ flags: inout RelayFlags) {
        let grants: [(RelayFlags, FlagRules.Grant?)] =
            rules.isTestingNetwork ? [(.exit, rules.exitGrant), (.guard, rules.guardGrant), (.hsDir, rules.hsDirGrant)] : [(.guard, rules.guardGrant)]
        for case (let flag, let grant?) in grants {
            if grant.contains(relay) { flags.insert(flag) } else if grant.isStrict { flags.remove(flag) }
        }
    }

    /// Relays beyond the limit on one address; authorities, running and fast relays are kept first.
    private static func sybils(_ relays: [RelayFacts], rules: FlagRules, now: WallTime) -> Set<RSAIdentity> {
        guard rules.maximumRelaysPerAddress > 0 else { return [] }
        func rank(_ relay: RelayFacts) -> (Int, Int, UInt64) {
            (relay.isAuthority ? 0 : 1, rules.isRunning(relay, now: now) ? 0 : 1, .max - relay.bandwidthKilobytes)
        }
        let groups = Dictionary(grouping: relays, by: \.address).values.map { group in
            group.sorted { rank($0) == rank($1) ? $0.rsa < $1.rsa : rank($0) < rank($1) }
        }
        return Set(groups.flatMap { $0.dropFirst(rules.maximumRelaysPerAddress) }.map(\.rsa))
    }
}

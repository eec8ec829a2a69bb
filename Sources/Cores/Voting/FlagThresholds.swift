package import Ambience
package import Sealing

/// What a relay must reach to be called Fast, Stable or Guard, computed from all relays of one vote (dir-spec 3.4.2).
package struct FlagThresholds: Equatable, Sendable {
    package private(set) var stableUptimeSeconds: Int64 = 0
    package private(set) var stableMTBFSeconds: Double = 0
    package private(set) var fastKilobytes: UInt64 = 0
    package private(set) var guardWFU: Double = 0
    package private(set) var guardTimeKnownSeconds: Int64 = 0
    package private(set) var guardKilobytesIncludingExits: UInt64 = 0
    package private(set) var guardKilobytesExcludingExits: UInt64 = 0
    package private(set) var hasEnoughHistory = false

    static let guaranteedUptimeSeconds: Int64 = 30 * 86400
    static let guaranteedMTBFSeconds: Double = 5 * 86400
    private static let guaranteedWFU = 0.98
    private static let guaranteedTimeKnownSeconds: Int64 = 8 * 86400
    private static let guardBandwidthFraction = 0.75
    /// Half the least bandwidth stock relays may offer; a lower Fast threshold is not taken from the 1/8 quantile.
    private static let leastFastKilobytes: UInt64 = 38
    private static let leastConsideredKilobytes: UInt64 = 4

    /// The thresholds over the relays that are active and not in `excluded`.
    package init(_ relays: [RelayFacts], rules: FlagRules, excluding excluded: Set<RSAIdentity>, now: WallTime) {
        let least = rules.isTestingNetwork ? rules.testingMinimumExitBytes / 1000 : Self.leastConsideredKilobytes
        let counted = relays.filter { rules.isActive($0, now: now) && !excluded.contains($0.rsa) && $0.bandwidthKilobytes >= least }
        hasEnoughHistory = rules.hasEnoughHistory
        stableUptimeSeconds = Tally.lowMedian(counted.map { $0.uptime(now: now) }) ?? 0
        stableMTBFSeconds = Tally.lowMedian(counted.map(\.history.meanTimeBetweenFailuresSeconds)) ?? 0
        setBandwidths(counted, rules: rules)
        setHistory(counted)
    }

    private mutating func setBandwidths(_ counted: [RelayFacts], rules: FlagRules) {
        let all = counted.map(\.bandwidthKilobytes).sorted()
        let nonExits = counted.filter { !$0.isGeneralExit || $0.isBadExit }.map(\.bandwidthKilobytes).sorted()
        if !all.isEmpty {
            fastKilobytes = all[all.count / 8]
            if fastKilobytes < Self.leastFastKilobytes { fastKilobytes = all[all.count / 4] }
        }
        guardKilobytesIncludingExits = Self.quantile(all)
        guardKilobytesExcludingExits = Self.quantile(nonExits)
        let minimum = rules.isTestingNetwork ? rules.testingMinimumFastBytes / 1000 : 0
        fastKilobytes = max(fastKilobytes, minimum)
        if rules.fastGuaranteeBytes > 0 { fastKilobytes = min(fastKilobytes, rules.fastGuaranteeBytes / 1000) }
    }

    private static func quantile(_ sorted: [UInt64]) -> UInt64 {
        sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * guardBandwidthFraction))]
    }

    private mutating func setHistory(_ counted: [RelayFacts]) {
        let known = counted.map(\.history.timeKnownSeconds).sorted()
        guardTimeKnownSeconds = min(known.isEmpty ? 0 : known[known.count / 8], Self.guaranteedTimeKnownSeconds)
        let familiar = counted.filter { $0.history.timeKnownSeconds >= guardTimeKnownSeconds }
        guardWFU = min(Tally.lowMedian(familiar.map(\.history.weightedFractionalUptime)) ?? 0, Self.guaranteedWFU)
    }

    /// What follows `flag-thresholds ` in a vote.
    package var line: String {
        "stable-uptime=\(stableUptimeSeconds) stable-mtbf=\(Int64(stableMTBFSeconds)) fast-speed=\(fastKilobytes * 1000)"
            + " guard-wfu=\(Decimals.fixed(guardWFU * 100, places: 3))% guard-tk=\(guardTimeKnownSeconds)"
            + " guard-bw-inc-exits=\(guardKilobytesIncludingExits * 1000) guard-bw-exc-exits=\(guardKilobytesExcludingExits * 1000)"
            + " enough-mtbf=\(hasEnoughHistory ? 1 : 0) ignoring-advertised-bws=0"
    }
}

/// Decimal fractions without a formatter.
enum Decimals {
    /// `value`, which is not negative and below 10^9, rounded to `places` digits behind the point.
    static func fixed(_ value: Double, places: Int) -> String {
        guard value.isFinite, value >= 0, value < 1e9 else { return "0." + String(repeating: "0", count: places) }
        var scale: Int64 = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = Int64((value * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
    }
}

package import Ambience
package import Sealing

/// One sampled guard (guard-spec 4.2), as the state file keeps it.
package struct GuardEntry: Hashable, Sendable {
    /// What we know from trying. Not kept across restarts.
    package enum Reachability: Hashable, Sendable {
        case unknown
        case reachable
        case unreachable(since: WallTime)
    }

    package let identity: RSAIdentity
    package let nickname: String
    /// Blurred, so that a stolen state file does not tell when its owner was online.
    package let sampled: WallTime
    /// Set at the first circuit through it.
    package var confirmed: WallTime?
    /// Since when no consensus lists it as a guard.
    package var unlisted: WallTime?
    /// The end that the mote advertised last.
    package var expires: WallTime?
    package var reachability = Reachability.unknown

    package init(identity: RSAIdentity, nickname: String, sampled: WallTime, expires: WallTime? = nil) {
        self.identity = identity
        self.nickname = nickname
        self.sampled = sampled
        self.expires = expires
    }

    /// Times of guard-spec appendix A, in seconds.
    private static let lifetimeSeconds: Int64 = 120 * 86400
    private static let confirmedLifetimeSeconds: Int64 = 60 * 86400
    private static let unlistedLimitSeconds: Int64 = 20 * 86400
    static let blurSeconds = lifetimeSeconds / 10

    /// Whether it has served its time, is gone for good, or has been gone for too long.
    func isOver(now: WallTime) -> Bool {
        if let expires, expires <= now { return true }
        if let unlisted, now - unlisted > Self.unlistedLimitSeconds { return true }
        if let confirmed, now - confirmed > Self.confirmedLifetimeSeconds { return true }
        return now - sampled > Self.lifetimeSeconds
    }

    /// Whether it may be tried: not after a recent failure.
    func isWorthTrying(now: WallTime, retrySeconds: Int64) -> Bool {
        guard case .unreachable(let since) = reachability else { return true }
        return now - since >= retrySeconds
    }
}

extension GuardEntry {
    /// The `Guard` line of stock's state file, without the keyword.
    func line(index: Int, confirmedIndex: Int?) -> String {
        var fields = ["in=default", "rsa_id=\(identity)", "nickname=\(nickname)", "sampled_on=\(Self.text(sampled))", "sampled_idx=\(index)"]
        if let unlisted { fields.append("unlisted_since=\(Self.text(unlisted))") }
        fields.append("listed=\(unlisted == nil ? 1 : 0)")
        if let confirmed, let confirmedIndex { fields += ["confirmed_on=\(Self.text(confirmed))", "confirmed_idx=\(confirmedIndex)"] }
        if let expires { fields.append("dust_expires=\(Self.text(expires))") }
        return fields.joined(separator: " ")
    }

    /// Reads such a line; `nil` when it is of another selection or lacks what identifies a guard.
    init?(line: some StringProtocol) {
        var fields: [Substring: String] = [:]
        for field in line.split(separator: " ") {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { fields[Substring(parts[0])] = String(parts[1]) }
        }
        guard fields["in"] == "default", let identity = fields["rsa_id"].flatMap({ RSAIdentity(hex: $0) }), let sampled = fields["sampled_on"].flatMap({ WallTime($0) })
        else { return nil }
        self.init(identity: identity, nickname: fields["nickname"] ?? "", sampled: sampled, expires: fields["dust_expires"].flatMap { WallTime($0) })
        confirmed = fields["confirmed_on"].flatMap { WallTime($0) }
        unlisted = fields["unlisted_since"].flatMap { WallTime($0) }
    }

    /// Stock writes ISO 8601 times without a zone here.
    private static func text(_ time: WallTime) -> String { String(time.rfc3339.dropLast()) }
}

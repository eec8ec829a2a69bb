package import Ambience

/// When a relay's descriptor is due for (another) upload (dir-spec.txt 2.1: what stock relays do).
package struct PublicationSchedule: Sendable {
    /// A descriptor that did not change is published again after this.
    package static let regularSeconds: Int64 = 18 * 3600
    /// After this a relay that the consensus does not list tries again.
    package static let absentSeconds: Int64 = 90 * 60
    /// Between two tries at the same authorities after a failure; in a testing network a second.
    private let retrySeconds: Int64
    private let firstAbsentSeconds: Int64

    private var published: WallTime?
    private var tried: WallTime?
    private var isChanged = true
    private var advertised: UInt64 = 0

    package init(isTesting: Bool) {
        retrySeconds = isTesting ? 2 : 60
        firstAbsentSeconds = isTesting ? 30 : Self.absentSeconds
    }

    /// Something in the descriptor is different.
    package mutating func change() { isChanged = true }

    /// - Parameters:
    ///   - isListed: whether the newest consensus has us; `nil` without a consensus.
    ///   - observed: bandwidth in bytes per second; a change by the factor two is worth an upload.
    package func isDue(at now: WallTime, isListed: Bool?, observed: UInt64) -> Bool {
        if let tried, now - tried < retrySeconds, now >= tried { return false }
        guard let published, !isChanged else { return true }
        let age = now - published
        if age < 0 || age >= Self.regularSeconds { return true }
        if isListed == false, age >= firstAbsentSeconds { return true }
        return age >= Self.bandwidthSeconds && (observed > 2 * advertised || observed < advertised / 2) && observed > Self.noticeableBandwidth
    }

    package mutating func began(at now: WallTime, observed: UInt64) {
        tried = now
        isChanged = false
        advertised = observed
    }

    /// At least one authority took it, or none did.
    package mutating func ended(at now: WallTime, isAccepted: Bool) {
        if isAccepted { published = now } else { isChanged = true }
    }

    private static let bandwidthSeconds: Int64 = 20 * 60
    private static let noticeableBandwidth: UInt64 = 50_000
}

internal import Ambience
internal import Directory
internal import Sealing

/// Who was listed by the last two consensuses, so that relays that have only just come can be told from others.
struct Listings {
    /// Empty until there were two.
    private(set) var earlier: Set<RSAIdentity> = []
    private var latest: Set<RSAIdentity> = []
    private var validAfter: WallTime?

    mutating func note(_ consensus: Consensus) {
        if let validAfter, consensus.validAfter <= validAfter { return }
        validAfter = consensus.validAfter
        earlier = latest
        latest = Set(consensus.entries.map(\.rsa))
    }
}

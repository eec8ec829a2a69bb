internal import Sealing

/// What the votes say about one relay: at most one entry of each vote.
struct EntryGroup {
    let rsa: RSAIdentity
    /// Index of the vote and its entry, in the order of votes.
    var listings: [(vote: Int, entry: VoteEntry)]
    /// How many votes list the Ed25519 identity that was agreed on.
    var ed25519Agreement = 0

    /// Relays that more than half of all authorities list, by RSA identity (dir-spec 3.8, the collation of method 22 and up).
    ///
    /// If more than half list the same pair of RSA and Ed25519 identity, votes for another pair of this RSA identity do not
    /// count for it; votes that name no Ed25519 identity do.
    static func collate(_ votes: [Vote], authorityCount: Int) -> [EntryGroup] {
        var listings: [RSAIdentity: [(vote: Int, entry: VoteEntry)]] = [:]
        for (index, vote) in votes.enumerated() {
            for entry in vote.entries { listings[entry.rsa, default: []].append((index, entry)) }
        }
        return listings.sorted { $0.key < $1.key }.compactMap { rsa, listings in
            let group = agreed(EntryGroup(rsa: rsa, listings: listings), majority: authorityCount / 2)
            return group.listings.count > authorityCount / 2 ? group : nil
        }
    }

    private static func agreed(_ group: EntryGroup, majority: Int) -> EntryGroup {
        var counts: [Ed25519Listing: Int] = [:]
        for listing in group.listings where listing.entry.ed25519 != .unlisted { counts[listing.entry.ed25519, default: 0] += 1 }
        guard let (winner, count) = counts.first(where: { $0.value > majority }) else { return group }
        var group = group
        group.listings.removeAll { $0.entry.ed25519 != winner && $0.entry.ed25519 != .unlisted }
        group.ed25519Agreement = count
        return group
    }
}

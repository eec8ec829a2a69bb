internal import Sealing

/// A mote that keeps mailboxes, as everybody sees it.
package struct BoxMote: Hashable, Sendable {
    /// 20 bytes: the relay's identity.
    package let identity: [UInt8]
    /// 32 bytes: its X25519 key for mail.
    package let mailKey: [UInt8]

    package init(identity: [UInt8], mailKey: [UInt8]) { (self.identity, self.mailKey) = (identity, mailKey) }
}

/// Which motes keep whose mailbox: those that a digest of both puts first (rendezvous hashing). Whoever knows the motes knows it without asking,
/// and a mote that comes or goes moves only the boxes that it has or gets.
package enum BoxPlaces {
    package static let copies = 3

    /// At most three; fewer when there are fewer motes.
    package static func of(_ address: BoxAddress, among motes: some Sequence<BoxMote>) -> [BoxMote] {
        let ranked = motes.map { (rank: Digest.sha256(Array("dust-box place".utf8) + address.key + $0.identity), mote: $0) }
        return ranked.sorted { $1.rank.lexicographicallyPrecedes($0.rank) }.prefix(copies).map(\.mote)
    }
}

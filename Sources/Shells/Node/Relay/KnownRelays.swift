internal import Ambience
internal import Directory
internal import Sealing

/// Whose exit streams an exit takes (RefuseUnknownExits): those of relays that the newest consensus lists.
struct KnownRelays: Sendable {
    /// From `fresh-until` on our consensus is outdated, and its successor reaches us seconds later. So long, a relay that ours lacks gets
    /// the benefit of the doubt: clients with the new one use it already, and where relays come and go by the minute a refusal fails them.
    static let newcomerGraceSeconds: Int64 = 60

    let validAfter: WallTime
    private let freshUntil: WallTime
    private let listed: Set<RSAIdentity>

    init(listed: some Sequence<RSAIdentity>, validAfter: WallTime, freshUntil: WallTime) {
        self.listed = Set(listed)
        self.validAfter = validAfter
        self.freshUntil = freshUntil
    }

    init(_ consensus: Consensus) {
        self.init(listed: consensus.entries.lazy.map(\.rsa), validAfter: consensus.validAfter, freshUntil: consensus.freshUntil)
    }

    func contains(_ relay: RSAIdentity) -> Bool { listed.contains(relay) }

    /// Whether exit streams may come from this relay.
    func admits(_ relay: RSAIdentity, at now: WallTime) -> Bool {
        contains(relay) || (freshUntil..<freshUntil + Self.newcomerGraceSeconds).contains(now)
    }
}

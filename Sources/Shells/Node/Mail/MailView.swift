internal import Ambience
internal import Directory
internal import DirectoryService
internal import Mixing
internal import Relaying
internal import Sealing

/// The motes with mail, as their descriptors have them: who holds packets, and how each is reached.
final class MailView {
    /// Motes that are still reached after they were last listed.
    private static let knownLimit = 16_384

    /// A relay fetches one within its interval, and then the descriptors that it lists.
    private static let consensusesUntilKnown: UInt64 = 2

    private let store: DirectoryStore
    private let own: RSAIdentity
    private var known: [MixID: RouterDescriptor] = [:]

    init(store: DirectoryStore, own: RSAIdentity) { (self.store, self.own) = (store, own) }

    /// Those that the newest consensus lists and that do not drain, with ourselves.
    /// - Parameter ourselves: as we publish it.
    func map(with ourselves: MixPeer?, layers: Int, at now: WallTime) -> MixMap {
        let consensus = store.consensus(.ns) ?? store.consensus(.microdesc), listed = Set(consensus?.entries.map(\.rsa) ?? [])
        let motes = store.descriptors.filter { $0.rsa != own && $0.mix != nil && listed.contains($0.rsa) }
        for mote in motes { if let id = MixID(mote.ed25519.bytes) { known[id] = mote } }
        if known.count > Self.knownLimit { known = known.filter { $0.value.expires.map { $0 > now } ?? listed.contains($0.value.rsa) } }
        var map = MixMap(motes.filter { !$0.isHibernating }.compactMap(MixPeer.init) + [ourselves].compactMap(\.self), layers: layers)
        map.spread = consensus.map { Self.consensusesUntilKnown * UInt64(max(0, $0.freshUntil - $0.validAfter)) * 1000 } ?? 0
        return map
    }

    /// How a mote is reached, listed or not any more.
    func target(_ id: MixID) -> HopTarget? {
        known[id].map { HopTarget(rsa: $0.rsa, ed25519: $0.ed25519, addresses: [$0.address4], ntorKey: $0.ntorKey) }
    }

    /// Motes that keep boxes: relay and key for mail.
    var boxes: [(identity: RSAIdentity, mailKey: [UInt8])] {
        store.descriptors.compactMap { mote in mote.mix.flatMap { $0.hasBoxes && !mote.isHibernating ? (mote.rsa, $0.publicKey) : nil } }
    }
}

extension MixPeer {
    /// A relay without an advertised end stays.
    fileprivate init?(_ mote: RouterDescriptor) {
        guard let mix = mote.mix, let id = MixID(mote.ed25519.bytes) else { return nil }
        let began = MixTime(mote.published - Int64(min(mote.uptimeSeconds, 1 << 40)))
        self.init(id: id, publicKey: mix.publicKey, began: began, ends: mote.expires.map(MixTime.init) ?? MixTime(milliseconds: .max), isExit: mix.isExit)
    }
}

extension MixTime {
    init(_ wall: WallTime) { self.init(milliseconds: UInt64(max(0, wall.secondsSinceEpoch)) * 1000) }
}

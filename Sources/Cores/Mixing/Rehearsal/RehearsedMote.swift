internal import Ambience

/// Names and keys for motes that exist in a rehearsal only.
enum RehearsedMotes {
    static func id(_ number: Int) -> MixID {
        guard let id = MixID([UInt8](repeating: 0, count: 24) + withUnsafeBytes(of: UInt64(number).bigEndian) { Array($0) }) else { preconditionFailure("that many bytes") }
        return id
    }

    /// Motes without keys that stay for good: enough for drawing ways.
    static func map(layers: Int, width: Int, gateways: Int) -> MixMap {
        func peers(_ first: Int, _ count: Int) -> [MixPeer] { (first..<first + count).map { MixPeer(id: id($0), publicKey: [], ends: MixTime(milliseconds: .max)) } }
        return MixMap(layers: (0..<layers).map { peers($0 * width, width) }, gateways: peers(layers * width, gateways))
    }
}

/// A mote in a rehearsal: its memory, and what it wrote to its disk before it acknowledged anything.
struct RehearsedMote {
    let peer: MixPeer
    let key: MixKey
    /// `nil` for a gateway.
    let layer: Int?
    let lane: Int
    var mix: MixMote
    /// Bundles of its predecessor's that are not whole yet.
    var bundles = LetterCollector()
    var predecessor: MixID?
    var isThere = true
    var downUntil = MixTime(milliseconds: 0)
    /// What part of all packets it drops though it took them.
    var drops = 0.0
    private var tagsOnDisk: [ReplayTag] = []
    private var heldOnDisk: [ReplayTag: [UInt8]] = [:]
    private var lastGone: HeldPacket?

    init(peer: MixPeer, key: MixKey, layer: Int?, lane: Int, layout: SphinxLayout) {
        (self.peer, self.key, self.layer, self.lane) = (peer, key, layer, lane)
        mix = MixMote(id: peer.id, key: key, layout: layout)
    }

    mutating func record(_ packet: HeldPacket) {
        tagsOnDisk.append(packet.tag)
        heldOnDisk[packet.tag] = packet.encoded
    }

    mutating func recordGone(_ packet: HeldPacket) {
        heldOnDisk[packet.tag] = nil
        lastGone = packet
    }

    /// Killed, after a packet had gone on and before that was recorded: what is in memory is lost, what is on the disk comes back.
    mutating func restart(_ layout: SphinxLayout, at now: MixTime) {
        if let lastGone { heldOnDisk[lastGone.tag] = lastGone.encoded }
        mix = MixMote(id: peer.id, key: key, layout: layout)
        mix.resume(tags: tagsOnDisk, held: heldOnDisk.values.sorted { $0.lexicographicallyPrecedes($1) }.compactMap { try? HeldPacket($0, layout) })
        downUntil = now
    }
}

internal import Bytes
internal import Sealing

/// What a mote that ends gives others: the packets that it holds, sealed as they are, and which letters it has had; cut into packets of the usual size. Both ends
/// show by their keys that they are who the map says.
package enum HandOver {
    package enum Goods: Hashable, Sendable {
        case held([HeldPacket])
        /// Letters that came whole where they end.
        case known([ParcelID])
    }

    private enum Kind: UInt8 { case held = 1, known }

    /// Held packets of one bundle, so that it can be cut like a letter.
    static func packetsPerBundle(_ layout: SphinxLayout) -> Int { (Fragment.letterLimit - proofBytes - 1) / (layout.packetBytes + HeldPacket.overheadBytes + 4) }

    private static let proofBytes = MixID.bytesCount + 32
    private static let info = Array("dust-mix-hand-over-2".utf8)

    /// Packets for the successor, which are not to be held.
    package static func packets(
        _ held: [HeldPacket], _ layout: SphinxLayout, from own: MixID, key: MixKey, to successor: MixPeer, fresh: Sphinx.Fresh
    ) throws(SphinxError) -> [[UInt8]] {
        var (packets, left) = ([[UInt8]](), held[...])
        while !left.isEmpty {
            let part = left.prefix(packetsPerBundle(layout))
            left = left.dropFirst(part.count)
            packets += try Self.packets(.held(Array(part)), layout, from: own, key: key, to: successor, fresh: fresh)
        }
        return packets
    }

    /// Packets for another mote, of goods that fit in one bundle.
    /// - Throws: `unusableRoute` for a mote whose key is none, `wrongLength` for too much.
    static func packets(_ goods: Goods, _ layout: SphinxLayout, from own: MixID, key: MixKey, to other: MixPeer, fresh: Sphinx.Fresh) throws(SphinxError) -> [[UInt8]] {
        let route = [MixHop(id: other.id, publicKey: other.publicKey, delayMilliseconds: 0)]
        guard let fragments = Fragment.cut(try bundle(goods, from: own, key: key, to: other), layout, parity: { _ in 0 }) else { throw .wrongLength }
        var packets: [[UInt8]] = []
        for fragment in fragments {
            packets.append(try Sphinx.packet(layout, route: route, to: other.id, payload: try MixPayload.handOver(fragment).encoded(layout), fresh: fresh))
        }
        return packets
    }

    private static func bundle(_ goods: Goods, from own: MixID, key: MixKey, to successor: MixPeer) throws(SphinxError) -> [UInt8] {
        var writer = ByteWriter()
        switch goods {
        case .held(let held):
            writer.u8(Kind.held.rawValue)
            for packet in held {
                let bytes = packet.encoded
                writer.u32(UInt32(bytes.count))
                writer.append(bytes)
            }
        case .known(let ids):
            writer.u8(Kind.known.rawValue)
            for id in ids { writer.append(id.bytes) }
        }
        guard let proof = proof(writer.bytes, key, successor.publicKey, from: own, to: successor.id) else { throw .unusableRoute }
        return own.bytes + proof + writer.bytes
    }

    /// What a bundle for `own` holds.
    /// - Parameter predecessor: the public key of a mote that may hand over to this one.
    /// - Throws: `wrongDigest` if it is not from such a mote, `wrongLength` if it makes no sense.
    package static func goods(
        in bundle: [UInt8], _ layout: SphinxLayout, to own: MixID, key: MixKey, predecessor: (MixID) -> [UInt8]?
    ) throws(SphinxError) -> Goods {
        guard bundle.count >= proofBytes, let from = MixID(bundle.prefix(MixID.bytesCount)) else { throw .wrongLength }
        let content = Array(bundle[proofBytes...])
        guard let publicKey = predecessor(from), let proof = proof(content, key, publicKey, from: from, to: own),
            Digest.equal(proof, bundle[MixID.bytesCount..<proofBytes])
        else { throw .wrongDigest }
        var reader = ByteReader(content)
        switch (try? reader.u8()).flatMap(Kind.init) {
        case .held: return .held(try held(&reader, layout))
        case .known: return .known(try known(&reader))
        case nil: throw .wrongLength
        }
    }

    private static func held(_ reader: inout ByteReader, _ layout: SphinxLayout) throws(SphinxError) -> [HeldPacket] {
        var held: [HeldPacket] = []
        while !reader.isAtEnd {
            guard let count = try? reader.u32(), let bytes = try? reader.slice(Int(count)) else { throw .wrongLength }
            held.append(try HeldPacket(bytes, layout))
        }
        return held
    }

    private static func known(_ reader: inout ByteReader) throws(SphinxError) -> [ParcelID] {
        var ids: [ParcelID] = []
        while !reader.isAtEnd {
            guard let id = (try? reader.slice(ParcelID.bytesCount)).flatMap({ ParcelID($0) }) else { throw .wrongLength }
            ids.append(id)
        }
        return ids
    }

    private static func proof(_ content: [UInt8], _ key: MixKey, _ other: [UInt8], from: MixID, to: MixID) -> [UInt8]? {
        guard var secret = key.agree(with: other) else { return nil }
        var digestKey = Digest.expandSHA256(secret: secret, info: info + from.bytes + to.bytes, count: 32)
        defer {
            secret.wipe()
            digestKey.wipe()
        }
        return Digest.hmacSHA256(key: digestKey, content)
    }
}

internal import Bytes
internal import Sealing

/// What a mote that ends gives its successor: the packets that it holds, sealed as they are, cut into packets of the usual size. Both ends show
/// by their keys that they are who the map says.
package enum HandOver {
    /// Held packets of one bundle, so that it can be cut like a letter.
    static func packetsPerBundle(_ layout: SphinxLayout) -> Int { (Fragment.letterLimit - proofBytes) / (layout.packetBytes + HeldPacket.overheadBytes + 4) }

    private static let proofBytes = MixID.bytesCount + 32
    private static let info = Array("dust-mix-hand-over-1".utf8)

    /// Packets for the successor, which are not to be held.
    package static func packets(
        _ held: [HeldPacket], _ layout: SphinxLayout, from own: MixID, key: MixKey, to successor: MixPeer, fresh: Sphinx.Fresh
    ) throws(SphinxError) -> [[UInt8]] {
        let route = [MixHop(id: successor.id, publicKey: successor.publicKey, delayMilliseconds: 0)]
        var (packets, left) = ([[UInt8]](), held[...])
        while !left.isEmpty {
            let part = left.prefix(packetsPerBundle(layout))
            left = left.dropFirst(part.count)
            for fragment in Fragment.cut(try bundle(Array(part), from: own, key: key, to: successor), layout, parity: { _ in 0 }) ?? [] {
                packets.append(try Sphinx.packet(layout, route: route, to: successor.id, payload: try MixPayload.handOver(fragment).encoded(layout), fresh: fresh))
            }
        }
        return packets
    }

    private static func bundle(_ held: [HeldPacket], from own: MixID, key: MixKey, to successor: MixPeer) throws(SphinxError) -> [UInt8] {
        var writer = ByteWriter()
        for packet in held {
            let bytes = packet.encoded
            writer.u32(UInt32(bytes.count))
            writer.append(bytes)
        }
        guard let proof = proof(writer.bytes, key, successor.publicKey, from: own, to: successor.id) else { throw .unusableRoute }
        return own.bytes + proof + writer.bytes
    }

    /// What a bundle for `own` holds.
    /// - Parameter predecessor: the public key of a mote that may hand over to this one.
    /// - Throws: `wrongDigest` if it is not from such a mote, `wrongLength` if it makes no sense.
    package static func held(
        in bundle: [UInt8], _ layout: SphinxLayout, to own: MixID, key: MixKey, predecessor: (MixID) -> [UInt8]?
    ) throws(SphinxError) -> [HeldPacket] {
        guard bundle.count >= proofBytes, let from = MixID(bundle.prefix(MixID.bytesCount)) else { throw .wrongLength }
        let content = Array(bundle[proofBytes...])
        guard let publicKey = predecessor(from), let proof = proof(content, key, publicKey, from: from, to: own),
            Digest.equal(proof, bundle[MixID.bytesCount..<proofBytes])
        else { throw .wrongDigest }
        var (reader, held) = (ByteReader(content), [HeldPacket]())
        while !reader.isAtEnd {
            guard let count = try? reader.u32(), let bytes = try? reader.slice(Int(count)) else { throw .wrongLength }
            held.append(try HeldPacket(bytes, layout))
        }
        return held
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

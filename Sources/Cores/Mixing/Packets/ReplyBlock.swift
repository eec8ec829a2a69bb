internal import Bytes
internal import Sealing

/// What lets somebody answer once without knowing whom: a header made beforehand, and a key for the payload.
package struct ReplyBlock: Hashable, Sendable {
    package static let bytesCount = SphinxLayout.replyBlockBytes

    private let header: [UInt8]
    package let firstHop: MixID
    private let payloadKey: [UInt8]

    init(header: [UInt8], firstHop: MixID, payloadKey: [UInt8]) { (self.header, self.firstHop, self.payloadKey) = (header, firstHop, payloadKey) }

    package var encoded: [UInt8] { header + firstHop.bytes + payloadKey }

    /// - Throws: `wrongLength`. Whether the header is good only its first hop can tell.
    package init(_ bytes: some Collection<UInt8>) throws(SphinxError) {
        var reader = ByteReader(Array(bytes))
        guard let header = try? reader.bytes(SphinxLayout.headerBytes), let id = (try? reader.slice(MixID.bytesCount)).flatMap({ MixID($0) }),
            let key = try? reader.bytes(AEZ.keyBytes + AEZ.nonceBytes), reader.isAtEnd
        else { throw .wrongLength }
        self.init(header: header, firstHop: id, payloadKey: key)
    }

    /// The packet with the reply, for the first hop.
    package func packet(_ layout: SphinxLayout, payload: [UInt8]) throws(SphinxError) -> [UInt8] {
        guard payload.count == layout.payloadBytes else { throw .wrongLength }
        var body = [UInt8](repeating: 0, count: SphinxLayout.zerosBytes) + payload
        AEZ.apply(.encipher, &body, key: Array(payloadKey.prefix(AEZ.keyBytes)), nonce: Array(payloadKey.suffix(AEZ.nonceBytes)))
        return header + body
    }
}

/// What reads the answer to one reply block; zeroed with it. Each hop deciphered the payload with its key, so all that is undone first.
package final class ReplyKeys {
    package let id: ReplyID
    private var material: [UInt8]

    private static let pieceBytes = AEZ.keyBytes + AEZ.nonceBytes

    /// - Parameter material: of each hop from the last to the first, and then of the block itself, the payload's key and nonce.
    init(id: ReplyID, material: [UInt8]) { (self.id, self.material) = (id, material) }

    /// Its number and keys, for a spool that nobody else reads.
    package var encoded: [UInt8] { id.bytes + material }

    package init?(_ bytes: [UInt8]) {
        guard let id = ReplyID(bytes.prefix(ReplyID.bytesCount)), bytes.count > ReplyID.bytesCount, (bytes.count - ReplyID.bytesCount) % Self.pieceBytes == 0 else { return nil }
        (self.id, material) = (id, Array(bytes.dropFirst(ReplyID.bytesCount)))
    }

    deinit { material.wipe() }

    /// - Throws: `damagedPayload` if it is not an answer to this block.
    package func open(_ sealed: [UInt8]) throws(SphinxError) -> [UInt8] {
        guard sealed.count >= SphinxLayout.zerosBytes else { throw .wrongLength }
        var body = sealed
        for start in stride(from: 0, to: material.count, by: Self.pieceBytes) {
            let isLast = start + Self.pieceBytes == material.count
            var key = Array(material[start..<start + AEZ.keyBytes])
            AEZ.apply(isLast ? .decipher : .encipher, &body, key: key, nonce: Array(material[start + AEZ.keyBytes..<start + Self.pieceBytes]))
            key.wipe()
        }
        return try SphinxPayload.checked(body)
    }
}

enum SphinxPayload {
    /// What stands behind the zeros.
    static func checked(_ body: [UInt8]) throws(SphinxError) -> [UInt8] {
        guard body.prefix(SphinxLayout.zerosBytes).reduce(0, |) == 0 else { throw .damagedPayload }
        return Array(body.dropFirst(SphinxLayout.zerosBytes))
    }
}

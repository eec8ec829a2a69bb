internal import Bytes

/// A packet that waits in a mote: what is left to do with it when its time has come.
package struct HeldPacket: Hashable, Sendable {
    package let tag: ReplayTag
    package let due: MixTime
    package let content: UnwrappedPacket.Content

    package init(tag: ReplayTag, due: MixTime, content: UnwrappedPacket.Content) { (self.tag, self.due, self.content) = (tag, due, content) }

    /// What a spool and a successor keep of it, at most this many bytes more than the packet: tag, time, kind, who, number of a reply, bytes.
    package static let overheadBytes = ReplayTag.bytesCount + 8 + 1 + MixID.bytesCount + ReplyID.bytesCount

    private enum Kind: UInt8 { case forward, arrived, reply }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.overheadBytes)
        writer.append(tag.bytes)
        writer.u64(due.milliseconds)
        switch content {
        case .forward(let mote, let packet): write(&writer, .forward, mote, [], packet)
        case .arrived(let mailbox, let payload): write(&writer, .arrived, mailbox, [], payload)
        case .reply(let mailbox, let id, let sealed): write(&writer, .reply, mailbox, id.bytes, sealed)
        }
        return writer.bytes
    }

    private func write(_ writer: inout ByteWriter, _ kind: Kind, _ who: MixID, _ id: [UInt8], _ bytes: [UInt8]) {
        writer.u8(kind.rawValue)
        writer.append(who.bytes)
        writer.append(id)
        writer.append(bytes)
    }

    /// - Throws: `wrongLength` for what no mote of this layout would have kept.
    package init(_ bytes: some Collection<UInt8>, _ layout: SphinxLayout) throws(SphinxError) {
        var reader = ByteReader(Array(bytes))
        guard let tag = (try? reader.slice(ReplayTag.bytesCount)).flatMap({ ReplayTag($0) }), let due = try? reader.u64(), let code = try? reader.u8(),
            let kind = Kind(rawValue: code), let who = (try? reader.slice(MixID.bytesCount)).flatMap({ MixID($0) }),
            let content = try? Self.content(kind, who, &reader, layout), reader.isAtEnd
        else { throw .wrongLength }
        self.init(tag: tag, due: MixTime(milliseconds: due), content: content)
    }

    private static func content(_ kind: Kind, _ who: MixID, _ reader: inout ByteReader, _ layout: SphinxLayout) throws -> UnwrappedPacket.Content {
        switch kind {
        case .forward: return .forward(to: who, packet: try reader.bytes(layout.packetBytes))
        case .arrived: return .arrived(mailbox: who, payload: try reader.bytes(layout.payloadBytes))
        case .reply:
            guard let id = ReplyID(try reader.slice(ReplyID.bytesCount)) else { throw SphinxError.wrongLength }
            return .reply(mailbox: who, id, sealed: try reader.bytes(layout.payloadBytes + SphinxLayout.zerosBytes))
        }
    }
}

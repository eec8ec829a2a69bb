internal import Bytes

/// What is in a packet for who it is for.
package enum MixPayload: Hashable, Sendable {
    /// Nothing; its number tells the mote that sent it to itself that it has come around.
    case cover(LoopID)
    /// Of a letter.
    case fragment(Fragment)
    /// Of the packets that a mote held when it ended.
    case handOver(Fragment)
    /// To a reply block.
    case answer([UInt8])

    private enum Kind: UInt8 { case cover, fragment, handOver, answer }

    /// What there is room for in an answer.
    package static func answerBytes(_ layout: SphinxLayout) -> Int { layout.payloadBytes - 5 }

    /// Padded to the payload of the layout.
    /// - Throws: `wrongLength` for more than there is room for.
    package func encoded(_ layout: SphinxLayout) throws(SphinxError) -> [UInt8] {
        var writer = ByteWriter(capacity: layout.payloadBytes)
        switch self {
        case .cover(let loop):
            writer.u8(Kind.cover.rawValue)
            writer.append(loop.bytes)
        case .fragment(let fragment):
            writer.u8(Kind.fragment.rawValue)
            fragment.write(to: &writer)
        case .handOver(let fragment):
            writer.u8(Kind.handOver.rawValue)
            fragment.write(to: &writer)
        case .answer(let bytes):
            writer.u8(Kind.answer.rawValue)
            writer.u32(UInt32(truncatingIfNeeded: bytes.count))
            writer.append(bytes)
        }
        guard writer.bytes.count <= layout.payloadBytes else { throw .wrongLength }
        writer.zeros(layout.payloadBytes - writer.bytes.count)
        return writer.bytes
    }

    /// - Throws: `damagedPayload`.
    package init(_ bytes: [UInt8], _ layout: SphinxLayout) throws(SphinxError) {
        guard bytes.count == layout.payloadBytes, let payload = try? Self.read(bytes, layout) else { throw .damagedPayload }
        self = payload
    }

    private static func read(_ bytes: [UInt8], _ layout: SphinxLayout) throws -> MixPayload? {
        var reader = ByteReader(bytes)
        switch Kind(rawValue: try reader.u8()) {
        case .cover: return LoopID(try reader.slice(LoopID.bytesCount)).map { .cover($0) }
        case .fragment: return Fragment(&reader, shareBytes: Fragment.shareBytes(layout)).map { .fragment($0) }
        case .handOver: return Fragment(&reader, shareBytes: Fragment.shareBytes(layout)).map { .handOver($0) }
        case .answer: return .answer(try reader.bytes(Int(try reader.u32())))
        case nil: return nil
        }
    }
}

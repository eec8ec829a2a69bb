internal import Bytes

/// PADDING_NEGOTIATE, a channel cell from client to guard (padding-spec "Connection-level padding").
package struct PaddingNegotiateMessage: Equatable, Sendable {
    private static let stop: UInt8 = 1
    private static let start: UInt8 = 2

    /// Whether padding shall flow.
    package var isStart: Bool
    /// Bounds of the idle time after which padding is sent; 0 leaves the choice to the consensus.
    package var lowMilliseconds: UInt16
    package var highMilliseconds: UInt16

    package init(isStart: Bool, lowMilliseconds: UInt16, highMilliseconds: UInt16) {
        self.isStart = isStart
        self.lowMilliseconds = lowMilliseconds
        self.highMilliseconds = highMilliseconds
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            guard try reader.u8() == 0 else { throw MessageError.unsupportedVersion }
            let command = try reader.u8()
            guard command == Self.start || command == Self.stop else { throw MessageError.unknownCommand }
            let low = try reader.u16()
            return PaddingNegotiateMessage(isStart: command == Self.start, lowMilliseconds: low, highMilliseconds: try reader.u16())
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 6)
        writer.u8(0)
        writer.u8(isStart ? Self.start : Self.stop)
        writer.u16(lowMilliseconds)
        writer.u16(highMilliseconds)
        return writer.bytes
    }
}

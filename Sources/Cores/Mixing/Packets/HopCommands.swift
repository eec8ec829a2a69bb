internal import Bytes

/// What a packet tells one hop to do with it.
package struct HopCommands: Hashable, Sendable {
    package enum Target: Hashable, Sendable {
        /// To another mote, which will find this digest right.
        case next(MixID, digest: [UInt8])
        /// It is here: for a mailbox, and for whom if it is a reply.
        case here(MixID, reply: ReplyID?)
    }

    /// How long to hold it, as the sender chose. Milliseconds.
    package var delayMilliseconds: UInt32
    package var target: Target

    package init(delayMilliseconds: UInt32, target: Target) { (self.delayMilliseconds, self.target) = (delayMilliseconds, target) }

    private enum Code: UInt8 {
        case end = 0x00
        case nextHop = 0x01
        case recipient = 0x02
        case reply = 0x03
        case delay = 0x80
    }

    /// A block of `SphinxLayout.hopBytes`, padded with zeros.
    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: SphinxLayout.hopBytes)
        if delayMilliseconds > 0 {
            writer.u8(Code.delay.rawValue)
            writer.u32(delayMilliseconds)
        }
        switch target {
        case .next(let mote, let digest):
            writer.u8(Code.nextHop.rawValue)
            writer.append(mote.bytes + digest)
        case .here(let mailbox, let reply):
            writer.u8(Code.recipient.rawValue)
            writer.append(mailbox.bytes)
            if let reply {
                writer.u8(Code.reply.rawValue)
                writer.append(reply.bytes)
            }
        }
        writer.zeros(SphinxLayout.hopBytes - writer.bytes.count)
        return writer.bytes
    }

    /// Each command once at most, in any order, then nothing but zeros; exactly one of next hop and recipient.
    package init(_ block: ArraySlice<UInt8>) throws(SphinxError) {
        guard let fields = try? Fields(block), (fields.next == nil) != (fields.recipient == nil), fields.reply == nil || fields.next == nil else { throw .badCommands }
        delayMilliseconds = fields.delay ?? 0
        if let (mote, digest) = fields.next {
            target = .next(mote, digest: digest)
        } else if let mailbox = fields.recipient {
            target = .here(mailbox, reply: fields.reply)
        } else {
            throw .badCommands
        }
    }

    private struct Fields {
        var delay: UInt32?
        var next: (MixID, [UInt8])?
        var recipient: MixID?
        var reply: ReplyID?

        init(_ block: ArraySlice<UInt8>) throws {
            var reader = ByteReader(block)
            while !reader.isAtEnd {
                switch (Code(rawValue: try reader.u8()), self) {
                case (.end, _):
                    guard reader.rest().allSatisfy({ $0 == 0 }) else { throw SphinxError.badCommands }
                case (.delay, let seen) where seen.delay == nil: delay = try reader.u32()
                case (.nextHop, let seen) where seen.next == nil:
                    guard let mote = MixID(try reader.slice(MixID.bytesCount)) else { throw SphinxError.badCommands }
                    next = (mote, try reader.bytes(SphinxLayout.digestBytes))
                case (.recipient, let seen) where seen.recipient == nil: recipient = MixID(try reader.slice(MixID.bytesCount))
                case (.reply, let seen) where seen.reply == nil: reply = ReplyID(try reader.slice(ReplyID.bytesCount))
                default: throw SphinxError.badCommands
                }
            }
        }
    }
}

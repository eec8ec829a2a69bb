internal import Bytes
internal import Sealing

package enum LetterOnMix: MixNameKind { package static let bytesCount = 16 }
/// A letter, or the part of it that goes to one place, from the gateway that took it to the one where it ends.
package typealias ParcelID = MixName<LetterOnMix>

/// A letter on its way between two gateways: sealed to the second, cut into shares, and known again however often it comes.
///
///     version 1 | id 16 | task 1, and 128 if passed on | blocks 1 | reply blocks 572 each | length 4 | content
package struct Parcel: Hashable, Sendable {
    package enum Task: UInt8, Sendable {
        /// To whom it is for, outside.
        case deliver
        /// Into boxes.
        case lay
        /// Of a gateway that ends: its successor shall send it.
        case send
        /// Likewise of a mote where letters end: what became of one of them, to be told by the blocks.
        case report

        /// It ends with somebody else than a gateway.
        package var isErrand: Bool { self == .deliver || self == .lay }
    }

    private static let version: UInt8 = 1
    private static let passedOnFlag: UInt8 = 128
    /// The first half for saying that the letter came, each by a way of its own; the rest for what becomes of it.
    package static let blocksLimit = 4
    /// What goes around a content at most, with the seal.
    package static let overheadBytes = 1 + ParcelID.bytesCount + 2 + blocksLimit * ReplyBlock.bytesCount + 4 + SealedBox.overheadBytes
    package static let contentLimit = Fragment.letterLimit - overheadBytes

    package let id: ParcelID
    package let task: Task
    /// It came whole where it should end, and that was said: that mote ends before somebody there has kept it.
    package let isPassedOn: Bool
    package let blocks: [ReplyBlock]
    package let content: [UInt8]

    package init(id: ParcelID, task: Task, isPassedOn: Bool = false, blocks: [ReplyBlock], content: [UInt8]) {
        precondition(blocks.count <= Self.blocksLimit)
        (self.id, self.task, self.isPassedOn, self.blocks, self.content) = (id, task, isPassedOn, blocks, content)
    }

    /// For saying that the letter came.
    package var receipts: ArraySlice<ReplyBlock> { blocks.prefix(isPassedOn ? 0 : blocks.count / 2) }
    /// For what becomes of it.
    package var ways: ArraySlice<ReplyBlock> { blocks.dropFirst(receipts.count) }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: content.count + Self.overheadBytes)
        writer.u8(Self.version)
        writer.append(id.bytes)
        writer.u8(task.rawValue | (isPassedOn ? Self.passedOnFlag : 0))
        writer.u8(UInt8(blocks.count))
        for block in blocks { writer.append(block.encoded) }
        writer.u32(UInt32(content.count))
        writer.append(content)
        return writer.bytes
    }

    /// - Throws: `damagedPayload` for what `encoded` would not have given.
    package init(_ bytes: [UInt8]) throws(SphinxError) {
        guard let parcel = try? Self.read(bytes) else { throw .damagedPayload }
        self = parcel
    }

    private static func read(_ bytes: [UInt8]) throws -> Parcel {
        var reader = ByteReader(bytes)
        guard try reader.u8() == version, let id = ParcelID(try reader.slice(ParcelID.bytesCount)) else { throw SphinxError.damagedPayload }
        let code = try reader.u8()
        guard let task = Task(rawValue: code & ~passedOnFlag) else { throw SphinxError.damagedPayload }
        let count = Int(try reader.u8())
        guard count <= blocksLimit else { throw SphinxError.damagedPayload }
        let blocks = try (0..<count).map { _ in try ReplyBlock(try reader.slice(ReplyBlock.bytesCount)) }
        let content = try reader.bytes(Int(try reader.u32()))
        guard reader.isAtEnd else { throw SphinxError.damagedPayload }
        return Parcel(id: id, task: task, isPassedOn: code & passedOnFlag != 0, blocks: blocks, content: content)
    }
}

/// What a gateway still has to send: as it lies in the spool, and for a successor.
package struct Errand: Hashable, Sendable {
    /// Longest `note`, in bytes.
    package static let noteLimit = 1_024

    /// `deliver` or `lay`.
    package let task: Parcel.Task
    /// When the first gateway took it.
    package let since: MixTime
    /// Once one is chosen.
    package var destination: Destination?
    /// For whoever gave it to us, if something comes back; it stays here.
    package let note: [UInt8]
    package let content: [UInt8]

    package init(task: Parcel.Task, since: MixTime, destination: Destination? = nil, note: [UInt8], content: [UInt8]) {
        precondition(task.isErrand && note.count <= Self.noteLimit)
        (self.task, self.since, self.destination, self.note, self.content) = (task, since, destination, note, content)
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: content.count + Self.noteLimit)
        writer.u8(task.rawValue)
        writer.u64(since.milliseconds)
        Destination.write(destination, to: &writer)
        writer.u16(UInt16(note.count))
        writer.append(note)
        writer.append(content)
        return writer.bytes
    }

    /// - Throws: `damagedPayload` for what `encoded` would not have given.
    package init(_ bytes: [UInt8]) throws(SphinxError) {
        guard let errand = try? Self.read(bytes) else { throw .damagedPayload }
        self = errand
    }

    private static func read(_ bytes: [UInt8]) throws -> Errand {
        var reader = ByteReader(bytes)
        guard let task = Parcel.Task(rawValue: try reader.u8()), task.isErrand else { throw SphinxError.damagedPayload }
        let since = MixTime(milliseconds: try reader.u64()), destination = try Destination.read(&reader), count = try reader.u16()
        guard count <= noteLimit else { throw SphinxError.damagedPayload }
        return Errand(task: task, since: since, destination: destination, note: try reader.bytes(Int(count)), content: Array(reader.rest()))
    }
}

/// What comes back by a reply block.
package enum ParcelAnswer: Hashable, Sendable {
    /// The letter is whole and on stable storage where it ends.
    case taken
    /// What became of it.
    case report([UInt8])

    package var encoded: [UInt8] {
        switch self {
        case .taken: [0]
        case .report(let bytes): [1] + bytes
        }
    }

    package init?(_ bytes: [UInt8]) {
        switch bytes.first {
        case 0 where bytes.count == 1: self = .taken
        case 1: self = .report(Array(bytes.dropFirst()))
        default: return nil
        }
    }
}

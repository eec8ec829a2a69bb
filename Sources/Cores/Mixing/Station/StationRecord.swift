internal import Bytes

/// What a station writes down, each under an id of its own that begins with one byte of its kind.
package enum StationRecord {
    /// Also the first byte of ids; other roles of a mote that use the same spool begin theirs with 16 and above.
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// A packet that waits; by its tag.
        case held = 1
        /// A packet that went on: its tag is kept.
        case gone
        /// A letter taken here: an errand.
        case outgoing
        /// Where a letter goes, and the keys that read the answers.
        case course
        /// A letter that came whole and is not delivered yet: a parcel.
        case arrived
        /// A letter that came whole, whatever became of it; when, and whether that is hearsay.
        case known
    }

    package enum Change: Hashable, Sendable {
        case put(Kind, id: [UInt8], payload: [UInt8])
        case remove(id: [UInt8])
    }

    /// A packet has one record as long as its tag is kept, whether it waits or went on.
    static func packet(_ tag: ReplayTag) -> [UInt8] { [Kind.held.rawValue] + tag.bytes }
    static func id(_ kind: Kind, _ parcel: ParcelID) -> [UInt8] { [kind.rawValue] + parcel.bytes }

    static func held(_ packet: HeldPacket) -> Change { .put(.held, id: Self.packet(packet.tag), payload: packet.encoded) }
    static func gone(_ tag: ReplayTag) -> Change { .put(.gone, id: packet(tag), payload: []) }
}

/// What a gateway remembers of a letter that it sent: how often, where to, and how to read what comes back.
struct Course {
    /// Those of twelve attempts, each with as many reply blocks as a parcel has.
    static let keysLimit = 12 * Parcel.blocksLimit

    var attempts = 0
    var destination: MixID?
    /// Of the errand, which goes before this.
    var note: [UInt8] = []
    /// Of the first attempts, by whose ways reports mostly come, and of the newest; those in between are forgotten.
    var keys: [ReplyKeys] = []

    init() {}

    mutating func remember(_ fresh: [ReplyKeys]) {
        keys += fresh
        if keys.count > Self.keysLimit { keys.removeSubrange(Self.keysLimit / 2..<Self.keysLimit / 2 + keys.count - Self.keysLimit) }
    }

    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.u8(UInt8(clamping: attempts))
        writer.u8(destination == nil ? 0 : 1)
        writer.append(destination?.bytes ?? [])
        writer.u16(UInt16(note.count))
        writer.append(note)
        for key in keys {
            let bytes = key.encoded
            writer.u16(UInt16(bytes.count))
            writer.append(bytes)
        }
        return writer.bytes
    }

    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let attempts = try? reader.u8(), let flag = try? reader.u8() else { return nil }
        self.attempts = Int(attempts)
        if flag == 1 { destination = (try? reader.slice(MixID.bytesCount)).flatMap { MixID($0) } }
        guard let count = try? reader.u16(), let note = try? reader.bytes(Int(count)) else { return nil }
        self.note = note
        while !reader.isAtEnd {
            guard let count = try? reader.u16(), let key = (try? reader.bytes(Int(count))).flatMap({ ReplyKeys($0) }) else { return nil }
            keys.append(key)
        }
    }
}

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
        /// Which shares of a letter have gone.
        case progress
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

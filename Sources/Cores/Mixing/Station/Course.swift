internal import Bytes

/// The gateway where a letter ends. It stays the same as long as that is there, for it knows what it has had; then its heirs do, whom its end determines.
package struct Destination: Hashable, Sendable {
    package let id: MixID
    /// When it is gone, as it said when it was chosen.
    package let ends: MixTime

    package init(id: MixID, ends: MixTime) { (self.id, self.ends) = (id, ends) }

    static func write(_ destination: Destination?, to writer: inout ByteWriter) {
        writer.u8(destination == nil ? 0 : 1)
        guard let destination else { return }
        writer.append(destination.id.bytes)
        writer.u64(destination.ends.milliseconds)
    }

    static func read(_ reader: inout ByteReader) throws -> Destination? {
        let flag = try reader.u8()
        guard flag <= 1 else { throw SphinxError.damagedPayload }
        guard flag == 1 else { return nil }
        guard let id = MixID(try reader.slice(MixID.bytesCount)) else { throw SphinxError.damagedPayload }
        return Destination(id: id, ends: MixTime(milliseconds: try reader.u64()))
    }
}

/// What a gateway remembers of a letter that it sent: how often, where to, and how to read what comes back.
struct Course {
    /// Those of twelve attempts, each with as many reply blocks as a parcel has.
    static let keysLimit = 12 * Parcel.blocksLimit

    /// What an attempt at sending is made of: the same letter cut again gives the same shares.
    struct Attempt {
        static let seedBytes = 32

        let seed: [UInt8]
        let motesPerLayer: Int
        let blocks: [ReplyBlock]
    }

    var attempts = 0
    var destination: Destination?
    /// The last one, until the letter has arrived.
    var attempt: Attempt?
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
        Destination.write(destination, to: &writer)
        writer.u16(UInt16(note.count))
        writer.append(note)
        writer.u8(attempt == nil ? 0 : 1)
        if let attempt { attempt.write(to: &writer) }
        for key in keys {
            let bytes = key.encoded
            writer.u16(UInt16(bytes.count))
            writer.append(bytes)
        }
        return writer.bytes
    }

    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        do {
            attempts = Int(try reader.u8())
            destination = try Destination.read(&reader)
            note = try reader.bytes(Int(try reader.u16()))
            if try reader.u8() == 1 { attempt = try Attempt(&reader) }
            while !reader.isAtEnd {
                guard let key = ReplyKeys(try reader.bytes(Int(try reader.u16()))) else { return nil }
                keys.append(key)
            }
        } catch { return nil }
    }
}

extension Course.Attempt {
    func write(to writer: inout ByteWriter) {
        writer.append(seed)
        writer.u16(UInt16(clamping: motesPerLayer))
        writer.u8(UInt8(blocks.count))
        for block in blocks { writer.append(block.encoded) }
    }

    init(_ reader: inout ByteReader) throws {
        seed = try reader.bytes(Self.seedBytes)
        motesPerLayer = Int(try reader.u16())
        var blocks: [ReplyBlock] = []
        for _ in 0..<(try reader.u8()) { blocks.append(try ReplyBlock(try reader.slice(ReplyBlock.bytesCount))) }
        self.blocks = blocks
    }
}

/// Which shares of a letter the first motes on their ways have.
struct LandedShares: Hashable {
    /// What the shares are called.
    let letter: [UInt8]
    private var bits: [UInt8] = []
    private(set) var count = 0

    init(letter: [UInt8]) { self.letter = letter }

    /// - Parameter place: as a fragment says it.
    func has(_ place: Int) -> Bool { place / 8 < bits.count && bits[place / 8] & 1 << (place % 8) != 0 }

    mutating func insert(_ place: Int) {
        guard !has(place) else { return }
        bits += [UInt8](repeating: 0, count: max(0, place / 8 + 1 - bits.count))
        bits[place / 8] |= 1 << (place % 8)
        count += 1
    }

    var encoded: [UInt8] { letter + bits }

    /// `nil` for what `encoded` would not have given.
    init?(_ payload: [UInt8]) {
        guard payload.count >= Fragment.letterIDBytes else { return nil }
        letter = Array(payload.prefix(Fragment.letterIDBytes))
        bits = Array(payload.dropFirst(Fragment.letterIDBytes))
        count = bits.reduce(0) { $0 + $1.nonzeroBitCount }
    }
}

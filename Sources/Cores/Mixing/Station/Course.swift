internal import Bytes

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
    var destination: MixID?
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
        writer.u8(destination == nil ? 0 : 1)
        writer.append(destination?.bytes ?? [])
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
        guard let attempts = try? reader.u8(), let flag = try? reader.u8() else { return nil }
        self.attempts = Int(attempts)
        if flag == 1 { destination = (try? reader.slice(MixID.bytesCount)).flatMap { MixID($0) } }
        guard let count = try? reader.u16(), let note = try? reader.bytes(Int(count)) else { return nil }
        self.note = note
        guard let hasAttempt = try? reader.u8() else { return nil }
        if hasAttempt == 1 {
            guard let attempt = try? Attempt(&reader) else { return nil }
            self.attempt = attempt
        }
        while !reader.isAtEnd {
            guard let count = try? reader.u16(), let key = (try? reader.bytes(Int(count))).flatMap({ ReplyKeys($0) }) else { return nil }
            keys.append(key)
        }
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

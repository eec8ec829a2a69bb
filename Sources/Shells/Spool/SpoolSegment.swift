internal import Ambience
internal import Bytes
internal import Sealing

/// One file of the log: a head, then records.
struct SpoolSegment: Sendable {
    private static let magic = Array("dust spool 1\r\n\0\0".utf8)
    /// Takes the place of the other when nothing in it counts any more.
    private static let voidMagic = Array("dust spool void\n".utf8)
    static let headBytes = magic.count + 8 + SegmentSeal.saltBytes + XChaCha20Poly1305.tagBytes
    /// What disks and kernels write whole or tear: where something is on stable storage, nothing else is written any more.
    static let pageBytes = 4_096
    /// No segment has as many records.
    private static let numbersLimit: UInt64 = 1 << 40

    let number: UInt64
    let seal: SegmentSeal
    let file: any SpoolFile

    static func name(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits + ".spool"
    }

    static func number(_ name: String) -> UInt64? {
        guard name.hasSuffix(".spool"), name.utf8.count == 22 else { return nil }
        return UInt64(name.dropLast(6), radix: 16)
    }

    /// A new file, which is there after lost power when this returns.
    static func create(_ number: UInt64, key: SecretBytes, on disk: any SpoolDisk) throws(FileError) -> SpoolSegment {
        let seal = SegmentSeal(key: key, segment: number, salt: SecureRandom.bytes(SegmentSeal.saltBytes))
        let file = try disk.create(name(number))
        do throws(FileError) {
            var head = ByteWriter(capacity: headBytes)
            head.append(magic)
            head.u64(number)
            head.append(seal.salt)
            head.append(seal.proof)
            try file.write(head.bytes, at: 0)
            try file.sync()
            try disk.syncFolder()
        } catch {
            try? disk.remove(name(number))
            throw error
        }
        return SpoolSegment(number: number, seal: seal, file: file)
    }

    enum Found {
        case segment(SpoolSegment)
        /// Written with another key, or its head cannot be read any more, without which nobody can read the rest.
        case foreign
        /// Lost power while it was made: nothing was ever in it.
        case unfinished
        /// Nothing in it counts, and it should be gone.
        case void(SpoolSegment)
    }

    static func open(_ number: UInt64, key: SecretBytes, on disk: any SpoolDisk) throws(FileError) -> Found {
        let file = try disk.open(name(number)), head = try file.read(headBytes, at: 0)
        guard head.count == headBytes else { return .unfinished }
        let salt = Array(head[(magic.count + 8)...].prefix(SegmentSeal.saltBytes))
        let segment = SpoolSegment(number: number, seal: SegmentSeal(key: key, segment: number, salt: salt), file: file)
        if head.starts(with: voidMagic) { return .void(segment) }
        guard Digest.equal(head.suffix(XChaCha20Poly1305.tagBytes), segment.seal.proof) else { return try file.size() > headBytes ? .foreign : .unfinished }
        return .segment(segment)
    }

    /// From when this returns nothing in it counts, even if the file is back after lost power.
    func makeVoid() throws(FileError) {
        try file.write(Self.voidMagic, at: 0)
        try file.sync()
    }

    /// Where the page begins that nothing before an offset lies in.
    static func page(after offset: Int) -> Int { (offset + pageBytes - 1) / pageBytes * pageBytes }

    /// Everything that can be read, in its order. Behind what cannot it goes on with the next page in which a record begins.
    ///
    /// - Returns: how often something in between could not be read.
    func scan(_ take: (_ record: Record, _ offset: Int) throws(FileError) -> Void) throws(FileError) -> Int {
        let size = try file.size()
        var offset = Self.headBytes, damages = 0, isDamaged = false
        while offset < size {
            if let record = try record(at: offset) {
                try take(record, offset)
                offset += record.bytes
                (damages, isDamaged) = (damages + (isDamaged ? 1 : 0), false)
            } else {
                if try !isBlank(at: offset) { isDamaged = true }
                offset = try follower(of: offset) ?? Self.page(after: offset + 1)
            }
        }
        return damages
    }

    /// The record behind one whose length can be read and whose content cannot.
    private func follower(of offset: Int) throws(FileError) -> Int? {
        guard let (head, count) = try head(at: offset), let number = number(head), number < Self.numbersLimit else { return nil }
        let next = offset + SpoolRecord.headBytes + count
        return try record(at: next) == nil ? nil : next
    }

    private func isBlank(at offset: Int) throws(FileError) -> Bool { try file.read(SpoolRecord.headBytes, at: offset).allSatisfy { $0 == 0 } }

    struct Record {
        let changes: [SpoolChange]
        let isRepeated: Bool
        let bytes: Int
    }

    /// What lies at an offset; `nil` where nothing whole does.
    func record(at offset: Int) throws(FileError) -> Record? {
        guard let (head, count) = try head(at: offset), let number = number(head), number < Self.numbersLimit else { return nil }
        let sealed = try file.read(count, at: offset + SpoolRecord.headBytes)
        guard sealed.count == count, let body = seal.open(head: head, number: number, sealed), let (changes, isRepeated) = SpoolRecord.decode(body) else { return nil }
        return Record(changes: changes, isRepeated: isRepeated, bytes: SpoolRecord.headBytes + count)
    }

    private func head(at offset: Int) throws(FileError) -> (head: [UInt8], count: Int)? {
        let head = try file.read(SpoolRecord.headBytes, at: offset)
        var reader = ByteReader(head)
        guard head.count == SpoolRecord.headBytes, let count = try? reader.u32(), count >= XChaCha20Poly1305.tagBytes,
            count <= SpoolRecord.bodyLimit + XChaCha20Poly1305.tagBytes
        else { return nil }
        return (head, Int(count))
    }

    private func number(_ head: [UInt8]) -> UInt64? {
        var reader = ByteReader(head[4...])
        return try? reader.u64()
    }
}

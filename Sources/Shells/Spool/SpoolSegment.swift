internal import Ambience
internal import Bytes
internal import Sealing

/// One file of the log: a head, then records.
struct SpoolSegment: Sendable {
    private static let magic = Array("dust spool 1\r\n\0\0".utf8)
    static let headBytes = magic.count + 8 + SegmentSeal.saltBytes + XChaCha20Poly1305.tagBytes

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
        /// Written with another key.
        case foreign
        /// Lost power while it was made: nothing was ever in it.
        case unfinished
    }

    static func open(_ number: UInt64, key: SecretBytes, on disk: any SpoolDisk) throws(FileError) -> Found {
        let file = try disk.open(name(number)), head = try file.read(headBytes, at: 0)
        guard head.count == headBytes, head.starts(with: magic) else { return .unfinished }
        let salt = Array(head[(magic.count + 8)...].prefix(SegmentSeal.saltBytes))
        let seal = SegmentSeal(key: key, segment: number, salt: salt)
        guard Digest.equal(head.suffix(XChaCha20Poly1305.tagBytes), seal.proof) else { return .foreign }
        return .segment(SpoolSegment(number: number, seal: seal, file: file))
    }

    /// What lies at an offset, and how long it is; `nil` where nothing whole does.
    func record(at offset: Int) throws(FileError) -> (changes: [SpoolChange], bytes: Int)? {
        guard let (head, count) = try head(at: offset), let number = number(head) else { return nil }
        let sealed = try file.read(count, at: offset + SpoolRecord.headBytes)
        guard sealed.count == count, let body = seal.open(head: head, number: number, sealed), let changes = SpoolRecord.decode(body) else { return nil }
        return (changes, SpoolRecord.headBytes + count)
    }

    /// Where the record behind a damaged one would begin.
    func next(after offset: Int) throws(FileError) -> Int? {
        try head(at: offset).map { offset + SpoolRecord.headBytes + $0.count }
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

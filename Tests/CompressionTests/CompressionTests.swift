import Ambience
import Compression
import Testing

@Suite("Compression")
struct CompressionTests {
    static let packing: [ContentCoding] = [.deflate, .gzip, .zstd]
    static let limit = 1 << 20

    /// Text with about the redundancy of a consensus, from a seed.
    private func text(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += Array("r relay\(UInt32.random(in: 0 ... .max, using: &random)) 2038-01-01 00:00:00 127.0.0.1 9001 0\n".utf8) }
        return Array(bytes.prefix(count))
    }

    private func failure(_ work: () throws(CompressionError) -> [UInt8]) -> CompressionError? {
        do throws(CompressionError) {
            _ = try work()
            return nil
        } catch { return error }
    }

    @Test("what is packed unpacks to the same bytes, and is smaller", arguments: packing)
    func roundTrip(coding: ContentCoding) throws {
        for effort in [ContentCoding.Effort.quick, .thorough] {
            for count in [0, 1, 1000, 300_000] {
                let plain = text(count, seed: 7)
                let packed = try coding.pack(plain, effort)
                #expect(try coding.unpack(packed, limitBytes: Self.limit) == plain)
                if count > 1000 { #expect(packed.count < count / 2) }
            }
        }
    }

    @Test("pieces of any size give the same result", arguments: packing)
    func pieces(coding: ContentCoding) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed: seed)
        let plain = text(200_000, seed: seed)
        var packer = try Packer(coding, .quick)
        var packed: [UInt8] = []
        var rest = plain[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...50_000, using: &random))
            rest = rest.dropFirst(piece.count)
            packed += try packer.write(piece, isLast: rest.isEmpty)
        }
        var unpacker = try Unpacker(coding, limitBytes: Self.limit)
        var found: [UInt8] = []
        var packedRest = packed[...]
        while !packedRest.isEmpty {
            let piece = packedRest.prefix(Int.random(in: 1...500, using: &random))
            packedRest = packedRest.dropFirst(piece.count)
            found += try unpacker.write(piece)
        }
        try unpacker.finish()
        #expect(found == plain, "seed \(seed)")
    }

    @Test("every stream that ends too early is refused", arguments: packing)
    func truncated(coding: ContentCoding) throws {
        let packed = try coding.pack(text(3000, seed: 1), .quick)
        for count in 0..<packed.count {
            #expect(failure { () throws(CompressionError) in try coding.unpack(Array(packed.prefix(count)), limitBytes: Self.limit) } == .truncated, "\(count) bytes")
        }
    }

    @Test("streams behind one another are one document; rubbish behind one is refused", arguments: packing)
    func concatenated(coding: ContentCoding) throws {
        let one = try coding.pack(Array("one\n".utf8), .quick)
        let two = try coding.pack(Array("two\n".utf8), .quick)
        #expect(try coding.unpack(one + two, limitBytes: Self.limit) == Array("one\ntwo\n".utf8))
        #expect(failure { () throws(CompressionError) in try coding.unpack(one + two.dropLast(), limitBytes: Self.limit) } == .truncated)
        #expect(failure { () throws(CompressionError) in try coding.unpack(one + [65, 66, 67, 68, 69], limitBytes: Self.limit) } == .corrupt)
        let many = Array(repeatElement(one, count: Unpacker.streamLimit + 1).joined())
        #expect(failure { () throws(CompressionError) in try coding.unpack(many, limitBytes: Self.limit) } == .corrupt)
    }

    @Test("a bomb is refused, in one stream and spread over several", arguments: packing)
    func bombs(coding: ContentCoding) throws {
        let plain = [UInt8](repeating: 65, count: 10 << 20)
        #expect(failure { () throws(CompressionError) in try coding.pack(plain, .quick) } == .bomb, "nobody would take it")
        var packer = try Packer(coding, .quick)
        let bomb = try packer.write(plain[...], isLast: true)
        #expect(failure { () throws(CompressionError) in try coding.unpack(bomb, limitBytes: 100 << 20) } == .bomb)
        let small = try coding.pack([UInt8](repeating: 65, count: Unpacker.bombFreeBytes), .quick)
        #expect(try coding.unpack(small, limitBytes: 100 << 20).count == Unpacker.bombFreeBytes)
        #expect(failure { () throws(CompressionError) in try coding.unpack(small + small, limitBytes: 100 << 20) } == .bomb)
    }

    @Test("no more comes out than the limit allows", arguments: ContentCoding.allCases)
    func limited(coding: ContentCoding) throws {
        let packed = try coding.pack(text(100_000, seed: 3), .quick)
        #expect(try coding.unpack(packed, limitBytes: 100_000).count == 100_000)
        #expect(failure { () throws(CompressionError) in try coding.unpack(packed, limitBytes: 99_999) } == .tooLarge(limitBytes: 99_999))
    }

    @Test("damaged bytes end in an error or in other bytes, never in a trap", arguments: packing)
    func damaged(coding: ContentCoding) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed: seed)
        let packed = try coding.pack(text(20_000, seed: seed), .quick)
        for _ in 0..<300 {
            var bytes = packed
            for _ in 0..<Int.random(in: 1...8, using: &random) { bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            let found = try? coding.unpack(bytes, limitBytes: Self.limit)
            #expect(found.map { $0.count <= Self.limit } ?? true, "seed \(seed)")
        }
    }

    @Test("codings are known by their HTTP names")
    func names() {
        #expect(ContentCoding(httpName: "x-zstd") == .zstd)
        #expect(ContentCoding(httpName: "Deflate") == .deflate)
        #expect(ContentCoding(httpName: "x-gzip") == .gzip)
        #expect(ContentCoding(httpName: "x-tor-lzma") == nil)
    }
}

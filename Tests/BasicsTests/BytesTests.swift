import Ambience
import Bytes
import Testing

@Suite("Hexadecimal and base64")
struct TextEncodingTests {
    @Test("come back as they went, whatever the length", arguments: [1, 2, 3] as [UInt64])
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for count in 0..<70 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(Hex.decode(Hex.lower(bytes)) == bytes && Hex.decode(Hex.upper(bytes)) == bytes, "seed \(seed)")
            #expect(Base64.decode(Base64.encode(bytes)) == bytes && Base64.decode(Base64.encode(bytes, padded: false)) == bytes, "seed \(seed)")
            #expect(Base64.decode(Base64.encodeLines(bytes)) == bytes, "seed \(seed)")
        }
    }

    @Test("base64 writes what RFC 4648 says")
    func base64Examples() {
        let examples = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=", "foobar": "Zm9vYmFy"]
        for (plain, text) in examples { #expect(Base64.encode(plain.utf8) == text) }
    }

    @Test("refuse what they did not write")
    func refusals() {
        for text in ["0", "abc", "0g", "+1", " 1", "é"] { #expect(Hex.decode(text) == nil, "\(text)") }
        for text in ["A", "AAAAA", "A===", "AA=A", "=", "AAA==", "Zg=", "Z-8=", "é"] { #expect(Base64.decode(text) == nil, "\(text)") }
        #expect(Base64.decode("Zm9v\nYmFy\r\n") == Array("foobar".utf8))
    }
}

@Suite("A byte reader")
struct ByteReaderTests {
    @Test("gives big-endian numbers and then says that it is at the end")
    func numbers() throws {
        var reader = ByteReader([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
        #expect(try reader.u8() == 1)
        #expect(try reader.u16() == 0x0203)
        #expect(try reader.u32() == 0x0405_0607)
        #expect(try reader.u64() == 0x0809_0A0B_0C0D_0E0F)
        #expect(reader.isAtEnd)
        #expect(throws: ByteError.truncated(needed: 1, had: 0)) { try reader.u8() }
    }

    @Test("takes nothing when there is not enough")
    func truncated() throws {
        var reader = ByteReader([1, 2, 3][1...])
        #expect(throws: ByteError.truncated(needed: 4, had: 2)) { try reader.u32() }
        #expect(throws: ByteError.truncated(needed: 3, had: 2)) { try reader.bytes(3) }
        #expect(throws: ByteError.truncated(needed: -1, had: 2)) { try reader.bytes(-1) }
        #expect(throws: ByteError.truncated(needed: 3, had: 2)) { try reader.bytes(until: 9) }
        #expect(reader.remaining == 2)
        #expect(Array(reader.rest()) == [2, 3])
    }

    @Test("splits at a terminator")
    func terminated() throws {
        var reader = ByteReader(Array("ab\0c".utf8))
        #expect(try reader.bytes(until: 0) == Array("ab".utf8))
        #expect(Array(reader.rest()) == Array("c".utf8))
    }

    @Test("reads what a writer wrote")
    func roundTrip() throws {
        var writer = ByteWriter()
        writer.u8(200)
        writer.u16(50_000)
        writer.u32(4_000_000_000)
        writer.u64(.max - 1)
        writer.append("text")
        writer.zeros(2)
        var reader = ByteReader(writer.bytes)
        #expect(try reader.u8() == 200)
        #expect(try reader.u16() == 50_000)
        #expect(try reader.u32() == 4_000_000_000)
        #expect(try reader.u64() == .max - 1)
        #expect(Array(reader.rest()) == Array("text\0\0".utf8))
    }
}

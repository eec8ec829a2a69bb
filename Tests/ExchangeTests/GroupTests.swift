import Exchange
import Sealing
import Testing

@Suite("The group and the hashes into it")
struct GroupTests {
    @Test("ristretto255 is RFC 9496's: multiples, 29 encodings that are none, and the one-way map")
    func group() throws {
        let vectors = try Vectors.load("rfc9496_ristretto255")
        for (factor, multiple) in try vectors.several("multiples_of_generator").enumerated().dropFirst() {
            let scalar = try #require(RistrettoScalar(canonical: [UInt8(factor)] + [UInt8](repeating: 0, count: 31)))
            #expect(RistrettoElement.generator(times: scalar).bytes == multiple)
            #expect(RistrettoElement(canonical: multiple)?.bytes == multiple)
        }
        let invalid = try vectors.list("invalid_encodings")
        #expect(invalid.count == 29)
        for encoding in invalid { #expect(RistrettoElement(canonical: try encoding.bytes("encoding")) == nil) }
        for map in try vectors.list("from_uniform_bytes") + vectors.list("from_uniform_bytes_same_output") {
            #expect(RistrettoElement(mapping: try map.bytes("input"))?.bytes == (try map.bytes("output")))
        }
    }

    @Test("the identity and wrong lengths are no elements, and zero, the order and wrong lengths no scalars")
    func refusals() {
        #expect(RistrettoElement(canonical: [UInt8](repeating: 0, count: 32)) == nil)
        #expect(RistrettoElement(canonical: [UInt8](repeating: 0, count: 31)) == nil)
        let order: [UInt8] = [
            0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ]
        for bytes in [order, [UInt8](repeating: 0, count: 32), [UInt8](repeating: 255, count: 32), [1], []] { #expect(RistrettoScalar(canonical: bytes) == nil) }
        #expect(RistrettoScalar(canonical: [order[0] - 1] + order[1...]) != nil)
        #expect(RistrettoScalar(reducing: order + [UInt8](repeating: 0, count: 32)) == nil)
    }

    @Test("messages are expanded with SHA-512 as RFC 9380 publishes it")
    func expansion() throws {
        let sets = try Vectors.load("rfc9380_expand_message").list("sets").map { try $0.object("vectors") }.filter { $0["hash"] as? String == "SHA512" }
        var count = 0
        for set in sets {
            for test in try set.list("tests") {
                let wanted = try test.bytes("uniform_bytes")
                #expect(Expansion.expand(Array(try test.text("msg").utf8), tag: Array(try set.text("DST").utf8), count: wanted.count) == wanted)
                count += 1
            }
        }
        #expect(count == 10)
    }
}

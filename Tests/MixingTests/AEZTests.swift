import Bytes
import Sealing
import Testing

@testable import Mixing

@Suite("AEZ")
struct AEZTests {
    static let ways = AEZ.hasInstructions ? [true, false] : [false]

    @Test("gives the published values for every shape of message, with the processor's rounds and without", arguments: ways, ["encrypt", "encrypt_no_ad"])
    func vectors(withInstructions: Bool, list: String) throws {
        for vector in try Vectors.list("aez_v5_subset", list) {
            let tag = try vector.number("tau"), plain = try vector.bytes("m") + [UInt8](repeating: 0, count: tag)
            let (key, nonce, associated, wanted) = (try vector.bytes("k"), try vector.bytes("nonce"), try vector.manyBytes("data"), try vector.bytes("c"))
            var bytes = plain
            AEZ.apply(.encipher, &bytes, key: key, nonce: nonce, associated: associated, tagBits: tag * 8, withInstructions: withInstructions)
            #expect(bytes == wanted, "\(plain.count) bytes")
            AEZ.apply(.decipher, &bytes, key: key, nonce: nonce, associated: associated, tagBits: tag * 8, withInstructions: withInstructions)
            #expect(bytes == plain, "\(plain.count) bytes")
        }
    }

    @Test("computes the same with the processor's rounds and without, at every length", .enabled(if: AEZ.hasInstructions))
    func bothWays() {
        var random = SeededBytes(seed: 1)
        for count in Array(32...700) + [2_606, 28_704] {
            let (plain, key, nonce) = (random(count), random(48), random(16))
            var (fast, slow) = (plain, plain)
            AEZ.apply(.encipher, &fast, key: key, nonce: nonce, withInstructions: true)
            AEZ.apply(.encipher, &slow, key: key, nonce: nonce, withInstructions: false)
            #expect(fast == slow, "\(count) bytes")
        }
    }

    @Test("leaves what stands before the start alone")
    func start() {
        var random = SeededBytes(seed: 2)
        let (plain, key, nonce) = (random(100), random(48), random(16))
        var (part, whole) = (plain, Array(plain[40...]))
        AEZ.apply(.encipher, &part, from: 40, key: key, nonce: nonce)
        AEZ.apply(.encipher, &whole, key: key, nonce: nonce)
        #expect(part == plain[..<40] + whole)
    }

    @Test("one bit changed changes half of all others, wherever it is")
    func avalanche() {
        var random = SeededBytes(seed: 3)
        let (plain, key, nonce) = (random(333), random(48), random(16))
        var sealed = plain
        AEZ.apply(.encipher, &sealed, key: key, nonce: nonce)
        for bit in stride(from: 0, to: sealed.count * 8, by: 61) {
            var changed = sealed
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            AEZ.apply(.decipher, &changed, key: key, nonce: nonce)
            let different = zip(changed, plain).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
            #expect((1_100...1_560).contains(different), "\(different) of 2664 bits")
        }
    }
}

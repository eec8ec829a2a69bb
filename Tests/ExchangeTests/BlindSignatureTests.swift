import Exchange
import Sealing
import Testing

@Suite("Blind RSA signatures")
struct BlindSignatureTests {
    @Test("all four variants are RFC 9474's, bit for bit")
    func published() throws {
        let vectors = try Vectors.load("rfc9474_rsabssa_sha384").list("vectors")
        #expect(vectors.count == 4)
        for vector in vectors {
            let key = try #require(RawRSA.key(n: try vector.bytes("n"), e: try vector.bytes("e"), d: try vector.bytes("d"), p: try vector.bytes("p"), q: try vector.bytes("q")))
            let message = try vector.bytes("input_msg"), salt = vector["salt"] == nil ? [] : try vector.bytes("salt")
            let scheme = BlindSignature(saltBytes: Int(try #require(try vector.bytes("sLen").last)))
            let inverse = try vector.bytes("inv"), wide = [UInt8](repeating: 0, count: 16) + RawRSA.inverse(inverse, try vector.bytes("n"))
            let blind = try #require(RSABlind(reducing: SecretBytes(wide), of: key.publicKey))
            let blinded = try #require(scheme.blind(message, salt: salt, with: blind, for: key.publicKey))
            #expect(blinded == (try vector.bytes("blinded_msg")))
            let signed = try #require(key.signBlock(blinded))
            #expect(signed == (try vector.bytes("blind_sig")))
            #expect(scheme.finalize(message, signed: signed, blind: blind, key: key.publicKey) == (try vector.bytes("sig")))
            #expect(!key.publicKey.verifyPSS(try vector.bytes("sig"), of: message + [0], saltBytes: scheme.saltBytes))
        }
    }

    @Test("blocks that are too long, too short or not below the modulus are refused")
    func refusals() throws {
        let key = RSAKey.generateLocked(bits: 2048)
        let blind = try #require(RSABlind(reducing: .random(272), of: key.publicKey))
        for block in [[], [UInt8](repeating: 1, count: 255), [UInt8](repeating: 1, count: 257), [UInt8](repeating: 255, count: 256)] {
            #expect(key.signBlock(block) == nil)
            #expect(key.publicKey.applyBlock(block) == nil)
            #expect(key.publicKey.blind(block, with: blind) == nil)
        }
        #expect(key.publicKey.blind([UInt8](repeating: 0, count: 256), with: blind) == nil)
        #expect(RSABlind(reducing: SecretBytes([UInt8](repeating: 0, count: 272)), of: key.publicKey) == nil)
        #expect(BlindSignature.deterministic.encode([1], salt: [1], for: key.publicKey) == nil)
    }

    @Test("an answer that is not the signature of what was sent gives no token")
    func wrongAnswer() throws {
        let (key, other) = (RSAKey.generateLocked(bits: 2048), RSAKey.generateLocked(bits: 2048))
        let blind = try #require(RSABlind(reducing: .random(272), of: key.publicKey))
        let blinded = try #require(BlindSignature.deterministic.blind([1, 2], salt: [UInt8](repeating: 7, count: 48), with: blind, for: key.publicKey))
        let signed = try #require(key.signBlock(blinded))
        #expect(BlindSignature.deterministic.finalize([1, 2], signed: signed, blind: blind, key: key.publicKey) != nil)
        #expect(BlindSignature.deterministic.finalize([1, 3], signed: signed, blind: blind, key: key.publicKey) == nil)
        #expect(BlindSignature.deterministic.finalize([1, 2], signed: signed.reversed(), blind: blind, key: key.publicKey) == nil)
        #expect(BlindSignature.deterministic.finalize([1, 2], signed: signed, blind: blind, key: other.publicKey) == nil)
    }
}

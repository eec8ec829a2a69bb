import Bytes
import Exchange
import Sealing
import Testing

@Suite("VOPRF(ristretto255, SHA-512)")
struct VOPRFTests {
    @Test("keys, blinded elements, evaluations, proofs and outputs are RFC 9497's, bit for bit")
    func published() throws {
        let suite = try #require(try Vectors.load("rfc9497_ristretto255_sha512").list("suites").first { $0["modeName"] as? String == "VOPRF" })
        let key = try #require(VOPRFKey(seed: SecretBytes(try suite.bytes("seed")), info: try suite.bytes("keyInfo")))
        #expect(key.copy == (try suite.bytes("skSm")))
        #expect(key.publicKey.bytes == (try suite.bytes("pkSm")))
        let vectors = try suite.list("vectors")
        #expect(vectors.count == 3)
        for vector in vectors {
            let (inputs, outputs) = (try vector.several("Input"), try vector.several("Output"))
            let blinds = try vector.several("Blind").map { try #require(RistrettoScalar(canonical: $0)) }
            let blinded = try zip(inputs, blinds).map { try #require(VOPRF.blind($0, with: $1)) }
            #expect(blinded.map(\.bytes) == (try vector.several("BlindedElement")))
            let proof = try vector.object("Proof")
            let nonce = try #require(RistrettoScalar(canonical: try proof.bytes("r")))
            let evaluation = try #require(key.evaluate(blinded, nonce: nonce))
            #expect(evaluation.elements.map(\.bytes) == (try vector.several("EvaluationElement")))
            #expect(evaluation.proof.bytes == (try proof.bytes("proof")))
            #expect(evaluation.proof.verify(key.publicKey, blinded: blinded, evaluated: evaluation.elements))
            for index in inputs.indices {
                #expect(VOPRF.finalize(inputs[index], blind: blinds[index], evaluated: evaluation.elements[index]) == outputs[index])
                #expect(key.verify(outputs[index], of: inputs[index]))
            }
        }
    }

    @Test("a proof with any bit changed, of other elements or of another key is refused")
    func tampered() throws {
        let (key, other) = (VOPRFKey(), VOPRFKey())
        let blinded = try (0..<3).map { try #require(VOPRF.blind([$0], with: .random())) }
        let evaluation = try #require(key.evaluate(blinded))
        #expect(evaluation.proof.verify(key.publicKey, blinded: blinded, evaluated: evaluation.elements))
        #expect(!evaluation.proof.verify(other.publicKey, blinded: blinded, evaluated: evaluation.elements))
        #expect(!evaluation.proof.verify(key.publicKey, blinded: blinded.reversed(), evaluated: evaluation.elements))
        #expect(!evaluation.proof.verify(key.publicKey, blinded: blinded, evaluated: evaluation.elements.dropLast()))
        let mixed = [evaluation.elements[0], evaluation.elements[1], try #require(other.evaluate([blinded[2]])).elements[0]]
        #expect(!evaluation.proof.verify(key.publicKey, blinded: blinded, evaluated: mixed))
        for bit in stride(from: 0, to: 512, by: 7) {
            var bytes = evaluation.proof.bytes
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(VOPRFProof(bytes)?.verify(key.publicKey, blinded: blinded, evaluated: evaluation.elements) != true)
        }
    }

    @Test("equal requests get equal bytes, and different ones proofs with different nonces, without any randomness")
    func deterministic() throws {
        let key = VOPRFKey()
        let first = [try #require(VOPRF.blind([1], with: .random()))]
        let second = [try #require(VOPRF.blind([2], with: .random()))]
        let (a, again, b) = (try #require(key.evaluate(first)), try #require(key.evaluate(first)), try #require(key.evaluate(second)))
        #expect(a.proof.bytes == again.proof.bytes)
        // With one nonce for both, the key would be the quotient of the differences; the commitments differ instead.
        #expect(try commitment(a.proof, key) != commitment(b.proof, key))
        #expect(key.evaluate([]) == nil)
    }

    /// The nonce times the generator: response × G + challenge × public key.
    private func commitment(_ proof: VOPRFProof, _ key: VOPRFKey) throws -> RistrettoElement {
        let bytes = proof.bytes
        let challenge = try #require(RistrettoScalar(canonical: Array(bytes[..<32]))), response = try #require(RistrettoScalar(canonical: Array(bytes[32...])))
        let sum = RistrettoElement.generator(times: response) + challenge * key.publicKey
        return try #require(sum)
    }
}

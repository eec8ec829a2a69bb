package import Sealing

/// A verifiable oblivious pseudorandom function: VOPRF(ristretto255, SHA-512) of RFC 9497. The issuer computes F(key, input) without
/// learning the input, proves that it used the key that everybody knows, and alone can recognise the result later.
package enum VOPRF {
    /// createContextString of mode 1.
    private static let context = Array("OPRFV1-\u{1}-ristretto255-SHA512".utf8)
    package static let outputBytes = 64
    package static let proofBytes = 64
    /// Elements of one proof. The protocol numbers them with 16 bits.
    package static let batchLimit = 1024

    /// `nil` for an input of more than 65,535 bytes.
    package static func element(of input: [UInt8]) -> RistrettoElement? {
        guard input.count <= Int(UInt16.max), let wide = Expansion.expand(input, tag: groupTag, count: 64) else { return nil }
        return RistrettoElement(mapping: wide)
    }

    private static func tag(_ name: String) -> [UInt8] { Array(name.utf8) + context }
    static let groupTag = tag("HashToGroup-")
    static let scalarTag = tag("HashToScalar-")
    static let seedTag = tag("Seed-")
    static let deriveTag = tag("DeriveKeyPair")

    static func scalar(of message: [UInt8], tag: [UInt8]) -> RistrettoScalar? {
        Expansion.expand(message, tag: tag, count: 64).flatMap { RistrettoScalar(reducing: $0) }
    }

    /// The function's value, given its key times the input's element.
    static func output(_ input: [UInt8], _ element: RistrettoElement) -> [UInt8] {
        Digest.sha512(prefixed(input) + prefixed(element.bytes) + Array("Finalize".utf8))
    }

    static func prefixed(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes }

    // MARK: the client's side

    /// What goes to the issuer: the input's element times the blind.
    package static func blind(_ input: [UInt8], with blind: RistrettoScalar) -> RistrettoElement? { element(of: input).map { blind * $0 } }

    /// The function's value from the issuer's answer; check the proof first.
    package static func finalize(_ input: [UInt8], blind: RistrettoScalar, evaluated: RistrettoElement) -> [UInt8] {
        output(input, blind.inverse * evaluated)
    }
}

/// A key of the function, in locked memory.
package struct VOPRFKey: Sendable {
    private let scalar: RistrettoScalar
    package let publicKey: RistrettoElement

    package init() { self.init(.random()) }

    /// 32 canonical bytes.
    package init?(secret bytes: [UInt8]) {
        guard let scalar = RistrettoScalar(canonical: bytes) else { return nil }
        self.init(scalar)
    }

    /// DeriveKeyPair (RFC 9497, section 3.2.1) of a seed of 32 bytes.
    package init?(seed: SecretBytes, info: [UInt8]) {
        guard seed.count == 32, info.count <= Int(UInt16.max) else { return nil }
        for counter in UInt8.min...UInt8.max {
            var input = seed.copy + VOPRF.prefixed(info) + [counter]
            defer { input.wipe() }
            if let scalar = VOPRF.scalar(of: input, tag: VOPRF.deriveTag) {
                self.init(scalar)
                return
            }
        }
        return nil
    }

    private init(_ scalar: RistrettoScalar) { (self.scalar, publicKey) = (scalar, .generator(times: scalar)) }

    /// The secret's 32 bytes; keep the copy short-lived and `wipe` it.
    package var copy: [UInt8] { scalar.copy }

    /// Key times each element, and one proof for all: `nil` for none or for more than `batchLimit`.
    ///
    /// The proof's nonce comes from the key and the transcript, so the same request gets the same bytes, and no other request the same nonce.
    package func evaluate(_ blinded: [RistrettoElement]) -> VOPRFEvaluation? {
        guard let batch = evaluateBatch(blinded), let proof = proof(batch, nonce: nonce(batch)) else { return nil }
        return VOPRFEvaluation(elements: batch.evaluated, proof: proof)
    }

    /// With a nonce that was published, for its vectors alone.
    package func evaluate(_ blinded: [RistrettoElement], nonce: RistrettoScalar) -> VOPRFEvaluation? {
        guard let batch = evaluateBatch(blinded), let proof = proof(batch, nonce: nonce) else { return nil }
        return VOPRFEvaluation(elements: batch.evaluated, proof: proof)
    }

    /// The function's value; `nil` for an input of more than 65,535 bytes.
    package func value(of input: [UInt8]) -> [UInt8]? { VOPRF.element(of: input).map { VOPRF.output(input, scalar * $0) } }

    /// Whether that is the function's value: what redeeming comes to. Takes the same time wherever they differ.
    package func verify(_ output: [UInt8], of input: [UInt8]) -> Bool { value(of: input).map { Digest.equal($0, output) } ?? false }

    // MARK: DLEQ (RFC 9497, section 2.2)

    private struct Batch {
        let evaluated: [RistrettoElement]
        let m: RistrettoElement
        let z: RistrettoElement
    }

    private func evaluateBatch(_ blinded: [RistrettoElement]) -> Batch? {
        let evaluated = blinded.map { scalar * $0 }
        guard let m = VOPRFProof.composite(publicKey, blinded, evaluated)?.m else { return nil }
        return Batch(evaluated: evaluated, m: m, z: scalar * m)
    }

    private func nonce(_ batch: Batch) -> RistrettoScalar {
        var wide = Digest.hmacSHA512(key: scalar.secretBytes, Array("dust-dleq-nonce".utf8) + publicKey.bytes + batch.m.bytes + batch.z.bytes)
        defer { wide.wipe() }
        // Zero has a chance of one in 2^252, and would only be refused.
        return RistrettoScalar(reducing: wide)!
    }

    private func proof(_ batch: Batch, nonce: RistrettoScalar) -> VOPRFProof? {
        let t2 = RistrettoElement.generator(times: nonce)
        let t3 = nonce * batch.m
        guard let challenge = VOPRFProof.challenge(publicKey, [batch.m, batch.z, t2, t3]), let response = nonce - challenge * scalar else { return nil }
        return VOPRFProof(challenge: challenge, response: response)
    }
}

/// Elements times the key, and the proof of it.
package struct VOPRFEvaluation: Sendable {
    package let elements: [RistrettoElement]
    package let proof: VOPRFProof
}

/// That all elements of a batch were multiplied by the key that belongs to a public key.
package struct VOPRFProof: Sendable {
    let challenge: RistrettoScalar
    let response: RistrettoScalar

    init(challenge: RistrettoScalar, response: RistrettoScalar) { (self.challenge, self.response) = (challenge, response) }

    /// 64 bytes: challenge and response, both canonical.
    package init?(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == VOPRF.proofBytes, let challenge = RistrettoScalar(canonical: Array(bytes[..<32])), let response = RistrettoScalar(canonical: Array(bytes[32...]))
        else { return nil }
        self.init(challenge: challenge, response: response)
    }

    package var bytes: [UInt8] { challenge.copy + response.copy }

    /// VerifyProof. Costs four multiplications and two for each element.
    package func verify(_ publicKey: RistrettoElement, blinded: [RistrettoElement], evaluated: [RistrettoElement]) -> Bool {
        guard let sums = Self.composite(publicKey, blinded, evaluated, both: true), let z = sums.z,
            let t2 = .generator(times: response) + challenge * publicKey, let t3 = response * sums.m + challenge * z,
            let expected = Self.challenge(publicKey, [sums.m, z, t2, t3])
        else { return false }
        return expected == challenge
    }

    /// ComputeComposites: each element weighed by a number that nobody can choose. The key's owner needs only the first sum.
    static func composite(
        _ publicKey: RistrettoElement, _ blinded: [RistrettoElement], _ evaluated: [RistrettoElement], both: Bool = false
    ) -> (m: RistrettoElement, z: RistrettoElement?)? {
        guard (1...VOPRF.batchLimit).contains(blinded.count), evaluated.count == blinded.count else { return nil }
        let seed = VOPRF.prefixed(Digest.sha512(VOPRF.prefixed(publicKey.bytes) + VOPRF.prefixed(VOPRF.seedTag)))
        var m: RistrettoElement?, z: RistrettoElement?
        for (index, (c, d)) in zip(blinded, evaluated).enumerated() {
            let transcript = seed + [UInt8(index >> 8), UInt8(index & 255)] + VOPRF.prefixed(c.bytes) + VOPRF.prefixed(d.bytes) + Array("Composite".utf8)
            guard let weight = VOPRF.scalar(of: transcript, tag: VOPRF.scalarTag), let sum = add(weight * c, to: m) else { return nil }
            m = sum
            guard both else { continue }
            guard let sum = add(weight * d, to: z) else { return nil }
            z = sum
        }
        return m.map { ($0, z) }
    }

    /// `nil` when the sum is the identity, which nobody can bring about.
    private static func add(_ element: RistrettoElement, to sum: RistrettoElement?) -> RistrettoElement? {
        guard let sum else { return element }
        return sum + element
    }

    static func challenge(_ publicKey: RistrettoElement, _ elements: [RistrettoElement]) -> RistrettoScalar? {
        let transcript = elements.reduce(VOPRF.prefixed(publicKey.bytes)) { $0 + VOPRF.prefixed($1.bytes) } + Array("Challenge".utf8)
        return VOPRF.scalar(of: transcript, tag: VOPRF.scalarTag)
    }
}

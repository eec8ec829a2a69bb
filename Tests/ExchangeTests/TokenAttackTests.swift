import Exchange
import Sealing
import Testing

@Suite("Attacks on tokens and keys")
struct TokenAttackTests {
    private let seed = WalletSeed(SecretBytes([UInt8](repeating: 5, count: 32)), device: 1)!
    private let role = KeyRole.credit(.four, week: 2857)

    private func pending(_ count: Int, from first: UInt64 = 0, _ key: KeyID) throws -> [PendingToken] {
        try (0..<count).map { try #require(seed.pending(role, key, first + UInt64($0), challenge: Challenges.credit(.four))) }
    }

    @Test("an answer of which any bit of the proof or of an element was changed gives no tokens")
    func tampered() throws {
        let key = VOPRFKey(), own = try pending(2, KeyID(role, publicKey: key.publicKey.bytes)), blinded = own.compactMap(\.blindedElement)
        let answer = try #require(key.evaluate(blinded)).bytes(isBatch: true)
        #expect(try PendingToken.finalize(own, VOPRFEvaluation(answer, isBatch: true), key: key.publicKey)?.count == 2)
        for bit in 0..<answer.count * 8 where bit >= (answer.count - 64) * 8 || bit % 5 == 0 {
            var changed = answer
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let evaluation = try? VOPRFEvaluation(changed, isBatch: true) else { continue }
            #expect(PendingToken.finalize(own, evaluation, key: key.publicKey) == nil, "bit \(bit)")
        }
    }

    @Test("an exchange that answers one wallet with a key of its own, whole and proven, gives it nothing")
    func keyOfItsOwn() throws {
        let (published, secret) = (VOPRFKey(), VOPRFKey()), own = try pending(3, KeyID(role, publicKey: published.publicKey.bytes))
        let answer = try #require(secret.evaluate(own.compactMap(\.blindedElement)))
        #expect(PendingToken.finalize(own, answer, key: secret.publicKey)?.count == 3)
        #expect(PendingToken.finalize(own, answer, key: published.publicKey) == nil)
        // One element of three with another key, and a proof for the rest.
        let blindedAll = own.compactMap(\.blindedElement), other = try #require(secret.evaluate([blindedAll[1]])).elements[0].bytes
        var mixed = try #require(published.evaluate(blindedAll)).bytes(isBatch: true)
        mixed.replaceSubrange(mixed.count - 128..<mixed.count - 96, with: other)
        #expect(try PendingToken.finalize(own, VOPRFEvaluation(mixed, isBatch: true), key: published.publicKey) == nil)
        let access = KeyRole.access(day: 20_000), rsa = (RSAKey.generateLocked(bits: 2048), RSAKey.generateLocked(bits: 2048))
        let token = try #require(seed.pending(access, KeyID(access, publicKey: TokenPublicKey.encode(rsa.0.publicKey)), 1, challenge: Challenges.credit(.four)))
        let blinded = try #require(token.blindedMessage(for: rsa.0.publicKey))
        #expect(rsa.0.signBlock(blinded).flatMap { token.finalize($0, key: rsa.0.publicKey) } != nil)
        #expect(rsa.1.signBlock(blinded).flatMap { token.finalize($0, key: rsa.0.publicKey) } == nil)
    }

    @Test("the nonce of a proof needs no randomness: other batches have other nonces, and the same batch the same bytes")
    func proofNonces() throws {
        let key = VOPRFKey(), id = KeyID(role, publicKey: key.publicKey.bytes)
        var commitments: Set<[UInt8]> = []
        for batch in 0..<150 {
            let blinded = try pending(1 + batch % 3, from: UInt64(3 * batch), id).compactMap(\.blindedElement)
            let answer = try #require(key.evaluate(blinded)), again = try #require(key.evaluate(blinded))
            #expect(answer.bytes(isBatch: true) == again.bytes(isBatch: true))
            // The generator times the nonce, as whoever checks the proof computes it.
            let proof = answer.proof.bytes, challenge = try #require(RistrettoScalar(canonical: Array(proof[..<32]))), response = try #require(RistrettoScalar(canonical: Array(proof[32...])))
            let commitment: RistrettoElement? = RistrettoElement.generator(times: response) + challenge * key.publicKey
            commitments.insert(try #require(commitment).bytes)
        }
        #expect(commitments.count == 150)
    }

    @Test("two keys whose names end alike are told apart, for orders name keys whole; and a role has one key for ever")
    func collidingNames() throws {
        let issuer = try #require(Issuer(seed: .random(32), cashier: [UInt8](repeating: 0, count: 32)))
        var ends: [UInt8: KeyRole] = [:], pair: (KeyRole, KeyRole)?
        for week in Int64(0)..<257 where pair == nil {
            let next = KeyRole.credit(.four, week: week), id = try #require(issuer.open(next))
            if let first = ends.updateValue(next, forKey: id.bytes[31]) { pair = (first, next) }
        }
        let (first, second) = try #require(pair), (one, other) = (try #require(issuer.key(of: first)), try #require(issuer.key(of: second)))
        let public1 = try #require(issuer.publicKey(first).flatMap { RistrettoElement(canonical: $0) })
        let own = try pending(1, one), answer = try #require(issuer.issue(Batch(key: one, type: .voprf, blinded: own.compactMap { $0.blindedElement?.bytes }), first))
        let token = try #require(try PendingToken.finalize(own, VOPRFEvaluation(answer, isBatch: true), key: public1))[0]
        let renamed = Token(
            input: TokenInput(type: .voprf, nonce: token.input.nonce, challengeDigest: token.input.challengeDigest, keyID: other.bytes), authenticator: token.authenticator)
        #expect(issuer.isGenuine(token, first) && !issuer.isGenuine(token, second) && !issuer.isGenuine(renamed, second))
        #expect(issuer.role(of: one) == first && issuer.role(of: other) == second)
        let access = KeyRole.access(day: 1)
        #expect(issuer.open(access, ExchangeWorld.rsa[0]) != nil && issuer.open(access, ExchangeWorld.rsa[1]) == nil)
    }

    @Test("two devices with one seed never make the same token, salt or order key, in ten thousand tries")
    func twoDevices() throws {
        let secret = [UInt8](repeating: 8, count: 32), key = KeyID(role, publicKey: [1])
        let devices = try (UInt16(0)..<2).map { try #require(WalletSeed(SecretBytes(secret), device: $0)) }
        var seen: Set<[UInt8]> = []
        for counter in UInt64(0)..<2500 {
            for device in devices {
                seen.insert(try #require(device.pending(role, key, counter, challenge: Challenges.credit(.four))).input.nonce)
                seen.insert(device.salt(key, counter))
            }
        }
        #expect(seen.count == 10_000)
    }

    @Test("there are 32 forms of order and no other amounts, whatever a wallet needs")
    func forms() {
        var shapes: Set<Shape> = []
        for code in UInt8.min...UInt8.max {
            for detail in 0..<UInt16(300) {
                guard let shape = Shape(code: code, detail: detail) else { continue }
                #expect(shape.code == (code, detail))
                shapes.insert(shape)
            }
        }
        #expect(shapes.count == 32)
        for detail in [UInt16(1024), 4096, 65_535] { #expect((UInt8(1)...12).allSatisfy { Shape(code: $0, detail: detail) == nil }) }
    }
}

import Bytes
import Exchange
import Sealing
import Testing

@Suite("Tokens")
struct TokenTests {
    @Test("challenges and what is signed are RFC 9577's")
    func layout() throws {
        let vectors = try #require(try Vectors.load("rfc9577_auth_scheme").list("sets").first { $0["producer"] as? String == "tokens" }).list("vectors")
        #expect(vectors.count == 5)
        for vector in vectors {
            let wanted = try vector.bytes("token_authenticator_input")
            var challenge = try vector.bytes("token_type")
            for (field, lengthBytes) in [("issuer_name", 2), ("redemption_context", 1), ("origin_info", 2)] {
                let bytes = try vector.bytes(field)
                challenge += (lengthBytes == 2 ? [UInt8(bytes.count >> 8)] : []) + [UInt8(bytes.count & 255)] + bytes
            }
            let read = try TokenChallenge(challenge)
            #expect(read.bytes == challenge)
            guard let type = TokenType(rawValue: read.type) else { continue }
            let input = TokenInput(type: type, nonce: try vector.bytes("nonce"), challengeDigest: read.digest, keyID: try vector.bytes("token_key_id"))
            #expect(input.bytes == wanted)
        }
    }

    @Test("requests, answers and tokens of type 2 are RFC 9578's, of two producers")
    func blindRSA() throws {
        let vectors = try Vectors.load("rfc9578_type0002_blind_rsa").list("sets").flatMap { try $0.list("vectors") }
        #expect(vectors.count == 10)
        for vector in vectors {
            let key = try #require(RSAKey.locked(pem: try vector.bytes("skS")))
            let published = try vector.bytes("pkS")
            #expect(TokenPublicKey.encode(key.publicKey) == published)
            let publicKey = try #require(TokenPublicKey.decode(published))
            let input = TokenInput(
                type: .blindRSA, nonce: try vector.bytes("nonce"), challengeDigest: Digest.sha256(try vector.bytes("token_challenge")), keyID: Digest.sha256(published))
            let blind = [UInt8](repeating: 0, count: 16) + (try vector.bytes("blind"))
            let pending = try PendingToken(try #require(PendingToken(input: input, blind: SecretBytes(blind), salt: try vector.bytes("salt"))).bytes)
            let request = TokenRequest(
                type: .blindRSA, truncatedKeyID: input.keyID[31], blinded: [try #require(pending.blindedMessage(for: publicKey))], isBatch: false)
            #expect(request.bytes == (try vector.bytes("token_request")))
            #expect(try TokenRequest(request.bytes, isBatch: false) == request)
            let answer = try #require(key.signBlock(request.blinded[0]))
            #expect(answer == (try vector.bytes("token_response")))
            let token = try #require(pending.finalize(answer, key: publicKey))
            #expect(token.bytes == (try vector.bytes("token")))
            #expect(try Token(token.bytes).isGenuine(publicKey))
        }
    }

    @Test("requests, answers and tokens of type 5 are the draft's, single and in batches, of two producers")
    func voprf() throws {
        let sets = try Vectors.load("draft_type0005_voprf_ristretto255").list("sets")
        var count = 0
        for set in sets {
            let isBatch = try set.text("kind") != "single"
            for vector in try set.list("vectors") {
                try check(vector, isBatch: isBatch)
                count += 1
            }
        }
        #expect(count == 20)
    }

    private func check(_ vector: [String: Any], isBatch: Bool) throws {
        let key = try #require(VOPRFKey(secret: try vector.bytes("skS")))
        #expect(key.publicKey.bytes == (try vector.bytes("pkS")))
        let keyID = Digest.sha256(key.publicKey.bytes), challenge = Digest.sha256(try vector.bytes("token_challenge"))
        let nonces = try vector.several(isBatch ? "nonces" : "nonce"), blinds = try vector.several(isBatch ? "blinds" : "blind")
        let pending = try zip(nonces, blinds).map { nonce, blind in
            let input = TokenInput(type: .voprf, nonce: nonce, challengeDigest: challenge, keyID: keyID)
            return try PendingToken(try #require(PendingToken(input: input, blind: SecretBytes(blind + [UInt8](repeating: 0, count: 32)), salt: [])).bytes)
        }
        let blinded = try pending.map { try #require($0.blindedElement) }
        let request = TokenRequest(type: .voprf, truncatedKeyID: keyID[31], blinded: blinded.map(\.bytes), isBatch: isBatch)
        #expect(request.bytes == (try vector.bytes("token_request")))
        #expect(try TokenRequest(request.bytes, isBatch: isBatch) == request)
        let response = try vector.bytes("token_response")
        let theirs = try VOPRFEvaluation(response, isBatch: isBatch)
        #expect(theirs.bytes(isBatch: isBatch) == response)
        #expect(try #require(key.evaluate(blinded)).elements == theirs.elements)
        let tokens = try #require(PendingToken.finalize(pending, theirs, key: key.publicKey))
        #expect(tokens.map(\.bytes) == (try vector.several(isBatch ? "tokens" : "token")))
        for token in tokens { #expect(try Token(token.bytes).isGenuine(key)) }
    }

    @Test("damaged tokens, challenges, requests and answers are refused or mean something else, and never trap")
    func damaged() throws {
        let vectors = try Vectors.load("draft_type0005_voprf_ristretto255").list("sets").last!.list("vectors")
        let key = try #require(VOPRFKey(secret: try vectors[0].bytes("skS")))
        let token = try vectors[0].several("tokens")[0], challenge = try vectors[0].bytes("token_challenge")
        let request = try vectors[0].bytes("token_request"), response = try vectors[0].bytes("token_response")
        for end in 0..<token.count { #expect(throws: TokenError.malformed) { try Token(Array(token[..<end])) } }
        for end in 0..<request.count { #expect(throws: TokenError.malformed) { try TokenRequest(Array(request[..<end]), isBatch: true) } }
        for end in 0..<response.count { #expect(throws: TokenError.malformed) { try VOPRFEvaluation(Array(response[..<end]), isBatch: true) } }
        for end in 0..<challenge.count { #expect(throws: TokenError.malformed) { try TokenChallenge(Array(challenge[..<end])) } }
        for bit in stride(from: 16, to: token.count * 8, by: 11) {
            var changed = token
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(try !Token(changed).isGenuine(key))
        }
        #expect(throws: TokenError.malformed) { try Token([0, 1] + token.dropFirst(2)) }
    }
}

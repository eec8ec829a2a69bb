import Onion
import Sealing
import Testing

extension CircuitKeys {
    /// Df | Db | Kf | Kb, of tor1.
    var material: [UInt8] { Array(forward[..<20] + backward[..<20] + forward[20...] + backward[20...]) }
}

@Suite("CREATE_FAST")
struct CreateFastTests {
    @Test("gives what stock gives")
    func vectors() throws {
        for vector in try Vectors.list("create_fast") {
            let (x, reply) = (try vector.bytes("client"), try vector.bytes("server"))
            let keys = try CreateFast.finish(x: x, reply: reply)
            #expect(keys.material == Array(try vector.bytes("keys").prefix(72)))
            let answer = try #require(CreateFast.respond(x: x, y: Array(reply[..<20])))
            #expect(answer.reply == reply && answer.keys == keys)
        }
    }

    @Test("takes padded cell bodies and refuses wrong proofs and lengths")
    func refusals() throws {
        let (x, y) = ([UInt8](repeating: 1, count: 20), [UInt8](repeating: 2, count: 20))
        let answer = try #require(CreateFast.respond(x: x + [UInt8](repeating: 0, count: 489), y: y))
        #expect(try CreateFast.finish(x: x, reply: answer.reply + [0, 0]) == answer.keys)
        for place in 0..<40 {
            var wrong = answer.reply
            wrong[place] ^= 1
            #expect(throws: HandshakeFailure.badProof) { try CreateFast.finish(x: x, reply: wrong) }
        }
        #expect(throws: HandshakeFailure.malformed) { try CreateFast.finish(x: x, reply: Array(answer.reply.dropLast())) }
        #expect(CreateFast.respond(x: Array(x.dropLast()), y: y) == nil && CreateFast.respond(x: x, y: []) == nil)
    }
}

@Suite("ntor")
struct NtorTests {
    @Test("gives what the reference gives, on both sides")
    func vectors() throws {
        for vector in try Vectors.list("ntor") {
            let relay = try #require(RSAIdentity(try vector.bytes("relay_id_rsa")))
            let onionKey = try #require(Curve25519Key(secret: try vector.bytes("b_secret")))
            let client = NtorClient(
                relay: relay, onionKey: try vector.bytes("b_public"), ephemeral: try #require(Curve25519Key(secret: try vector.bytes("x_secret"))))
            #expect(client.onionSkin == (try vector.bytes("client_handshake")))
            let ephemeral = SecretBytes(try vector.bytes("y_secret"))
            let (reply, keys) = try NtorServer.respond(client.onionSkin, identity: relay, onionKeys: [onionKey], ephemeral: ephemeral)
            #expect(reply == (try vector.bytes("server_handshake")))
            #expect(keys.material == (try vector.bytes("keys")))
            #expect(try client.finish(reply) == keys)
        }
    }

    private let relay = RSAIdentity([UInt8](repeating: 5, count: 20))!
    private let onionKey = Curve25519Key()

    private func client() -> NtorClient { NtorClient(relay: relay, onionKey: onionKey.publicKey, ephemeral: Curve25519Key()) }

    @Test("works with an old onion key during its grace, and with bytes behind the onion skin")
    func oldKey() throws {
        let client = client()
        let (reply, keys) = try NtorServer.respond(
            client.onionSkin + [1, 2, 3], identity: relay, onionKeys: [Curve25519Key(), onionKey], ephemeral: .random(32))
        #expect(try client.finish(reply + [0]) == keys)
    }

    @Test("a relay refuses skins for other relays or keys, short ones, and points that give no secret")
    func serverRefusals() throws {
        func respond(_ skin: [UInt8]) throws(HandshakeFailure) {
            _ = try NtorServer.respond(skin, identity: relay, onionKeys: [onionKey], ephemeral: .random(32))
        }
        let skin = client().onionSkin
        #expect(throws: HandshakeFailure.malformed) { try respond(Array(skin.dropLast())) }
        #expect(throws: HandshakeFailure.wrongRelay) { try respond([9] + skin.dropFirst()) }
        var other = skin
        other[30] ^= 1
        #expect(throws: HandshakeFailure.unknownOnionKey) { try respond(other) }
        #expect(throws: HandshakeFailure.badKey) { try respond(Array(skin[..<52]) + [UInt8](repeating: 0, count: 32)) }
    }

    @Test("a client refuses answers that are short, changed, or of a relay that does not know the onion key")
    func clientRefusals() throws {
        let client = client()
        let (reply, _) = try NtorServer.respond(client.onionSkin, identity: relay, onionKeys: [onionKey], ephemeral: .random(32))
        #expect(throws: HandshakeFailure.malformed) { try client.finish(Array(reply.dropLast())) }
        #expect(throws: HandshakeFailure.badKey) { try client.finish([UInt8](repeating: 0, count: 64)) }
        for place in [0, 10, 32, 63] {
            var wrong = reply
            wrong[place] ^= 2
            #expect(throws: HandshakeFailure.badProof) { try client.finish(wrong) }
        }
        let wrongKey = NtorClient(relay: relay, onionKey: [1], ephemeral: Curve25519Key())
        #expect(throws: HandshakeFailure.badKey) { try wrongKey.finish(reply) }
    }
}

import Ambience
import Damage
import Sealing
import Testing

@testable import Onion

@Suite("ntor v3")
struct NtorV3Tests {
    @Test("gives what the reference gives, on both sides")
    func vectors() throws {
        for vector in try Vectors.list("ntor_v3") {
            let relay = try #require(Ed25519Identity(try vector.bytes("relay_id_ed25519")))
            let onionKey = try #require(Curve25519Key(secret: try vector.bytes("b_secret")))
            let verification = try vector.bytes("verification")
            let client = try NtorV3Client(
                relay: relay, onionKey: try vector.bytes("b_public"), ephemeral: try #require(Curve25519Key(secret: try vector.bytes("x_secret"))),
                message: try vector.bytes("client_message"), verification: verification)
            #expect(client.onionSkin == (try vector.bytes("client_handshake")))
            let ephemeral = SecretBytes(try vector.bytes("y_secret"))
            let (asked, answered, keys) = (try vector.bytes("client_message"), try vector.bytes("server_message"), try vector.bytes("keys"))
            let (reply, stream) = try NtorV3Server.respond(
                client.onionSkin, identity: relay, onionKeys: [onionKey],
                agreed: NtorV3Server.question(client.onionSkin, onionKeys: [onionKey], ephemeral: ephemeral).flatMap { Curve25519Key.answer([$0])[0] },
                verification: verification
            ) { $0 == asked ? (answered, keys.count) : nil }
            #expect(reply == (try vector.bytes("server_handshake")))
            #expect(stream == keys)
            let opened = try client.open(reply, count: keys.count)
            #expect(opened.stream == keys && opened.message == answered)
        }
    }

    private let relay = Ed25519Identity(Ed25519Key().publicKey)!
    private let onionKey = Curve25519Key()

    private func client(_ extensions: CircuitExtensions = CircuitExtensions(wantsCongestionControl: true)) throws -> NtorV3Client {
        try NtorV3Client(relay: relay, onionKey: onionKey.publicKey, ephemeral: Curve25519Key(), extensions: extensions)
    }

    private func respond(
        _ skin: [UInt8], answer: (CircuitExtensions) -> CircuitExtensions? = { CircuitExtensions(sendmeIncrement: $0.wantsCongestionControl ? 31 : nil) }
    ) throws(HandshakeFailure) -> (reply: [UInt8], keys: CircuitKeys) {
        try NtorV3Server.respond(skin, identity: relay, onionKeys: [Curve25519Key(), onionKey], ephemeral: .random(32), answer: answer)
    }

    @Test("both sides agree on keys and extensions", arguments: [true, false])
    func agreement(wants: Bool) throws {
        let client = try client(CircuitExtensions(wantsCongestionControl: wants))
        let (reply, keys) = try respond(client.onionSkin)
        let finished = try client.finish(reply)
        #expect(finished.keys == keys)
        #expect(finished.extensions == CircuitExtensions(sendmeIncrement: wants ? 31 : nil))
    }

    @Test("both sides agree on the crypto, which is never Counter Galois Onion without congestion control", arguments: [true, false])
    func crypto(isControlled: Bool) throws {
        let client = try client(CircuitExtensions(wantsCongestionControl: isControlled, crypto: .counterGalois))
        guard isControlled else {
            #expect(throws: HandshakeFailure.refused) { try respond(client.onionSkin) }
            return
        }
        let (reply, keys) = try respond(client.onionSkin)
        #expect(try client.finish(reply).keys == keys)
        #expect(keys.crypto == .counterGalois && keys.forward.count == 80 && keys.backward.count == 80 && keys.nonce.count == 20)
        #expect(throws: HandshakeFailure.refused) { try respond(client.onionSkin) { _ in CircuitExtensions() } }
        let (grant, _) = try NtorV3Server.respond(
            client.onionSkin, identity: relay, onionKeys: [onionKey],
            agreed: NtorV3Server.question(client.onionSkin, onionKeys: [onionKey], ephemeral: .random(32)).flatMap { Curve25519Key.answer([$0])[0] },
            verification: NtorV3.circuitVerification
        ) { _ in ([0], 180) }
        #expect(throws: HandshakeFailure.refused) { try client.finish(grant) }
    }

    @Test("a relay refuses skins that are short, changed anywhere, or ask for what it will not give")
    func serverRefusals() throws {
        let skin = try client().onionSkin
        #expect(throws: HandshakeFailure.malformed) { try respond(Array(skin.prefix(127))) }
        #expect(throws: HandshakeFailure.wrongRelay) { try respond([skin[0] ^ 1] + skin.dropFirst()) }
        for place in skin.indices {
            var wrong = skin
            wrong[place] ^= 1
            #expect(throws: HandshakeFailure.self, "byte \(place)") { try respond(wrong) }
        }
        #expect(throws: HandshakeFailure.badKey) { try respond(Array(skin[..<64]) + [UInt8](repeating: 0, count: 64)) }
        #expect(throws: HandshakeFailure.refused) { try respond(skin) { _ in nil } }
    }

    @Test("a client refuses answers that are short or changed anywhere")
    func clientRefusals() throws {
        let client = try client()
        let (reply, _) = try respond(client.onionSkin)
        #expect(throws: HandshakeFailure.malformed) { try client.finish(Array(reply.prefix(63))) }
        for place in reply.indices {
            var wrong = reply
            wrong[place] ^= 2
            #expect(throws: HandshakeFailure.self, "byte \(place)") { try client.finish(wrong) }
        }
        #expect(throws: HandshakeFailure.badProof) { try client.finish(reply + [0]) }
    }

    @Test("an onion key that gives no secret makes no skin")
    func badOnionKey() {
        #expect(throws: HandshakeFailure.badKey) {
            try NtorV3Client(relay: relay, onionKey: [UInt8](repeating: 0, count: 32), ephemeral: Curve25519Key(), extensions: CircuitExtensions())
        }
    }
}

@Suite("Handshake extensions")
struct CircuitExtensionsTests {
    @Test("are written as stock writes them and read back")
    func roundTrip() throws {
        #expect(CircuitExtensions().encoded == [0])
        #expect(CircuitExtensions(wantsCongestionControl: true).encoded == [1, 1, 0])
        #expect(CircuitExtensions(sendmeIncrement: 31).encoded == [1, 2, 1, 31])
        for extensions in [CircuitExtensions(), CircuitExtensions(wantsCongestionControl: true), CircuitExtensions(sendmeIncrement: 254)] {
            #expect(try CircuitExtensions(extensions.encoded) == extensions)
        }
    }

    @Test("of unknown types are skipped, and so is what follows the list")
    func unknown() throws {
        let read = try CircuitExtensions([3, 1, 0, 3, 2, 2, 6, 77, 3, 9, 9, 9, 42])
        #expect(read == CircuitExtensions(wantsCongestionControl: true, crypto: .counterGalois))
    }

    @Test("may ask for Counter Galois Onion and for no other subprotocol")
    func subprotocols() throws {
        #expect(CircuitExtensions(wantsCongestionControl: true, crypto: .counterGalois).encoded == [2, 1, 0, 3, 2, 2, 6])
        #expect(try CircuitExtensions([1, 3, 0]).crypto == .tor1)
        for value: [UInt8] in [[2], [2, 5], [2, 6, 2], [1, 6], [2, 7], [2, 6, 2, 6], [2, 6, 2, 7], [2, 5, 2, 6], [2, 6, 3, 1], [0, 0]] {
            #expect(throws: MessageError.unsupportedVersion) { try CircuitExtensions([1, 3, UInt8(value.count)] + value) }
        }
    }

    @Test("out of order, twice, cut short or of impossible size are refused")
    func refusals() {
        for body: [UInt8] in [[], [1], [1, 1], [1, 1, 1], [2, 1, 0], [2, 2, 1, 31, 1, 0], [2, 1, 0, 1, 0], [1, 2, 0], [1, 2, 1, 0], [1, 2, 2, 31, 31]] {
            #expect(throws: MessageError.self, "\(body)") { try CircuitExtensions(body) }
        }
    }

    @Test("damaged in any way are refused or taken", arguments: [71, 72] as [UInt64])
    func damage(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            let damaged = Damage.some([3, 1, 0, 2, 1, 31, 3, 2, 2, 6], &random)
            guard let read = try? CircuitExtensions(damaged) else { continue }
            #expect(try CircuitExtensions(read.encoded) == read, "seed \(seed): \(damaged)")
        }
    }
}

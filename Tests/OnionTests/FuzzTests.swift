import Ambience
import Damage
import Onion
import Testing

/// Damaged input must be refused or taken, never trap; the seeds are printed with a failure and replay it.
@Suite("Under damage")
struct FuzzTests {
    @Test("every message parser refuses, or takes what it can write again", arguments: [51, 52] as [UInt64])
    func messages(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var corpus: [(String, [UInt8])] = []
        for place in ["channel", "relay"] {
            for vector in try Vectors.list("cell_bodies", place) {
                if let command = vector["command"] as? String { corpus.append((command, try vector.bytes("body"))) }
            }
        }
        for entry in try Vectors.list("malformed_messages") { corpus.append((try entry.text("message"), try entry.bytes("body"))) }
        for _ in 0..<10_000 {
            guard let (command, body) = corpus.randomElement(using: &random) else { return }
            let damaged = Damage.some(body, &random)
            guard let again = try? AnyMessage.reencode(command, damaged) else { continue }
            #expect(try AnyMessage.reencode(command, again) == again, "seed \(seed): \(command) \(damaged)")
        }
    }

    @Test("no damaged handshake gives an identity that is not the peer's", arguments: [61, 62] as [UInt64])
    func handshakes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var honest = LinkPair(isAuthenticated: true)
        let hello = honest.initiator.start(now: LinkPair.now)
        let introduction = try honest.giveResponder(hello)
        let answer = try honest.giveInitiator(introduction)
        for _ in 0..<1000 {
            var initiator = LinkPair(isAuthenticated: false).initiator
            _ = initiator.start(now: LinkPair.now)
            if let peer = try? initiator.receive(Damage.some(introduction, &random), now: LinkPair.now).established {
                #expect(peer.rsa == LinkPair.dialled.identity.rsa && peer.ed25519 == LinkPair.dialled.identity.ed25519, "seed \(seed)")
            }
            var responder = honest.responder
            if let peer = try? responder.receive(Damage.some(answer, &random), now: LinkPair.now).established, peer.isAuthenticated {
                #expect(peer.rsa == LinkPair.dialling.identity.rsa && peer.ed25519 == LinkPair.dialling.identity.ed25519, "seed \(seed)")
            }
        }
    }
}

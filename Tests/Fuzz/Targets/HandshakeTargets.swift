import Onion
import Sealing

extension FuzzTarget {
    private static let circuits = "Cores/Onion/Circuits/"
    private static let onionKey = Curve25519Key(secret: [UInt8](repeating: 7, count: 32))!
    private static let ephemeral = Curve25519Key(secret: [UInt8](repeating: 9, count: 32))!
    private static let rsa = RSAIdentity([UInt8](repeating: 0x11, count: 20))!
    private static let ed25519 = Ed25519Identity([UInt8](repeating: 0x22, count: 32))!

    /// Circuit handshakes. Keys are fixed, so that the corpus holds messages that are accepted. The answers to our own handshakes are
    /// given as changes to an honest answer, which nobody could guess.
    static let handshakes = [
        FuzzTarget("create-fast", [circuits + "CreateFast.swift"]) {
            _ = CreateFast.respond(x: $0, y: [UInt8](repeating: 1, count: 20))
            _ = try? CreateFast.finish(x: [UInt8](repeating: 1, count: 20), reply: $0)
        },
        FuzzTarget("circuit-extensions", [circuits + "CircuitExtensions.swift"]) {
            guard let extensions = try? CircuitExtensions($0) else { return }
            _ = extensions.encoded
        },
        FuzzTarget("ntor-server", [circuits + "Ntor.swift"]) { changes in
            let skin = Edits(changes).apply(to: NtorClient(relay: rsa, onionKey: onionKey.publicKey, ephemeral: ephemeral).onionSkin)
            _ = try? NtorServer.respond(skin, identity: rsa, onionKeys: [onionKey], ephemeral: ephemeral.secret)
        },
        FuzzTarget("ntor-client", [circuits + "Ntor.swift"]) { changes in
            let client = NtorClient(relay: rsa, onionKey: onionKey.publicKey, ephemeral: ephemeral)
            guard let (honest, _) = try? NtorServer.respond(client.onionSkin, identity: rsa, onionKeys: [onionKey], ephemeral: ephemeral.secret) else {
                preconditionFailure("an honest handshake is refused")
            }
            let reply = Edits(changes).apply(to: honest)
            if (try? client.finish(reply)) != nil { precondition(reply.starts(with: honest), "accepts an answer that nobody made") }
        },
        FuzzTarget("ntor3-server", [circuits + "NtorV3.swift", circuits + "CircuitExtensions.swift"]) { changes in
            guard let client = try? NtorV3Client(
                relay: ed25519, onionKey: onionKey.publicKey, ephemeral: ephemeral, extensions: CircuitExtensions(wantsCongestionControl: true))
            else { preconditionFailure("an honest handshake cannot be begun") }
            let skin = Edits(changes).apply(to: client.onionSkin)
            _ = try? NtorV3Server.respond(skin, identity: ed25519, onionKeys: [onionKey], ephemeral: ephemeral.secret) { _ in CircuitExtensions(sendmeIncrement: 31) }
        },
        FuzzTarget("ntor3-client", [circuits + "NtorV3.swift", circuits + "CircuitExtensions.swift"]) { changes in
            guard let client = try? NtorV3Client(
                relay: ed25519, onionKey: onionKey.publicKey, ephemeral: ephemeral, extensions: CircuitExtensions(wantsCongestionControl: true)),
                let (honest, _) = try? NtorV3Server.respond(client.onionSkin, identity: ed25519, onionKeys: [onionKey], ephemeral: ephemeral.secret, answer: { _ in
                    CircuitExtensions(sendmeIncrement: 31)
                })
            else { preconditionFailure("an honest handshake is refused") }
            let reply = Edits(changes).apply(to: honest)
            if (try? client.finish(reply)) != nil { precondition(reply == honest, "accepts an answer that nobody made") }
        },
    ]
}

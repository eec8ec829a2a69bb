internal import Onion
internal import Sealing

/// Our answer to somebody's CREATE, and the keys and terms of the circuit that it makes.
struct HandshakeAnswer {
    let command: UInt8
    let reply: [UInt8]
    let keys: CircuitKeys
    /// DATA cells per SENDME, when the circuit has congestion control.
    var sendmeIncrement: UInt8?
}

extension OnionRouter {
    /// CREATE_FAST and CREATE2 with ntor or ntor v3; everything else is refused (tor-spec "CREATE and CREATED cells").
    func answer(_ command: UInt8, _ body: [UInt8], _ identity: LinkIdentity) throws -> HandshakeAnswer {
        if command == CellCommand.createFast {
            guard let (reply, keys) = CreateFast.respond(x: Array(body.prefix(20)), y: SecureRandom.bytes(20)) else { throw HandshakeFailure.malformed }
            return HandshakeAnswer(command: CellCommand.createdFast, reply: reply, keys: keys)
        }
        guard command == CellCommand.create2 else { throw HandshakeFailure.malformed }
        let message = try Create2Message(body)
        switch message.handshakeType {
        case HandshakeType.ntor: return try answerNtor(message.handshake, identity)
        case HandshakeType.ntorV3: return try answerNtorV3(message.handshake, identity)
        default: throw HandshakeFailure.malformed
        }
    }

    private func answerNtor(_ skin: [UInt8], _ identity: LinkIdentity) throws(HandshakeFailure) -> HandshakeAnswer {
        let (reply, keys) = try NtorServer.respond(skin, identity: identity.rsa, onionKeys: policy.onionKeys, ephemeral: Curve25519Key())
        return HandshakeAnswer(command: CellCommand.created2, reply: Created2Message(handshake: reply).encoded, keys: keys)
    }

    private func answerNtorV3(_ skin: [UInt8], _ identity: LinkIdentity) throws(HandshakeFailure) -> HandshakeAnswer {
        var increment: UInt8?
        let (reply, keys) = try NtorV3Server.respond(skin, identity: identity.ed25519, onionKeys: policy.onionKeys, ephemeral: Curve25519Key()) { asked in
            if asked.wantsCongestionControl, policy.flow.isCongestionControlled { increment = policy.flow.sendmeIncrement }
            return CircuitExtensions(sendmeIncrement: increment)
        }
        return HandshakeAnswer(command: CellCommand.created2, reply: Created2Message(handshake: reply).encoded, keys: keys, sendmeIncrement: increment)
    }
}

internal import Onion
internal import Sealing

/// Our answer to somebody's CREATE, and the keys and terms of the circuit that it makes. It is made on any thread; the keys are zeroed
/// with it.
// SAFETY: nothing is changed before the last reference is gone.
final class HandshakeAnswer: @unchecked Sendable {
    let command: UInt8
    let reply: [UInt8]
    private(set) var keys: CircuitKeys
    /// DATA cells per SENDME, when the circuit has congestion control.
    let sendmeIncrement: UInt8?

    private init(command: UInt8, reply: [UInt8], keys: CircuitKeys, sendmeIncrement: UInt8? = nil) {
        self.command = command
        self.reply = reply
        self.keys = keys
        self.sendmeIncrement = sendmeIncrement
    }

    deinit { keys.wipe() }

    /// CREATE_FAST and CREATE2 with ntor or ntor v3; everything else is refused (tor-spec "CREATE and CREATED cells").
    static func make(to command: UInt8, _ body: [UInt8], _ policy: RouterPolicy) throws -> HandshakeAnswer {
        guard policy.identity != nil else { throw HandshakeFailure.refused }
        if command == CellCommand.createFast {
            guard let (reply, keys) = CreateFast.respond(x: Array(body.prefix(20)), y: SecureRandom.bytes(20)) else { throw HandshakeFailure.malformed }
            return HandshakeAnswer(command: CellCommand.createdFast, reply: reply, keys: keys)
        }
        guard command == CellCommand.create2 else { throw HandshakeFailure.malformed }
        return try make(toCreate2: [body], policy)[0].get()
    }

    /// Answers to bodies of CREATE2. The arithmetic of all of them is done together.
    static func make(toCreate2 bodies: [[UInt8]], _ policy: RouterPolicy) -> [Result<HandshakeAnswer, any Error>] {
        let messages = bodies.map { body in Result { try Create2Message(body) } }
        let questions = messages.map { question(try? $0.get(), policy) }
        var answers = Curve25519Key.answer(questions.compactMap(\.self)).makeIterator()
        return zip(messages, questions).map { message, question in
            let agreed = question == nil ? nil : answers.next() ?? nil
            return Result { try answer(message.get(), agreed, policy) }
        }
    }

    private static func question(_ message: Create2Message?, _ policy: RouterPolicy) -> Curve25519Key.Question? {
        guard let message else { return nil }
        let once = SecretBytes.random(Curve25519Key.bytes)
        return switch message.handshakeType {
        case HandshakeType.ntor: NtorServer.question(message.handshake, onionKeys: policy.onionKeys, ephemeral: once)
        case HandshakeType.ntorV3: NtorV3Server.question(message.handshake, onionKeys: policy.onionKeys, ephemeral: once)
        default: nil
        }
    }

    private static func answer(_ message: Create2Message, _ agreed: Curve25519Answer?, _ policy: RouterPolicy) throws -> HandshakeAnswer {
        guard let identity = policy.identity else { throw HandshakeFailure.refused }
        switch message.handshakeType {
        case HandshakeType.ntor: return try ntor(message.handshake, identity, policy, agreed)
        case HandshakeType.ntorV3: return try ntorV3(message.handshake, identity, policy, agreed)
        default: throw HandshakeFailure.malformed
        }
    }

    private static func ntor(
        _ skin: [UInt8], _ identity: LinkIdentity, _ policy: RouterPolicy, _ agreed: Curve25519Answer?
    ) throws(HandshakeFailure) -> HandshakeAnswer {
        let (reply, keys) = try NtorServer.respond(skin, identity: identity.rsa, onionKeys: policy.onionKeys, agreed: agreed)
        return HandshakeAnswer(command: CellCommand.created2, reply: Created2Message(handshake: reply).encoded, keys: keys)
    }

    private static func ntorV3(
        _ skin: [UInt8], _ identity: LinkIdentity, _ policy: RouterPolicy, _ agreed: Curve25519Answer?
    ) throws(HandshakeFailure) -> HandshakeAnswer {
        var increment: UInt8?
        let (reply, keys) = try NtorV3Server.respond(skin, identity: identity.ed25519, onionKeys: policy.onionKeys, agreed: agreed) { asked in
            if asked.wantsCongestionControl, policy.flow.isCongestionControlled { increment = policy.flow.sendmeIncrement }
            return CircuitExtensions(sendmeIncrement: increment)
        }
        return HandshakeAnswer(command: CellCommand.created2, reply: Created2Message(handshake: reply).encoded, keys: keys, sendmeIncrement: increment)
    }
}

extension SkinKind {
    /// Of a CREATE cell; what is of no handshake that we know is refused before it is counted.
    init(_ command: UInt8, _ body: [UInt8]) {
        guard command == CellCommand.create2 else {
            self = command == CellCommand.createFast ? .fast : .tap
            return
        }
        self = (try? Create2Message(body))?.handshakeType == HandshakeType.ntorV3 ? .ntorV3 : .ntor
    }
}

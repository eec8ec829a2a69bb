internal import Bytes
package import Sealing

/// What both sides of the ntor v3 handshake compute (tor-spec "The ntor-v3 handshake").
enum NtorV3 {
    static let keyBytes = 32
    static let proofBytes = 32
    /// NODEID 32, KEYID 32, CLIENT_PK 32; the encrypted message and its MAC follow.
    static let skinHeaderBytes = 96
    /// SERVER_PK 32, AUTH 32; the encrypted message follows.
    static let replyHeaderBytes = 64
    /// Binds a handshake to its purpose: circuits of CREATE2 and EXTEND2.
    static let circuitVerification = Array("circuit extend".utf8)

    static let name = Array("ntor3-curve25519-sha3_256-1".utf8)

    /// Everything public before the relay answers, and the purpose.
    struct Request {
        let relay: Ed25519Identity
        let onionKey: [UInt8]
        let clientKey: [UInt8]
        let verification: [UInt8]

        /// Keys of the client's message; `shared` is EXP(onion key, client key).
        func messageKeys(shared: [UInt8]) -> (encryption: [UInt8], mac: [UInt8]) {
            var secret = shared + relay.bytes + clientKey + onionKey + name + encapsulated(verification)
            defer { secret.wipe() }
            let keys = Digest.shake256(tweak("kdf_phase1") + secret, count: 2 * keyBytes)
            return (Array(keys[..<keyBytes]), Array(keys[keyBytes...]))
        }

        func mac(key: [UInt8], _ encrypted: [UInt8]) -> [UInt8] {
            Digest.sha3_256(tweak("msg_mac") + encapsulated(key) + relay.bytes + onionKey + clientKey + encrypted)
        }
    }

    /// What follows from both shared secrets: how the relay proves itself, and the stream of keys.
    struct Agreement {
        private let request: Request
        private let serverKey: [UInt8]
        private let verify: [UInt8]
        private let seed: [UInt8]

        /// `shared` is EXP(client key, server key) | EXP(client key, onion key).
        init(shared: [UInt8], _ request: Request, serverKey: [UInt8]) {
            self.request = request
            self.serverKey = serverKey
            var secret = shared + request.relay.bytes + request.onionKey + request.clientKey + serverKey + name + encapsulated(request.verification)
            defer { secret.wipe() }
            seed = Digest.sha3_256(tweak("key_seed") + secret)
            verify = Digest.sha3_256(tweak("verify") + secret)
        }

        /// AUTH over the client's MAC and the relay's encrypted message.
        func proof(mac: [UInt8], _ encrypted: [UInt8]) -> [UInt8] {
            let input = verify + request.relay.bytes + request.onionKey + serverKey + request.clientKey + mac + encapsulated(encrypted) + name
            return Digest.sha3_256(tweak("auth_final") + input + Array("Server".utf8))
        }

        /// The key of the relay's message, then `count` bytes for the circuit.
        func stream(count: Int) -> (encryption: [UInt8], keys: [UInt8]) {
            let stream = Digest.shake256(tweak("kdf_final") + seed, count: keyBytes + count)
            return (Array(stream[..<keyBytes]), Array(stream[keyBytes...]))
        }
    }

    static func encapsulated(_ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + bytes.count)
        writer.u64(UInt64(bytes.count))
        writer.append(bytes)
        return writer.bytes
    }

    private static func tweak(_ purpose: String) -> [UInt8] { encapsulated(name + Array(":\(purpose)".utf8)) }

    static func crypt(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var message = message
        AESCounter(key: key).apply(&message)
        return message
    }
}

/// The client's side of ntor v3 with one relay (tor-spec "The ntor-v3 handshake").
package struct NtorV3Client {
    private let request: NtorV3.Request
    private let ephemeral: Curve25519Key
    private let mac: [UInt8]
    private let crypto: RelayCrypto
    /// What CREATE2 or EXTEND2 carries.
    package let onionSkin: [UInt8]

    /// `onionKey` is the relay's ntor key, 32 bytes; `ephemeral` must be fresh. Fails with `badKey` when the onion key gives no secret.
    package init(relay: Ed25519Identity, onionKey: [UInt8], ephemeral: Curve25519Key, extensions: CircuitExtensions) throws(HandshakeFailure) {
        try self.init(relay: relay, onionKey: onionKey, ephemeral: ephemeral, message: extensions.encoded, verification: NtorV3.circuitVerification,
            crypto: extensions.crypto)
    }

    init(
        relay: Ed25519Identity, onionKey: [UInt8], ephemeral: Curve25519Key, message: [UInt8], verification: [UInt8], crypto: RelayCrypto = .tor1
    ) throws(HandshakeFailure) {
        guard var shared = ephemeral.agree(with: onionKey) else { throw .badKey }
        defer { shared.wipe() }
        let clientKey = ephemeral.publicKey
        request = NtorV3.Request(relay: relay, onionKey: onionKey, clientKey: clientKey, verification: verification)
        self.ephemeral = ephemeral
        self.crypto = crypto
        let keys = request.messageKeys(shared: shared)
        let encrypted = NtorV3.crypt(message, key: keys.encryption)
        mac = request.mac(key: keys.mac, encrypted)
        onionSkin = relay.bytes + onionKey + clientKey + encrypted + mac
    }

    /// `reply` is what CREATED2 or EXTENDED2 carried. A relay that answers at all grants the crypto that was asked for, but that is of no use
    /// without congestion control: its messages know no stream windows.
    package func finish(_ reply: [UInt8]) throws(HandshakeFailure) -> (keys: CircuitKeys, extensions: CircuitExtensions) {
        let (stream, message) = try open(reply, count: CircuitKeys.streamBytes(crypto))
        guard let extensions = try? CircuitExtensions(message) else { throw .malformed }
        guard crypto == .tor1 || extensions.sendmeIncrement != nil else { throw .refused }
        return (CircuitKeys(crypto, stream: stream), extensions)
    }

    func open(_ reply: [UInt8], count: Int) throws(HandshakeFailure) -> (stream: [UInt8], message: [UInt8]) {
        guard reply.count >= NtorV3.replyHeaderBytes else { throw .malformed }
        let serverKey = Array(reply[..<NtorV3.keyBytes])
        guard var first = ephemeral.agree(with: serverKey), var second = ephemeral.agree(with: request.onionKey) else { throw .badKey }
        defer {
            first.wipe()
            second.wipe()
        }
        let agreement = NtorV3.Agreement(shared: first + second, request, serverKey: serverKey)
        let encrypted = Array(reply[NtorV3.replyHeaderBytes...])
        guard Digest.equal(agreement.proof(mac: mac, encrypted), reply[NtorV3.keyBytes..<NtorV3.replyHeaderBytes]) else { throw .badProof }
        let (key, stream) = agreement.stream(count: count)
        return (stream, NtorV3.crypt(encrypted, key: key))
    }
}

/// The relay's side of ntor v3 (tor-spec "The ntor-v3 handshake").
package enum NtorV3Server {
    /// What has to be computed before `respond`; `nil` when it will refuse without. `ephemeral` must be fresh: 32 bytes.
    package static func question(_ onionSkin: [UInt8], onionKeys: [Curve25519Key], ephemeral: SecretBytes) -> Curve25519Key.Question? {
        guard onionSkin.count >= NtorV3.skinHeaderBytes, let key = onionKey(of: onionSkin, among: onionKeys) else { return nil }
        return Curve25519Key.Question(key: key, point: Array(onionSkin[64..<NtorV3.skinHeaderBytes]), ephemeral: ephemeral)
    }

    /// The one that the client made its skin for.
    private static func onionKey(of skin: [UInt8], among keys: [Curve25519Key]) -> Curve25519Key? {
        keys.first { $0.publicKey.elementsEqual(skin[32..<64]) }
    }

    /// `agreed` is the answer to `question`, if it has one. `answer` decides what the client's extensions get; `nil` refuses them. The
    /// crypto asked for is granted, though never without congestion control: its messages know no stream windows.
    package static func respond(
        _ onionSkin: [UInt8], identity: Ed25519Identity, onionKeys: [Curve25519Key], agreed: Curve25519Answer?,
        answer: (CircuitExtensions) -> CircuitExtensions?
    ) throws(HandshakeFailure) -> (reply: [UInt8], keys: CircuitKeys) {
        var crypto = RelayCrypto.tor1
        let (reply, stream) = try respond(
            onionSkin, identity: identity, onionKeys: onionKeys, agreed: agreed, verification: NtorV3.circuitVerification
        ) { message in
            guard let asked = try? CircuitExtensions(message), let answered = answer(asked) else { return nil }
            guard asked.crypto == .tor1 || answered.sendmeIncrement != nil else { return nil }
            crypto = asked.crypto
            return (answered.encoded, CircuitKeys.streamBytes(crypto))
        }
        return (reply, CircuitKeys(crypto, stream: stream))
    }

    /// The same for one skin by itself; `ephemeral` must be fresh: 32 bytes.
    package static func respond(
        _ onionSkin: [UInt8], identity: Ed25519Identity, onionKeys: [Curve25519Key], ephemeral: SecretBytes,
        answer: (CircuitExtensions) -> CircuitExtensions?
    ) throws(HandshakeFailure) -> (reply: [UInt8], keys: CircuitKeys) {
        let agreed = question(onionSkin, onionKeys: onionKeys, ephemeral: ephemeral).flatMap { Curve25519Key.answer([$0])[0] }
        return try respond(onionSkin, identity: identity, onionKeys: onionKeys, agreed: agreed, answer: answer)
    }

    static func respond(
        _ skin: [UInt8], identity: Ed25519Identity, onionKeys: [Curve25519Key], agreed: Curve25519Answer?, verification: [UInt8],
        answer: ([UInt8]) -> (message: [UInt8], keyBytes: Int)?
    ) throws(HandshakeFailure) -> (reply: [UInt8], stream: [UInt8]) {
        guard skin.count >= NtorV3.skinHeaderBytes + NtorV3.proofBytes else { throw .malformed }
        guard skin[..<32].elementsEqual(identity.bytes) else { throw .wrongRelay }
        guard let onionKey = onionKey(of: skin, among: onionKeys) else { throw .unknownOnionKey }
        guard let agreed else { throw .badKey }
        let clientKey = Array(skin[64..<NtorV3.skinHeaderBytes])
        let request = NtorV3.Request(relay: identity, onionKey: onionKey.publicKey, clientKey: clientKey, verification: verification)
        let (message, mac) = try open(skin, request, shared: agreed.lasting)
        guard let (answered, count) = answer(message) else { throw .refused }
        let agreement = NtorV3.Agreement(shared: agreed.ephemeral + agreed.lasting, request, serverKey: agreed.publicKey)
        let (key, stream) = agreement.stream(count: count)
        let encrypted = NtorV3.crypt(answered, key: key)
        return (agreed.publicKey + agreement.proof(mac: mac, encrypted) + encrypted, stream)
    }

    /// The client's message, once its MAC holds.
    private static func open(_ skin: [UInt8], _ request: NtorV3.Request, shared: [UInt8]) throws(HandshakeFailure) -> (message: [UInt8], mac: [UInt8]) {
        let keys = request.messageKeys(shared: shared)
        let encrypted = Array(skin[NtorV3.skinHeaderBytes..<skin.count - NtorV3.proofBytes])
        let mac = Array(skin.suffix(NtorV3.proofBytes))
        guard Digest.equal(request.mac(key: keys.mac, encrypted), mac) else { throw .badProof }
        return (NtorV3.crypt(encrypted, key: keys.encryption), mac)
    }
}

internal import Bytes
package import Sealing

/// What both sides of the ntor handshake compute (tor-spec "The ntor handshake").
enum Ntor {
    static let keyBytes = 32
    /// NODEID 20, KEYID 32, CLIENT_KP 32.
    static let onionSkinBytes = 84
    /// SERVER_KP 32, AUTH 32.
    static let replyBytes = 64

    private static let protocolName = "ntor-curve25519-sha256-1"
    private static let name = Array(protocolName.utf8)
    private static let server = Array("Server".utf8)
    private static let macTweak = Array("\(protocolName):mac".utf8)
    private static let keyTweak = Array("\(protocolName):key_extract".utf8)
    private static let verifyTweak = Array("\(protocolName):verify".utf8)
    private static let expandInfo = Array("\(protocolName):key_expand".utf8)

    /// Everything public in one run of the handshake.
    struct Transcript {
        let relay: RSAIdentity
        let onionKey: [UInt8]
        let clientKey: [UInt8]
        let serverKey: [UInt8]
    }

    /// `first` is EXP(ephemeral, ephemeral), `second` EXP(ephemeral, onion key). The proof is the server's AUTH.
    static func derive(_ first: [UInt8], _ second: [UInt8], _ transcript: Transcript) -> (proof: [UInt8], keys: CircuitKeys) {
        let (id, b, x, y) = (transcript.relay.bytes, transcript.onionKey, transcript.clientKey, transcript.serverKey)
        var secret = joined([first, second, id, b, x, y, name])
        var verify = Digest.hmacSHA256(key: verifyTweak, secret)
        let proof = Digest.hmacSHA256(key: macTweak, joined([verify, id, b, y, x, name, server]))
        var stream = Digest.hkdfSHA256(secret: secret, salt: keyTweak, info: expandInfo, count: CircuitKeys.streamBytes(.tor1))
        defer {
            secret.wipe()
            verify.wipe()
            stream.wipe()
        }
        return (proof, CircuitKeys(.tor1, stream: stream))
    }

    /// The one that the client made its skin for.
    static func onionKey(of skin: [UInt8], among keys: [Curve25519Key]) -> Curve25519Key? {
        keys.first { $0.publicKey.elementsEqual(skin[20..<52]) }
    }

    /// In one piece of memory, so that there is one to wipe.
    private static func joined(_ parts: [[UInt8]]) -> [UInt8] {
        var whole: [UInt8] = []
        whole.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for part in parts { whole += part }
        return whole
    }
}

/// The client's side of ntor with one relay (tor-spec "The ntor handshake").
package struct NtorClient {
    private let relay: RSAIdentity
    private let onionKey: [UInt8]
    private let ephemeral: Curve25519Key

    /// `onionKey` is the relay's ntor key, 32 bytes; `ephemeral` must be fresh.
    package init(relay: RSAIdentity, onionKey: [UInt8], ephemeral: Curve25519Key) {
        self.relay = relay
        self.onionKey = onionKey
        self.ephemeral = ephemeral
    }

    /// What CREATE2 or EXTEND2 carries, 84 bytes.
    package var onionSkin: [UInt8] { relay.bytes + onionKey + ephemeral.publicKey }

    /// `reply` is what CREATED2 or EXTENDED2 carried.
    package func finish(_ reply: [UInt8]) throws(HandshakeFailure) -> CircuitKeys {
        guard reply.count >= Ntor.replyBytes else { throw .malformed }
        let serverKey = Array(reply[..<Ntor.keyBytes])
        guard var first = ephemeral.agree(with: serverKey), var second = ephemeral.agree(with: onionKey) else { throw .badKey }
        defer {
            first.wipe()
            second.wipe()
        }
        let transcript = Ntor.Transcript(relay: relay, onionKey: onionKey, clientKey: ephemeral.publicKey, serverKey: serverKey)
        let (proof, keys) = Ntor.derive(first, second, transcript)
        guard Digest.equal(proof, reply[Ntor.keyBytes..<Ntor.replyBytes]) else { throw .badProof }
        return keys
    }
}

/// The relay's side of ntor (tor-spec "The ntor handshake").
package enum NtorServer {
    /// What has to be computed before `respond`; `nil` when it will refuse without. `ephemeral` must be fresh: 32 bytes.
    package static func question(_ onionSkin: [UInt8], onionKeys: [Curve25519Key], ephemeral: SecretBytes) -> Curve25519Key.Question? {
        guard onionSkin.count >= Ntor.onionSkinBytes, let key = Ntor.onionKey(of: onionSkin, among: onionKeys) else { return nil }
        return Curve25519Key.Question(key: key, point: Array(onionSkin[52..<84]), ephemeral: ephemeral)
    }

    /// `onionSkin` has at least 84 bytes, what follows is ignored; `agreed` is the answer to `question`, if it has one.
    package static func respond(
        _ onionSkin: [UInt8], identity: RSAIdentity, onionKeys: [Curve25519Key], agreed: Curve25519Answer?
    ) throws(HandshakeFailure) -> (reply: [UInt8], keys: CircuitKeys) {
        guard onionSkin.count >= Ntor.onionSkinBytes else { throw .malformed }
        guard onionSkin[..<20].elementsEqual(identity.bytes) else { throw .wrongRelay }
        guard let onionKey = Ntor.onionKey(of: onionSkin, among: onionKeys) else { throw .unknownOnionKey }
        guard let agreed else { throw .badKey }
        let transcript = Ntor.Transcript(
            relay: identity, onionKey: onionKey.publicKey, clientKey: Array(onionSkin[52..<84]), serverKey: agreed.publicKey)
        let (proof, keys) = Ntor.derive(agreed.ephemeral, agreed.lasting, transcript)
        return (agreed.publicKey + proof, keys)
    }

    /// The same for one skin by itself; `ephemeral` must be fresh: 32 bytes.
    package static func respond(
        _ onionSkin: [UInt8], identity: RSAIdentity, onionKeys: [Curve25519Key], ephemeral: SecretBytes
    ) throws(HandshakeFailure) -> (reply: [UInt8], keys: CircuitKeys) {
        let agreed = question(onionSkin, onionKeys: onionKeys, ephemeral: ephemeral).flatMap { Curve25519Key.answer([$0])[0] }
        return try respond(onionSkin, identity: identity, onionKeys: onionKeys, agreed: agreed)
    }
}

internal import Bytes
package import Sealing

/// ESTABLISH_INTRO: a service asks a relay to be one of its introduction points (rend-spec-v3 "Registering an introduction point").
package struct EstablishIntroMessage: Equatable, Sendable {
    private static let ed25519KeyType: UInt8 = 2
    private static let macBytes = 32
    private static let signaturePrefix = Array("Tor establish-intro cell v1".utf8)

    /// The key by which clients name this introduction point.
    package let authKey: Ed25519Identity
    /// What the service asks for by the extension for introduction floods.
    package let defence: DefenceRequest
    private let macInput: ArraySlice<UInt8>
    private let mac: [UInt8]
    private let signed: ArraySlice<UInt8>
    private let signature: [UInt8]

    /// Parses without believing anything; see `verify`. What follows the signature is ignored.
    package init(_ body: [UInt8]) throws(ServiceMessageError) {
        self = try ByteReader.serviceMessage(body) { reader in
            // 0 and 1 are how services of the obsolete version 2 begin: no error of anybody's making, but nothing that we serve.
            guard try reader.u8() == Self.ed25519KeyType else { throw ServiceMessageError.obsolete }
            guard try reader.u16() == 32, let key = Ed25519Identity(try reader.slice(32)) else { throw ServiceMessageError.badLength }
            var defence = DefenceRequest.none
            try reader.eachServiceExtension { type, data in
                if type == DefenceRequest.extensionType, let asked = DefenceRequest(extension: data) { defence = asked }
            }
            let macEnd = body.count - reader.remaining
            let mac = try reader.bytes(Self.macBytes)
            let signedEnd = body.count - reader.remaining
            guard try reader.u16() == 64 else { throw ServiceMessageError.badLength }
            return EstablishIntroMessage(
                authKey: key, defence: defence, macInput: body[..<macEnd], mac: mac, signed: body[..<signedEnd], signature: try reader.bytes(64))
        }
    }

    private init(authKey: Ed25519Identity, defence: DefenceRequest, macInput: ArraySlice<UInt8>, mac: [UInt8], signed: ArraySlice<UInt8>, signature: [UInt8]) {
        self.authKey = authKey
        self.defence = defence
        self.macInput = macInput
        self.mac = mac
        self.signed = signed
        self.signature = signature
    }

    /// Whether the service holds the key and sent this over this very circuit, whose KH is `circuitNonce` (20 bytes).
    package func isProven(circuitNonce: [UInt8]) -> Bool {
        Digest.equal(ServiceMAC.compute(key: circuitNonce, macInput), mac)
            && Ed25519.verify(signature, of: Self.signaturePrefix + signed, by: authKey.bytes)
    }
}

extension EstablishIntroMessage {
    /// What a service sends; `extensions` are the bytes of the extension list.
    package static func make(authKey: Ed25519Key, circuitNonce: [UInt8], extensions: [UInt8] = [0]) -> [UInt8] {
        var writer = ByteWriter(capacity: 160)
        writer.u8(ed25519KeyType)
        writer.u16(32)
        writer.append(authKey.publicKey)
        writer.append(extensions)
        writer.append(ServiceMAC.compute(key: circuitNonce, writer.bytes))
        let signature = authKey.sign(signaturePrefix + writer.bytes)
        writer.u16(UInt16(signature.count))
        writer.append(signature)
        return writer.bytes
    }

    /// The answer, INTRO_ESTABLISHED: no extensions.
    package static let established: [UInt8] = [0]
}

/// The keyed digest of onion services: SHA3-256 over the key's length, the key and the message (rend-spec-v3 "Cryptographic building blocks").
package enum ServiceMAC {
    package static func compute(key: [UInt8], _ message: some Collection<UInt8>) -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + key.count + message.count)
        writer.u64(UInt64(key.count))
        writer.append(key)
        writer.append(Array(message))
        return Digest.sha3_256(writer.bytes)
    }
}

/// What a circuit handshake yields for one tor1 hop, as seen by both sides alike (tor-spec "Setting circuit keys").
package struct CircuitKeys: Equatable, Sendable {
    static let materialBytes = 72
    static let nonceBytes = 20

    /// Seeds of the running digests, 20 bytes; forward is away from the client.
    package let forwardDigest: [UInt8]
    package let backwardDigest: [UInt8]
    /// AES-128 keys, 16 bytes.
    package let forwardKey: [UInt8]
    package let backwardKey: [UInt8]
    /// KH, 20 bytes: binds what is said later to this circuit.
    package let nonce: [UInt8]

    /// `material` is Df | Db | Kf | Kb, 72 bytes.
    init(material: ArraySlice<UInt8>, nonce: ArraySlice<UInt8>) {
        precondition(material.count == Self.materialBytes && nonce.count == Self.nonceBytes)
        let start = material.startIndex
        forwardDigest = Array(material[start..<start + 20])
        backwardDigest = Array(material[start + 20..<start + 40])
        forwardKey = Array(material[start + 40..<start + 56])
        backwardKey = Array(material[start + 56..<start + 72])
        self.nonce = Array(nonce)
    }
}

/// Why a circuit handshake fails.
package enum HandshakeFailure: Error, Equatable {
    /// Too short, or of the wrong kind.
    case malformed
    /// It was made for another relay.
    case wrongRelay
    /// It was made for an onion key that we do not have (any more).
    case unknownOnionKey
    /// A public key that gives no secret.
    case badKey
    /// The other side does not know what it must know.
    case badProof
    /// It asks for, or grants, what cannot be.
    case refused
}

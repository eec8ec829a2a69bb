package import Sealing

/// What a circuit handshake yields for one hop, as seen by both sides alike (tor-spec "Setting circuit keys", proposal 359 section 3.7).
package struct CircuitKeys: Equatable, Sendable {
    static let nonceBytes = 20

    package let crypto: RelayCrypto
    /// What each direction's `HopCipher` takes; forward is away from the client.
    package private(set) var forward: [UInt8]
    package private(set) var backward: [UInt8]
    /// KH, 20 bytes: binds what is said later to this circuit.
    package private(set) var nonce: [UInt8]

    /// Bytes of both directions.
    static func materialBytes(_ crypto: RelayCrypto) -> Int { 2 * crypto.materialBytes }

    /// `material` is Df | Db | Kf | Kb for tor1, and one direction after the other for Counter Galois Onion.
    init(_ crypto: RelayCrypto, material: ArraySlice<UInt8>, nonce: ArraySlice<UInt8>) {
        precondition(material.count == Self.materialBytes(crypto) && nonce.count == Self.nonceBytes)
        let (bytes, half) = (Array(material), crypto.materialBytes)
        self.crypto = crypto
        switch crypto {
        case .tor1:
            forward = Array(bytes[..<20] + bytes[40..<56])
            backward = Array(bytes[20..<40] + bytes[56...])
        case .counterGalois:
            forward = Array(bytes[..<half])
            backward = Array(bytes[half...])
        }
        self.nonce = Array(nonce)
    }

    /// From the stream of bytes that a handshake derives: the material, then KH.
    init(_ crypto: RelayCrypto, stream: [UInt8]) {
        let count = Self.materialBytes(crypto)
        self.init(crypto, material: stream[..<count], nonce: stream[count...])
    }

    /// Zeroes the bytes where they are, if nobody else holds a copy.
    package mutating func wipe() {
        forward.wipe()
        backward.wipe()
        nonce.wipe()
    }

    static func streamBytes(_ crypto: RelayCrypto) -> Int { materialBytes(crypto) + nonceBytes }
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

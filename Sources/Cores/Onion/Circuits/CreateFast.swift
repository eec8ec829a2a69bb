internal import Sealing

/// CREATE_FAST and CREATED_FAST: a first hop protected by TLS alone, for clients that know no onion key yet
/// (tor-spec "CREATE_FAST/CREATED_FAST cells").
package enum CreateFast {
    package static let requestBytes = 20
    package static let replyBytes = 40

    /// The relay's side. `x` is the cell's body (padding allowed), `y` has 20 random bytes; `nil` when either is too short.
    package static func respond(x: [UInt8], y: [UInt8]) -> (reply: [UInt8], keys: CircuitKeys)? {
        guard x.count >= requestBytes, y.count == requestBytes else { return nil }
        let (proof, keys) = derive(x: x[..<requestBytes], y: y[...])
        return (y + proof, keys)
    }

    /// The client's side. `reply` is the body of CREATED_FAST (padding allowed).
    package static func finish(x: [UInt8], reply: [UInt8]) throws(HandshakeFailure) -> CircuitKeys {
        guard x.count == requestBytes, reply.count >= replyBytes else { throw .malformed }
        let (proof, keys) = derive(x: x[...], y: reply[..<requestBytes])
        guard Digest.equal(proof, reply[requestBytes..<replyBytes]) else { throw .badProof }
        return keys
    }

    private static func derive(x: ArraySlice<UInt8>, y: ArraySlice<UInt8>) -> (proof: [UInt8], keys: CircuitKeys) {
        let stream = Digest.kdfTor(secret: Array(x + y), count: CircuitKeys.streamBytes(.tor1))
        let proof = stream[..<CircuitKeys.nonceBytes]
        return (Array(proof), CircuitKeys(.tor1, material: stream[CircuitKeys.nonceBytes...], nonce: proof))
    }
}

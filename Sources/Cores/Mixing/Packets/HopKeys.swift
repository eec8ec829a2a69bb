internal import Sealing

/// What one hop and the sender derive from the secret that they share; zeroed with it.
final class HopKeys {
    private(set) var digestKey: [UInt8]
    private(set) var streamKey: [UInt8]
    private(set) var nonce: [UInt8]
    private(set) var payloadKey: [UInt8]
    private var blindingSeed: [UInt8]

    private static let info = Array("katzenpost-kdf-v0-hkdf-sha256".utf8)
    private static let lengths = [32, 32, AEZ.nonceBytes, AEZ.keyBytes, 32]

    init(secret: [UInt8]) {
        var material = Digest.expandSHA256(secret: secret, info: Self.info, count: Self.lengths.reduce(0, +))
        defer { material.wipe() }
        var parts: [[UInt8]] = [], start = 0
        for length in Self.lengths {
            parts.append(Array(material[start..<start + length]))
            start += length
        }
        (digestKey, streamKey, nonce, payloadKey, blindingSeed) = (parts[0], parts[1], parts[2], parts[3], parts[4])
    }

    deinit {
        digestKey.wipe()
        streamKey.wipe()
        payloadKey.wipe()
        blindingSeed.wipe()
    }

    /// By which the group element is multiplied before it goes on.
    var blinding: SecretBytes {
        var scalar = ChaCha20.stream(key: blindingSeed, count: SphinxLayout.elementBytes)
        defer { scalar.wipe() }
        return SecretBytes(scalar)
    }

    /// XORs with the stream that hides the routing.
    func hide(_ bytes: inout [UInt8]) { AESCounter(key: streamKey, iv: nonce).apply(&bytes) }

    func digest(_ header: [UInt8]) -> [UInt8] { Digest.hmacSHA256(key: digestKey, header) }

    func payload(_ direction: AEZ.Direction, _ bytes: inout [UInt8], from start: Int = 0) {
        AEZ.apply(direction, &bytes, from: start, key: payloadKey, nonce: nonce)
    }
}

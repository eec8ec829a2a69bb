package import Sealing

/// An RSA key as issuers publish it: a SubjectPublicKeyInfo whose algorithm is RSASSA-PSS with SHA-384, MGF1 and 48 bytes of salt
/// (RFC 9578, section 6.5).
package enum TokenPublicKey {
    /// The AlgorithmIdentifier in DER.
    private static let algorithm: [UInt8] = [
        0x30, 0x3D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A, 0x30, 0x30, 0xA0, 0x0D, 0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
        0xA1, 0x1A, 0x30, 0x18, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08, 0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
        0xA2, 0x03, 0x02, 0x01, 0x30,
    ]
    private static let bits = 2048
    /// Of each one, for the exponent is always the same.
    package static let bytesCount = 342

    package static func encode(_ key: RSAPublicKey) -> [UInt8] {
        element(0x30, algorithm + element(0x03, [0] + key.der))
    }

    /// `nil` unless it is the one encoding of a key of 2,048 bits.
    package static func decode(_ bytes: [UInt8]) -> RSAPublicKey? {
        // Two heads of four and five bytes, as long as the key is between 256 bytes and 64 kB.
        let head = 4 + algorithm.count + 5
        guard bytes.count > head, let key = RSAPublicKey(der: Array(bytes[head...])), key.bits == bits, key.exponent == 65_537, encode(key) == bytes else { return nil }
        return key
    }

    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 255)] + content
    }
}

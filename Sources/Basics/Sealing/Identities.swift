internal import Bytes

/// A relay's RSA identity: the SHA-1 of the PKCS#1 DER of its RSA identity key.
package struct RSAIdentity: Hashable, Sendable, Comparable, CustomStringConvertible {
    private let digest: Digest20

    /// `nil` unless there are 20 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard let digest = Digest20(bytes) else { return nil }
        self.digest = digest
    }

    /// 40 hex digits, with or without a leading `$` or spaces between.
    package init?(hex text: some StringProtocol) {
        guard let bytes = Hex.decode(String(text.filter { $0 != " " && $0 != "$" })) else { return nil }
        self.init(bytes)
    }

    package var bytes: [UInt8] { digest.bytes }
    package var isZero: Bool { bytes.allSatisfy { $0 == 0 } }
    /// 40 upper-case hex digits.
    package var description: String { Hex.upper(bytes) }

    package static func < (a: RSAIdentity, b: RSAIdentity) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

/// A relay's Ed25519 identity: its master public key.
package struct Ed25519Identity: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// `nil` unless there are 32 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == 32 else { return nil }
        self.bytes = Array(bytes)
    }

    package var isZero: Bool { bytes.allSatisfy { $0 == 0 } }
    /// Unpadded base64.
    package var description: String { Base64.encode(bytes, padded: false) }
}

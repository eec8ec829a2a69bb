internal import Bytes
package import Sealing

/// The part of a descriptor that clients need, in the form an authority has given it (dir-spec.txt 3.3).
package struct Microdescriptor: Equatable, Sendable {
    /// A larger microdescriptor is refused.
    package static let limitBytes = 20_000

    package internal(set) var text: [UInt8]
    /// SHA-256 of the whole text.
    package internal(set) var digest: [UInt8]
    /// PKCS#1 DER of the TAP onion key, `nil` when it is left out.
    package internal(set) var onionKey: [UInt8]?
    /// curve25519, 32 bytes.
    package internal(set) var ntorKey: [UInt8]
    /// Canonical members: `$HEX` in upper case, nicknames in lower case.
    package internal(set) var family: [String]
    package internal(set) var familyIDs: [String]
    /// IPv4 exits; without a line in the document everything is refused.
    package internal(set) var policy: PolicySummary
    package internal(set) var ipv6Policy: PolicySummary
    package internal(set) var ed25519: Ed25519Identity?

    /// The name by which a consensus and a URL call it: unpadded base64.
    package var digestText: String { Base64.encode(digest, padded: false) }
}

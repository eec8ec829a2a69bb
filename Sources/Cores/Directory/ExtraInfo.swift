package import Ambience
package import Sealing

/// The document beside a server descriptor that holds a relay's statistics (dir-spec.txt 2.1.2).
///
/// Its Ed25519 signature has been checked; the RSA signature needs the descriptor's key, see `verify`.
package struct ExtraInfo: Equatable, Sendable {
    /// A larger document is refused.
    package static let limitBytes = 50_000

    /// The document's own bytes, from `extra-info` through the end of the RSA signature.
    package let text: [UInt8]
    /// SHA-1 of the text through `router-signature` and its newline.
    package let sha1: Digest20
    /// SHA-256 of the whole text.
    package let sha256: [UInt8]
    package let nickname: String
    package let rsa: RSAIdentity
    package let ed25519: Ed25519Identity
    package let published: WallTime
    let signatures: RelaySignatures
}

package import Ambience
package import Sealing

/// An authority's certificate: its long-term identity key vouches for a signing key (dir-spec.txt 3.1).
///
/// Cross-certificate and signature have been checked, times have not.
package struct KeyCertificate: Equatable, Sendable {
    /// A larger certificate is refused.
    package static let limitBytes = 20_000

    /// From `dir-key-certificate-version` through the end of the signature.
    package let text: [UInt8]
    /// SHA-1 of the identity key's DER: the `v3ident` of the authority.
    package let identity: RSAIdentity
    /// PKCS#1 DER.
    package let identityKey: [UInt8]
    /// PKCS#1 DER.
    package let signingKey: [UInt8]
    /// SHA-1 of the signing key's DER.
    package let signingKeyDigest: Digest20
    package let address: SocketAddress?
    package let published: WallTime
    package let expires: WallTime
}

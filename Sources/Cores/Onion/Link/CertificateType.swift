/// What the parts of a CERTS cell are (tor-spec "CERTS cells").
package enum CertificateType {
    /// Self-signed X.509 of the RSA-1024 identity.
    package static let rsaIdentity: UInt8 = 2
    /// The Ed25519 identity certifies the signing key.
    package static let signingKey: UInt8 = 4
    /// The signing key certifies the TLS certificate in use.
    package static let tlsLink: UInt8 = 5
    /// The signing key certifies the key that signs AUTHENTICATE.
    package static let linkAuthentication: UInt8 = 6
    /// The RSA identity vouches for the Ed25519 identity.
    package static let rsaCross: UInt8 = 7
}

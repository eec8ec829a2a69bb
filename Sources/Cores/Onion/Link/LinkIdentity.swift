package import Ambience
internal import Bytes
package import Sealing

/// The keys and certificates by which we prove who we are on links (tor-spec "CERTS cells").
///
/// Make a new one when the TLS certificate or the signing key changes, and at least once in `renewalSeconds`.
package struct LinkIdentity: Sendable {
    /// Half of what the link certificates live.
    package static let renewalSeconds: Int64 = 86_400
    private static let linkLifeSeconds: Int64 = 2 * 86_400
    private static let crossLifeSeconds: Int64 = 180 * 86_400
    private static let rsaLifeSeconds: Int64 = 365 * 86_400
    /// The start of the RSA certificate lies back, for peers whose clocks are late.
    private static let rsaBackdateSeconds: Int64 = 86_400

    package let rsa: RSAIdentity
    package let ed25519: Ed25519Identity
    /// SHA-256 of the PKCS#1 DER of the RSA identity key.
    let rsaKeyDigest: [UInt8]
    /// Signs AUTHENTICATE.
    let authenticationKey: Ed25519Key

    private let tlsCertificate: [UInt8]
    private let signingKey: Ed25519Key
    private let linkExpires: WallTime
    private let rsaCertificate: [UInt8]
    private let signingCertificate: [UInt8]
    private let linkCertificate: [UInt8]
    private let authenticationCertificate: [UInt8]
    private let crossCertificate: [UInt8]

    /// `signingCertificate` (type 4) must name its signer and certify `signingKey`; `tlsCertificate` is the DER of what our TLS shows,
    /// empty when nobody dials us.
    package init(
        rsaIdentity: RSAKey, ed25519Identity: Ed25519Identity, signingKey: Ed25519Key, signingCertificate: TorCertificate,
        tlsCertificate: [UInt8], now: WallTime
    ) {
        let rsaDER = rsaIdentity.publicKey.der
        rsa = RSAIdentity(Digest.sha1(rsaDER))!  // a SHA-1 has the 20 bytes of an identity
        ed25519 = ed25519Identity
        rsaKeyDigest = Digest.sha256(rsaDER)
        self.tlsCertificate = tlsCertificate
        self.signingKey = signingKey
        linkExpires = now + Self.linkLifeSeconds
        self.signingCertificate = signingCertificate.encoded
        authenticationKey = Ed25519Key()
        rsaCertificate = X509Certificate.selfSigned(
            rsaIdentity, commonName: Self.name(from: rsaDER + tlsCertificate),
            notBefore: (now - Self.rsaBackdateSeconds).secondsSinceEpoch, notAfter: (now + Self.rsaLifeSeconds).secondsSinceEpoch)
        linkCertificate = Self.linkCertificate(for: tlsCertificate, expires: linkExpires, signer: signingKey)
        authenticationCertificate = TorCertificate.make(
            kind: TorCertificate.Kind.linkAuthentication, subject: authenticationKey.publicKey,
            expires: linkExpires, signer: signingKey, includeSigner: false).encoded
        crossCertificate = RSACrossCertificate.make(
            ed25519Key: ed25519Identity.bytes, expires: now + Self.crossLifeSeconds, signer: rsaIdentity).encoded
    }

    /// The key type of a certificate whose subject is the SHA-256 of an X.509 certificate.
    static let x509DigestKeyType: UInt8 = 3
    static let ed25519KeyType: UInt8 = 1

    /// The body of CERTS for the side that was dialled, on a connection whose TLS shows `shown`: a connection that was accepted
    /// just before the TLS certificate changed still shows the old one.
    func responderCertificates(for shown: [UInt8]) -> [UInt8] {
        let link = shown == tlsCertificate ? linkCertificate : Self.linkCertificate(for: shown, expires: linkExpires, signer: signingKey)
        return Self.body([
            (CertificateType.rsaIdentity, rsaCertificate), (CertificateType.signingKey, signingCertificate),
            (CertificateType.tlsLink, link), (CertificateType.rsaCross, crossCertificate),
        ])
    }

    /// The body of CERTS for the side that dialled.
    var initiatorCertificates: [UInt8] {
        Self.body([
            (CertificateType.rsaIdentity, rsaCertificate), (CertificateType.signingKey, signingCertificate),
            (CertificateType.linkAuthentication, authenticationCertificate), (CertificateType.rsaCross, crossCertificate),
        ])
    }

    private static func linkCertificate(for tlsCertificate: [UInt8], expires: WallTime, signer: Ed25519Key) -> [UInt8] {
        TorCertificate.make(
            kind: TorCertificate.Kind.tlsLink, keyType: x509DigestKeyType, subject: Digest.sha256(tlsCertificate), expires: expires,
            signer: signer, includeSigner: false).encoded
    }

    private static func body(_ certificates: [(type: UInt8, bytes: [UInt8])]) -> [UInt8] {
        var writer = ByteWriter(capacity: 1500)
        writer.u8(UInt8(certificates.count))
        for (type, bytes) in certificates {
            writer.u8(type)
            writer.u16(UInt16(bytes.count))
            writer.append(bytes)
        }
        return writer.bytes
    }

    /// A host name without meaning, of the shape that stock uses.
    private static func name(from bytes: [UInt8]) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        let label = Digest.sha256(bytes).prefix(16).map { letters[Int($0 & 31)] }
        return "www." + String(decoding: label, as: UTF8.self) + ".com"
    }
}

internal import Ambience
internal import Bytes
internal import Sealing

/// The identities that a peer's CERTS cell holds together, checked (tor-spec "CERTS cells").
struct PeerCertificates {
    let rsa: RSAIdentity
    let ed25519: Ed25519Identity
    /// SHA-256 of the PKCS#1 DER of the RSA identity key.
    let rsaKeyDigest: [UInt8]
    /// From an initiator: the key that must sign AUTHENTICATE.
    let authenticationKey: [UInt8]?

    /// Whose CERTS it is.
    enum Side {
        /// The side we dialled, with the SHA-256 of the certificate that its TLS showed.
        case responder(tlsDigest: [UInt8])
        case initiator
    }

    private static let rsaBits = 1024
    /// How much X.509 lifetimes are stretched, as stock does: clocks of relays differ.
    private static let pastSlopSeconds: Int64 = 2 * 86_400
    private static let futureSlopSeconds: Int64 = 30 * 86_400

    init(_ body: [UInt8], from side: Side, now: WallTime) throws(LinkFailure) {
        let parts = try Self.parts(body)
        let key = try Self.rsaKey(parts, now)
        let signing = try Self.signingCertificate(parts, now)
        guard let master = signing.signingKey, let identity = Ed25519Identity(master) else {
            throw .badCertificate(type: CertificateType.signingKey)
        }
        try Self.checkCross(parts, master: master, signer: key, now)
        switch side {
        case .responder(let tlsDigest):
            let link = try Self.leaf(parts, CertificateType.tlsLink, keyType: LinkIdentity.x509DigestKeyType, signer: signing.subject, now)
            guard link == tlsDigest else { throw .badCertificate(type: CertificateType.tlsLink) }
            authenticationKey = nil
        case .initiator:
            authenticationKey = try Self.leaf(
                parts, CertificateType.linkAuthentication, keyType: LinkIdentity.ed25519KeyType, signer: signing.subject, now)
        }
        let der = key.der
        guard let rsa = RSAIdentity(Digest.sha1(der)) else { throw .badCertificate(type: CertificateType.rsaIdentity) }
        self.rsa = rsa
        ed25519 = identity
        rsaKeyDigest = Digest.sha256(der)
    }

    /// The certificates by type. Types that we do not know are kept out of the way, but even they may not come twice.
    private static func parts(_ body: [UInt8]) throws(LinkFailure) -> [UInt8: [UInt8]] {
        do {
            var reader = ByteReader(body)
            var parts: [UInt8: [UInt8]] = [:]
            for _ in 0..<(try reader.u8()) {
                let type = try reader.u8()
                let bytes = try reader.bytes(Int(try reader.u16()))
                guard parts.updateValue(bytes, forKey: type) == nil else { throw LinkFailure.duplicateCertificate(type: type) }
            }
            return parts
        } catch let failure as LinkFailure {
            throw failure
        } catch {
            throw .malformed(command: CellCommand.certs)
        }
    }

    private static func part(_ parts: [UInt8: [UInt8]], _ type: UInt8) throws(LinkFailure) -> [UInt8] {
        guard let bytes = parts[type] else { throw .missingCertificate(type: type) }
        return bytes
    }

    private static func rsaKey(_ parts: [UInt8: [UInt8]], _ now: WallTime) throws(LinkFailure) -> RSAPublicKey {
        let type = CertificateType.rsaIdentity
        let seconds = now.secondsSinceEpoch
        guard let certificate = X509Certificate(der: try part(parts, type)), certificate.isSelfSigned,
            let key = certificate.rsaKey, key.bits == rsaBits,
            seconds >= certificate.notBefore - futureSlopSeconds, seconds <= certificate.notAfter + pastSlopSeconds
        else { throw .badCertificate(type: type) }
        return key
    }

    private static func signingCertificate(_ parts: [UInt8: [UInt8]], _ now: WallTime) throws(LinkFailure) -> TorCertificate {
        let type = CertificateType.signingKey
        let bytes = try part(parts, type)
        guard let certificate = try? TorCertificate(bytes), certificate.kind == TorCertificate.Kind.signingKey,
            certificate.keyType == LinkIdentity.ed25519KeyType, let master = certificate.signingKey,
            (try? certificate.verify(signer: master, now: now)) != nil
        else { throw .badCertificate(type: type) }
        return certificate
    }

    private static func checkCross(_ parts: [UInt8: [UInt8]], master: [UInt8], signer: RSAPublicKey, _ now: WallTime) throws(LinkFailure) {
        let type = CertificateType.rsaCross
        guard let cross = RSACrossCertificate(try part(parts, type)), cross.ed25519Key == master, cross.isValid(signer: signer, now: now)
        else { throw .badCertificate(type: type) }
    }

    /// The subject of a certificate made by the signing key; its kind is numbered like its place in CERTS.
    private static func leaf(
        _ parts: [UInt8: [UInt8]], _ type: UInt8, keyType: UInt8, signer: [UInt8], _ now: WallTime
    ) throws(LinkFailure) -> [UInt8] {
        let bytes = try part(parts, type)
        guard let certificate = try? TorCertificate(bytes), certificate.kind == type, certificate.keyType == keyType,
            (try? certificate.verify(signer: signer, now: now)) != nil
        else { throw .badCertificate(type: type) }
        return certificate.subject
    }
}

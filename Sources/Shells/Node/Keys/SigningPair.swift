internal import Ambience
internal import Sealing

/// The medium-term signing key of a relay, and the certificate by which its master key vouches for it (cert-spec.txt, type 4).
struct SigningPair {
    static let secretName = "ed25519_signing_secret_key"
    static let certificateName = "ed25519_signing_cert"
    /// A pair is replaced when this little of its time is left.
    private static let slopSeconds: Int64 = 86400

    let key: Ed25519Key
    let certificate: TorCertificate
    /// The public key of the master.
    let master: [UInt8]

    /// What is on disk; `nil` when there is none, or none that fits together. Its time is not looked at.
    static func read(_ files: KeyFiles) throws(NodeFailure) -> SigningPair? {
        guard let key = try files.ed25519(secretName, .signingSecret), let bytes = try TaggedFile.signingCertificate.read(files.directory.key(certificateName)),
            let certificate = try? TorCertificate(bytes), certificate.kind == TorCertificate.Kind.signingKey, certificate.subject == key.publicKey,
            let master = certificate.signingKey, (try? certificate.verify(signer: master, now: WallTime(secondsSinceEpoch: 0))) != nil
        else { return nil }
        return SigningPair(key: key, certificate: certificate, master: master)
    }

    /// A fresh one, written to disk.
    static func make(_ files: KeyFiles, master: Ed25519Key, now: WallTime, lifetimeSeconds: Int64) throws(NodeFailure) -> SigningPair {
        let key = Ed25519Key()
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: key.publicKey, expires: now + lifetimeSeconds, signer: master, includeSigner: true)
        try files.write(key, secretName, .signingSecret)
        try TaggedFile.signingCertificate.write(files.directory.key(certificateName), certificate.encoded)
        return SigningPair(key: key, certificate: certificate, master: master.publicKey)
    }

    func isValid(at now: WallTime) -> Bool { now < certificate.expires }

    /// Whether it need not be replaced yet.
    func isFresh(at now: WallTime, lifetimeSeconds: Int64) -> Bool { certificate.expires - now > min(Self.slopSeconds, lifetimeSeconds / 4) }
}

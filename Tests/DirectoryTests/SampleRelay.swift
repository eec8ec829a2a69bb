import Ambience
import Directory
import Sealing

/// A relay with fresh keys.
struct SampleRelay {
    let keys: RelayKeys

    init(now: WallTime) {
        let master = Ed25519Key()
        let signing = Ed25519Key()
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: signing.publicKey, expires: now + 30 * 86400, signer: master, includeSigner: true)
        keys = RelayKeys(
            rsaIdentity: RSAKey.generate(bits: 1024), ed25519Identity: Ed25519Identity(master.publicKey)!, signingKey: signing, signingCertificate: certificate,
            onionKey: RSAKey.generate(bits: 1024), ntorKey: Curve25519Key())
    }

    func content(now: WallTime) -> DescriptorContent {
        var content = DescriptorContent(
            nickname: "mote1", address: IPAddress("127.0.0.1")!, orPort: 9001, platform: "dust-mote 0.1 on Linux", published: now,
            bandwidth: RouterDescriptor.Bandwidth(rate: 1_000_000, burst: 2_000_000, observed: 300_000))
        content.contact = "somebody@example.org"
        content.expires = now + 3600
        return content
    }
}

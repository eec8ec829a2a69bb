import Ambience
import Onion
import Sealing

@testable import Relaying

/// All keys of one relay, fresh.
struct RelayKeys {
    let tls: TLSContext
    let identity: LinkIdentity
    let onion = Curve25519Key()
    let rsa: RSAIdentity
    let ed25519: Ed25519Identity

    init(wall: WallTime) {
        tls = TLSContext(notBefore: wall.secondsSinceEpoch - 3600, notAfter: wall.secondsSinceEpoch + 86400)
        let rsa = RSAKey.generate(bits: 1024)
        let master = Ed25519Key()
        let signing = Ed25519Key()
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: signing.publicKey, expires: wall + 86400, signer: master, includeSigner: true)
        self.rsa = RSAIdentity(rsa.publicKey.fingerprint)!
        ed25519 = Ed25519Identity(master.publicKey)!
        identity = LinkIdentity(
            rsaIdentity: rsa, ed25519Identity: ed25519, signingKey: signing, signingCertificate: certificate, tlsCertificate: tls.certificate, now: wall)
    }

    func target(at address: SocketAddress) -> HopTarget {
        HopTarget(rsa: rsa, ed25519: ed25519, addresses: [address], ntorKey: onion.publicKey)
    }
}

import Ambience
import Onion
import Sealing

extension FuzzTarget {
    private static let files = [
        "LinkHandshake", "LinkHandshake+Initiator", "LinkHandshake+Responder", "LinkHandshake+Netinfo", "LinkInput", "LinkAuthentication",
        "PeerCertificates", "LinkVersions",
    ].map { "Cores/Onion/Link/\($0).swift" }
    private static let now = WallTime(secondsSinceEpoch: 1_601_000_000)

    /// Link cells before a link stands, and the certificates in them.
    static let links = [
        FuzzTarget("link-initiator", files) { bytes in
            var handshake = LinkFixture.shared.initiator()
            _ = handshake.start(now: LinkFixture.now)
            feed(&handshake, bytes)
        },
        FuzzTarget("link-responder", files) { bytes in
            var handshake = LinkFixture.shared.responder()
            _ = handshake.start(now: LinkFixture.now)
            feed(&handshake, bytes)
        },
        FuzzTarget("link-initiator-edits", files) { LinkFixture.shared.checkInitiator(Edits($0)) },
        FuzzTarget("link-responder-edits", files) { LinkFixture.shared.checkResponder(Edits($0)) },
        FuzzTarget("ed25519-certificate", ["Basics/Sealing/TorCertificate.swift"]) { bytes in
            guard let certificate = try? TorCertificate(bytes) else { return }
            precondition(certificate.encoded == bytes, "changes a certificate")
            try? certificate.verify(signer: certificate.subject, now: now)
        },
        FuzzTarget("rsa-cross-certificate", ["Basics/Sealing/TorCertificate.swift"]) { _ = RSACrossCertificate($0)?.encoded },
        FuzzTarget("x509", ["Basics/Sealing/X509.swift"]) { _ = X509Certificate(der: $0)?.rsaKey?.fingerprint },
        FuzzTarget("rsa-key", ["Basics/Sealing/RSAKey.swift"]) {
            guard let key = RSAPublicKey(der: $0) else { return }
            _ = key.fingerprint
            _ = key.recover($0)
        },
    ]

    /// In pieces, as a network gives them.
    private static func feed(_ handshake: inout LinkHandshake, _ bytes: [UInt8]) {
        let middle = bytes.count / 2
        for piece in [bytes[..<middle], bytes[middle...]] {
            guard let progress = try? handshake.receive(Array(piece), now: LinkFixture.now) else { return }
            if progress.established != nil { return }
        }
    }
}

/// Two relays and what an honest handshake between them says.
// SAFETY: nothing in it changes after it is made; the keys are only read.
final class LinkFixture: @unchecked Sendable {
    static let shared = LinkFixture()
    static let now = WallTime(secondsSinceEpoch: 1_790_000_000)
    private static let tlsCertificate = Array("the certificate that the responder's TLS shows".utf8)

    private let dialling = LinkFixture.makeIdentity(Array("another certificate".utf8))
    private let dialled = LinkFixture.makeIdentity(LinkFixture.tlsCertificate)

    private static func makeIdentity(_ tlsCertificate: [UInt8]) -> LinkIdentity {
        let (master, signing) = (Ed25519Key(), Ed25519Key())
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: signing.publicKey, expires: now + 30 * 86_400, signer: master, includeSigner: true)
        return LinkIdentity(
            rsaIdentity: RSAKey.generate(bits: 1024), ed25519Identity: Ed25519Identity(master.publicKey)!, signingKey: signing,
            signingCertificate: certificate, tlsCertificate: tlsCertificate, now: now)
    }

    private static func export(_ label: String, _ context: [UInt8], _ count: Int) -> [UInt8]? {
        Array(Digest.hmacSHA256(key: Array(label.utf8), context).prefix(count))
    }

    func initiator() -> LinkHandshake {
        LinkHandshake(role: .initiator(dialling), facts: LinkHandshake.Facts(
            ownTLSCertificate: [], peerTLSCertificate: Self.tlsCertificate, peerAddress: SocketAddress("10.0.0.2:9001")!, ownAddresses: [.v4(0x0A00_0001)],
            exportKey: Self.export, challenge: [UInt8](repeating: 1, count: 32), nonce: [UInt8](repeating: 2, count: 24)))
    }

    func responder() -> LinkHandshake {
        LinkHandshake(role: .responder(dialled), facts: LinkHandshake.Facts(
            ownTLSCertificate: Self.tlsCertificate, peerTLSCertificate: nil, peerAddress: SocketAddress("10.0.0.1:40000")!, ownAddresses: [.v4(0x0A00_0002)],
            exportKey: Self.export, challenge: [UInt8](repeating: 3, count: 32), nonce: [UInt8](repeating: 4, count: 24)))
    }

    /// Whoever is taken for the relay that was dialled must be it.
    func checkInitiator(_ edits: Edits) {
        var (initiator, responder) = (initiator(), responder())
        guard let answer = try? responder.receive(initiator.start(now: Self.now), now: Self.now).send else { preconditionFailure("honest VERSIONS are refused") }
        guard let peer = try? initiator.receive(edits.apply(to: answer), now: Self.now).established else { return }
        precondition(peer.rsa == dialled.rsa && peer.ed25519 == dialled.ed25519, "takes a stranger for the relay that was dialled")
    }

    /// Whoever authenticates must be who he says.
    func checkResponder(_ edits: Edits) {
        var (initiator, responder) = (initiator(), responder())
        guard let answer = try? responder.receive(initiator.start(now: Self.now), now: Self.now).send,
            let proof = try? initiator.receive(answer, now: Self.now).send
        else { preconditionFailure("an honest handshake is refused") }
        guard let peer = try? responder.receive(edits.apply(to: proof), now: Self.now).established, peer.isAuthenticated else { return }
        precondition(peer.rsa == dialling.rsa && peer.ed25519 == dialling.ed25519, "takes a stranger for a relay")
    }
}

import Ambience
import Onion
import Sealing

/// A relay's keys, as a test needs them.
struct TestRelay {
    let master = Ed25519Key()
    let signing = Ed25519Key()
    let rsa = RSAKey.generate(bits: 1024)
    let identity: LinkIdentity

    init(tlsCertificate: [UInt8], now: WallTime) {
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: signing.publicKey, expires: now + 30 * 86_400, signer: master, includeSigner: true)
        identity = LinkIdentity(
            rsaIdentity: rsa, ed25519Identity: Ed25519Identity(master.publicKey)!, signingKey: signing, signingCertificate: certificate,
            tlsCertificate: tlsCertificate, now: now)
    }
}

/// Both ends of one link, joined in memory. Two relays are enough for all tests: making RSA keys is slow.
struct LinkPair {
    static let now = WallTime(secondsSinceEpoch: 1_790_000_000)
    static let tlsCertificate = Array("the certificate that the responder's TLS shows".utf8)
    nonisolated(unsafe) static let dialling = TestRelay(tlsCertificate: Array("another certificate".utf8), now: now)
    nonisolated(unsafe) static let dialled = TestRelay(tlsCertificate: tlsCertificate, now: now)
    static let initiatorAddress = SocketAddress("10.0.0.1:40000")!
    static let responderAddress = SocketAddress("10.0.0.2:9001")!

    var initiator: LinkHandshake
    var responder: LinkHandshake
    var initiatorPeer: LinkPeer?
    var responderPeer: LinkPeer?
    var leftover: (initiator: [UInt8], responder: [UInt8]) = ([], [])

    /// What the TLS session of both ends would export.
    static func export(_ label: String, _ context: [UInt8], _ count: Int) -> [UInt8]? {
        Array(Digest.hmacSHA256(key: Array(label.utf8), context).prefix(count))
    }

    static func initiatorFacts() -> LinkHandshake.Facts {
        LinkHandshake.Facts(
            ownTLSCertificate: [], peerTLSCertificate: tlsCertificate, peerAddress: responderAddress, ownAddresses: [initiatorAddress.ip],
            exportKey: export, challenge: [UInt8](repeating: 1, count: 32), nonce: [UInt8](repeating: 2, count: 24))
    }

    static func responderFacts() -> LinkHandshake.Facts {
        LinkHandshake.Facts(
            ownTLSCertificate: tlsCertificate, peerTLSCertificate: nil, peerAddress: initiatorAddress, ownAddresses: [responderAddress.ip],
            exportKey: export, challenge: [UInt8](repeating: 3, count: 32), nonce: [UInt8](repeating: 4, count: 24))
    }

    init(isAuthenticated: Bool) {
        initiator = LinkHandshake(role: .initiator(isAuthenticated ? Self.dialling.identity : nil), facts: Self.initiatorFacts())
        responder = LinkHandshake(role: .responder(Self.dialled.identity), facts: Self.responderFacts())
    }

    /// Lets both talk until neither has anything to say; `cut` cuts what travels into the pieces in which it arrives.
    mutating func run(cut: ([UInt8]) -> [[UInt8]] = { [$0] }) throws {
        var toResponder = initiator.start(now: Self.now)
        var toInitiator: [UInt8] = responder.start(now: Self.now)
        while !toResponder.isEmpty || !toInitiator.isEmpty {
            let (right, left) = (cut(toResponder), cut(toInitiator))
            toResponder = []
            toInitiator = []
            for piece in right { toInitiator += try giveResponder(piece) }
            for piece in left { toResponder += try giveInitiator(piece) }
        }
    }

    mutating func giveResponder(_ bytes: [UInt8]) throws -> [UInt8] {
        let progress = try responder.receive(bytes, now: Self.now)
        responderPeer = responderPeer ?? progress.established
        leftover.responder += progress.leftover
        return progress.send
    }

    mutating func giveInitiator(_ bytes: [UInt8]) throws -> [UInt8] {
        let progress = try initiator.receive(bytes, now: Self.now)
        initiatorPeer = initiatorPeer ?? progress.established
        leftover.initiator += progress.leftover
        return progress.send
    }
}

internal import Sealing
internal import Ambience
internal import Sealing

/// The side that dialled.
extension LinkHandshake {
    mutating func takeAsInitiator(
        _ cell: LinkInput.Cell, _ identity: LinkIdentity?, _ now: WallTime, _ progress: inout Progress
    ) throws(LinkFailure) {
        switch (phase, cell.command) {
        case (.versions, CellCommand.versions):
            phase = .certificates(try LinkVersions.agree(cell.body, own: Self.versions))
        case (.certificates(let version), CellCommand.certs):
            guard let tlsCertificate = facts.peerTLSCertificate else { throw .noTLSCertificate }
            let peer = try PeerCertificates(cell.body, from: .responder(tlsDigest: Digest.sha256(tlsCertificate)), now: now)
            phase = .challenge(version, peer)
        case (.challenge(let version, let peer), CellCommand.authChallenge):
            let methods = try LinkAuthentication.methods(inChallenge: cell.body)
            progress.send += try answer(to: peer, as: methods.contains(LinkAuthentication.method) ? identity : nil, now)
            phase = .netinfo(version, peer)
        case (.netinfo(let version, let peer), CellCommand.netinfo):
            progress.established = try establish(version, peer, cell.body, now)
        default:
            throw .unexpectedCell(command: cell.command)
        }
    }

    private mutating func answer(to peer: PeerCertificates, as identity: LinkIdentity?, _ now: WallTime) throws(LinkFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        if let identity {
            bytes += log(Cell.variable(.none, CellCommand.certs, identity.initiatorCertificates))
            bytes += log(Cell.variable(.none, CellCommand.authenticate, try authenticate(to: peer, as: identity)))
        }
        return bytes + log(ownNetinfo(isAnonymous: identity == nil, now))
    }

    private func authenticate(to peer: PeerCertificates, as identity: LinkIdentity) throws(LinkFailure) -> [UInt8] {
        precondition(facts.nonce.count == LinkAuthentication.nonceBytes)
        let authentication = LinkAuthentication(
            initiatorRSADigest: identity.rsaKeyDigest, responderRSADigest: peer.rsaKeyDigest, initiator: identity.ed25519,
            responder: peer.ed25519, responderLog: receivedLog.digest(), initiatorLog: sentLog.digest(),
            tlsCertificate: facts.peerTLSCertificate ?? [])
        return try authentication.make(key: identity.authenticationKey, nonce: facts.nonce, export: facts.exportKey)
    }
}

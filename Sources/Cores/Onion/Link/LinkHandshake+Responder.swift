internal import Sealing
internal import Ambience
internal import Sealing

/// The side that was dialled.
extension LinkHandshake {
    mutating func takeAsResponder(
        _ cell: LinkInput.Cell, _ identity: LinkIdentity, _ now: WallTime, _ progress: inout Progress
    ) throws(LinkFailure) {
        switch (phase, cell.command) {
        case (.versions, CellCommand.versions):
            phase = .certificates(try LinkVersions.agree(cell.body, own: Self.versions))
            progress.send += introduce(identity, now)
        case (.certificates(let version), CellCommand.certs):
            phase = .authentication(version, try PeerCertificates(cell.body, from: .initiator, now: now))
        case (.authentication(let version, let peer), CellCommand.authenticate):
            try verify(cell.body, from: peer, to: identity)
            phase = .netinfo(version, peer)
        case (.certificates(let version), CellCommand.netinfo), (.authentication(let version, _), CellCommand.netinfo):
            progress.established = try establish(version, nil, cell.body, now)
        case (.netinfo(let version, let peer), CellCommand.netinfo):
            progress.established = try establish(version, peer, cell.body, now)
        default:
            throw .unexpectedCell(command: cell.command)
        }
    }

    private mutating func introduce(_ identity: LinkIdentity, _ now: WallTime) -> [UInt8] {
        var bytes = log(LinkVersions.cell(Self.versions))
        bytes += log(Cell.variable(.none, CellCommand.certs, identity.responderCertificates(for: facts.ownTLSCertificate)))
        bytes += log(Cell.variable(.none, CellCommand.authChallenge, LinkAuthentication.challenge(facts.challenge)))
        challengeLog = sentLog.digest()
        return bytes + log(ownNetinfo(isAnonymous: false, now))
    }

    private func verify(_ body: [UInt8], from peer: PeerCertificates, to identity: LinkIdentity) throws(LinkFailure) {
        guard let key = peer.authenticationKey else { throw .missingCertificate(type: CertificateType.linkAuthentication) }
        let authentication = LinkAuthentication(
            initiatorRSADigest: peer.rsaKeyDigest, responderRSADigest: identity.rsaKeyDigest, initiator: peer.ed25519,
            responder: identity.ed25519, responderLog: challengeLog, initiatorLog: receivedLog.digest(),
            tlsCertificate: facts.ownTLSCertificate)
        try authentication.verify(body, key: key, export: facts.exportKey)
    }
}

package import Ambience
internal import Sealing

/// The handshake of a link of version 4 or 5, inside TLS, for both sides (tor-spec "Negotiating and initializing channels").
///
/// How it goes:
/// 1. Initiator: VERSIONS.
/// 2. Responder: VERSIONS, CERTS, AUTH_CHALLENGE, NETINFO.
/// 3. Initiator: NETINFO, or CERTS, AUTHENTICATE, NETINFO when it is a relay.
///
/// VPADDING may lie between all of them. Every cell goes into the transcript that AUTHENTICATE signs. After a failure the
/// connection must be closed; the same failure is thrown for ever.
package struct LinkHandshake {
    package enum Role {
        /// Without an identity we stay anonymous.
        case initiator(LinkIdentity?)
        case responder(LinkIdentity)
    }

    /// What the handshake must know about the connection below it.
    package struct Facts {
        package var ownTLSCertificate: [UInt8]
        package var peerTLSCertificate: [UInt8]?
        package var peerAddress: SocketAddress
        /// Where peers can reach us; the first is the published one.
        package var ownAddresses: [IPAddress]
        /// RFC 5705 keying material of this TLS session.
        package var exportKey: (_ label: String, _ context: [UInt8], _ count: Int) -> [UInt8]?
        /// 32 random bytes.
        package var challenge: [UInt8]
        /// 24 random bytes.
        package var nonce: [UInt8]

        package init(
            ownTLSCertificate: [UInt8], peerTLSCertificate: [UInt8]?, peerAddress: SocketAddress, ownAddresses: [IPAddress],
            exportKey: @escaping (_ label: String, _ context: [UInt8], _ count: Int) -> [UInt8]?, challenge: [UInt8], nonce: [UInt8]
        ) {
            self.ownTLSCertificate = ownTLSCertificate
            self.peerTLSCertificate = peerTLSCertificate
            self.peerAddress = peerAddress
            self.ownAddresses = ownAddresses
            self.exportKey = exportKey
            self.challenge = challenge
            self.nonce = nonce
        }
    }

    package struct Progress {
        package var send: [UInt8] = []
        /// Set once, when the handshake is over.
        package var established: LinkPeer?
        /// What came behind the handshake: cells.
        package var leftover: [UInt8] = []
    }

    /// What a peer may send before the handshake is over. Stock needs about 2,500.
    package static let limitBytes = 32_768
    package static let versions: [UInt16] = [4, 5]

    /// What we wait for. The number is the link version.
    enum Phase {
        case versions
        case certificates(UInt16)
        /// Only initiators.
        case challenge(UInt16, PeerCertificates)
        /// Only responders; NETINFO may come instead.
        case authentication(UInt16, PeerCertificates)
        /// With the proven identities.
        case netinfo(UInt16, PeerCertificates?)
        case established
        case failed(LinkFailure)
    }

    let role: Role
    let facts: Facts
    var phase = Phase.versions
    /// Running digests of all cells.
    var sentLog = RunningSHA256()
    var receivedLog = RunningSHA256()
    /// Responders: `sentLog` as it was after AUTH_CHALLENGE.
    var challengeLog: [UInt8] = []
    private var input = LinkInput()

    package init(role: Role, facts: Facts) {
        self.role = role
        self.facts = facts
    }

    /// Bytes to send before anything was received: VERSIONS from initiators, nothing from responders.
    package mutating func start(now: WallTime) -> [UInt8] {
        guard case .initiator = role else { return [] }
        return log(LinkVersions.cell(Self.versions))
    }

    /// Takes bytes as TLS gives them, cut anywhere.
    package mutating func receive(_ bytes: [UInt8], now: WallTime) throws(LinkFailure) -> Progress {
        do {
            return try advance(bytes, now)
        } catch {
            phase = .failed(error)
            throw error
        }
    }

    private mutating func advance(_ bytes: [UInt8], _ now: WallTime) throws(LinkFailure) -> Progress {
        var progress = Progress()
        input.append(bytes)
        while progress.established == nil {
            switch phase {
            case .failed(let failure): throw failure
            case .established:
                progress.leftover = input.rest()
                return progress
            default: break
            }
            guard let cell = try input.next(isVersionAgreed: isVersionAgreed) else { return progress }
            try take(cell, now, &progress)
        }
        progress.leftover = input.rest()
        return progress
    }

    private var isVersionAgreed: Bool { if case .versions = phase { false } else { true } }

    private mutating func take(_ cell: LinkInput.Cell, _ now: WallTime, _ progress: inout Progress) throws(LinkFailure) {
        // AUTHENTICATE signs what came before it, so it is the one cell that is not in the log when it is looked at.
        if cell.command != CellCommand.authenticate { receivedLog.update(cell.wire) }
        guard !isIgnored(cell.command) else { return }
        guard cell.circuit == 0 else { throw .wrongCircuit(command: cell.command) }
        switch role {
        case .initiator(let identity): try takeAsInitiator(cell, identity, now, &progress)
        case .responder(let identity): try takeAsResponder(cell, identity, now, &progress)
        }
    }

    /// Padding, and variable-length cells that a later protocol may bring. Before VERSIONS only the kinds that are older than it.
    private func isIgnored(_ command: UInt8) -> Bool {
        switch command {
        case CellCommand.vpadding, CellCommand.authorize: true
        case CellCommand.versions, CellCommand.certs, CellCommand.authChallenge, CellCommand.authenticate: false
        default: isVersionAgreed && CellCommand.isVariableLength(command)
        }
    }

    /// Every cell that goes out passes through here.
    mutating func log(_ cell: [UInt8]) -> [UInt8] {
        sentLog.update(cell)
        return cell
    }
}

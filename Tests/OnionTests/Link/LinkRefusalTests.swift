import Ambience
import Onion
import Sealing
import Testing

/// What an initiator or a responder does with a peer that breaks the rules: one typed failure, for ever.
@Suite("A link handshake refuses")
struct LinkRefusalTests {
    /// What an honest responder sends: VERSIONS, CERTS, AUTH_CHALLENGE, NETINFO.
    private func introduction() throws -> [[UInt8]] {
        var pair = LinkPair(isAuthenticated: false)
        return Wire.cells(try pair.giveResponder(pair.initiator.start(now: LinkPair.now)))
    }

    /// What an honest relay sends after its VERSIONS: CERTS, AUTHENTICATE, NETINFO; with the responder that waits for it.
    private func answer(_ pair: inout LinkPair) throws -> [[UInt8]] {
        let cells = try pair.giveResponder(pair.initiator.start(now: LinkPair.now))
        return Wire.cells(try pair.giveInitiator(cells))
    }

    private func initiator(
        takes cells: [[UInt8]], now: WallTime = LinkPair.now, facts: LinkHandshake.Facts = LinkPair.initiatorFacts()
    ) -> LinkFailure? {
        var handshake = LinkHandshake(role: .initiator(LinkPair.dialling.identity), facts: facts)
        _ = handshake.start(now: now)
        return failure(of: &handshake, cells, now)
    }

    private func failure(of handshake: inout LinkHandshake, _ cells: [[UInt8]], _ now: WallTime = LinkPair.now) -> LinkFailure? {
        do throws(LinkFailure) {
            for cell in cells { _ = try handshake.receive(cell, now: now) }
            return nil
        } catch {
            #expect(throws: error) { try handshake.receive([], now: now) }
            return error
        }
    }

    @Test("as an initiator: every cell twice, too early, or on a circuit")
    func initiatorOrder() throws {
        let cells = try introduction()
        #expect(initiator(takes: cells) == nil)
        for index in 0..<3 {
            let command = cells[index][index == 0 ? 2 : 4]
            #expect(initiator(takes: Array(cells[...index]) + [index == 0 ? [0, 0] + cells[0] : cells[index]]) == .unexpectedCell(command: command))
            var swapped = cells
            swapped.swapAt(index, index + 1)
            if index > 0 { #expect(initiator(takes: swapped) == .unexpectedCell(command: swapped[index][4])) }
        }
        for index in cells.indices {
            var onCircuit = cells
            onCircuit[index][index == 0 ? 1 : 3] = 9
            #expect(initiator(takes: onCircuit) == .wrongCircuit(command: cells[index][index == 0 ? 2 : 4]))
        }
        let almostAll = Array(cells[..<3])
        let create = Cell.fixed(CircuitID(rawValue: 1), CellCommand.createFast, [])
        #expect(initiator(takes: almostAll + [create]) == .wrongCircuit(command: CellCommand.createFast))
        let padding = Cell.fixed(.none, CellCommand.padding, [])
        #expect(initiator(takes: almostAll + [padding]) == .unexpectedCell(command: CellCommand.padding))
        let authenticate = Cell.variable(.none, CellCommand.authenticate, [])
        #expect(initiator(takes: almostAll + [authenticate]) == .unexpectedCell(command: CellCommand.authenticate))
    }

    @Test("as either side: VERSIONS that cannot be agreed on or cannot be read")
    func versions() throws {
        func versions(_ body: [UInt8]) -> [UInt8] { [0, 0, CellCommand.versions, 0, UInt8(body.count)] + body }
        let cases: [([UInt8], LinkFailure)] = [
            (versions([0, 3]), .noCommonVersion), (versions([]), .noCommonVersion), (versions([0, 6, 0, 7]), .noCommonVersion),
            (versions([0, 4, 0]), .malformed(command: CellCommand.versions)),
            // A circuit id of four bytes: what should be the command reads as PADDING.
            ([0, 0, 0, 0, CellCommand.versions, 0, 2, 0, 4], .unexpectedCell(command: CellCommand.padding)),
            (Array("GET / HTTP/1.0".utf8), .unexpectedCell(command: UInt8(ascii: "T"))),
            ([0, 0, CellCommand.vpadding, 0xFF, 0xFF], .cellTooLong(bytes: 65535)),
            ([0, 0, CellCommand.certs, 0, 1, 0], .unexpectedCell(command: CellCommand.certs)),
            ([0, 0, 200, 0, 1, 0], .unexpectedCell(command: 200)),
        ]
        for (bytes, expected) in cases {
            #expect(initiator(takes: [bytes]) == expected)
            var responder = LinkPair(isAuthenticated: false).responder
            #expect(failure(of: &responder, [bytes]) == expected)
        }
    }

    @Test("as an initiator: certificates that are missing, doubled, damaged, expired, of another relay or for another TLS certificate")
    func initiatorCertificates() throws {
        let cells = try introduction()
        let parts = Wire.certificates(cells[1])
        func failure(_ parts: [(UInt8, [UInt8])], now: WallTime = LinkPair.now) -> LinkFailure? {
            initiator(takes: [cells[0], Wire.certs(parts)] + cells[2...], now: now)
        }
        #expect(failure(parts) == nil)
        for (index, part) in parts.enumerated() {
            var fewer = parts
            fewer.remove(at: index)
            #expect(failure(fewer) == .missingCertificate(type: part.0))
            #expect(failure(parts + [part]) == .duplicateCertificate(type: part.0))
            for place in stride(from: 0, to: part.1.count, by: 11) {
                var damaged = parts
                damaged[index].1[place] ^= 0x10
                #expect(failure(damaged) != nil, "certificate \(part.0), byte \(place)")
            }
        }
        #expect(failure(parts, now: LinkPair.now + 3 * 86_400) == .badCertificate(type: CertificateType.tlsLink))
        #expect(failure(parts, now: LinkPair.now + 31 * 86_400) == .badCertificate(type: CertificateType.signingKey))
        #expect(failure(parts, now: LinkPair.now - 40 * 86_400) == .badCertificate(type: CertificateType.rsaIdentity))
        #expect(failure(parts + [(99, [1, 2, 3])]) == nil)
        #expect(failure(parts + [(99, [1]), (99, [2])]) == .duplicateCertificate(type: 99))

        var other = LinkPair.initiatorFacts()
        other.peerTLSCertificate = Array("a machine in the middle".utf8)
        #expect(initiator(takes: cells, facts: other) == .badCertificate(type: CertificateType.tlsLink))
        other.peerTLSCertificate = nil
        #expect(initiator(takes: cells, facts: other) == .noTLSCertificate)
    }

    @Test("as an initiator: one relay's RSA identity with another's Ed25519 identity")
    func mixedIdentities() throws {
        let cells = try introduction()
        var pair = LinkPair(isAuthenticated: true)
        let foreign = Wire.certificates(try answer(&pair)[0])
        for type in [CertificateType.rsaIdentity, CertificateType.rsaCross, CertificateType.signingKey] {
            let mixed = Wire.certificates(cells[1]).map { part in part.0 == type ? foreign.first { $0.0 == type }! : part }
            #expect(initiator(takes: [cells[0], Wire.certs(mixed)] + cells[2...]) != nil, "type \(type)")
        }
    }

    @Test("as an initiator: bodies that end early")
    func initiatorBodies() throws {
        let cells = try introduction()
        let short = Cell.variable(.none, CellCommand.authChallenge, [UInt8](repeating: 0, count: 33))
        #expect(initiator(takes: Array(cells[..<2]) + [short]) == .malformed(command: CellCommand.authChallenge))
        let many = Cell.variable(.none, CellCommand.authChallenge, [UInt8](repeating: 255, count: 34))
        #expect(initiator(takes: Array(cells[..<2]) + [many]) == .malformed(command: CellCommand.authChallenge))
        let certs = Cell.variable(.none, CellCommand.certs, [4, 2, 255, 255, 0])
        #expect(initiator(takes: [cells[0], certs]) == .malformed(command: CellCommand.certs))
        #expect(initiator(takes: [cells[0], Cell.variable(.none, CellCommand.certs, [])]) == .malformed(command: CellCommand.certs))
        let netinfo = Cell.fixed(.none, CellCommand.netinfo, [UInt8](repeating: 255, count: CellLayout.bodyBytes))
        #expect(initiator(takes: Array(cells[..<3]) + [netinfo]) == .malformed(command: CellCommand.netinfo))
    }

    @Test("as either side: padding without end")
    func flood() throws {
        let padding = Cell.variable(.none, CellCommand.vpadding, [UInt8](repeating: 0, count: 10_000))
        let cells = try introduction()
        #expect(initiator(takes: [cells[0], padding, padding]) == nil)
        #expect(initiator(takes: [cells[0], padding, padding, padding, padding]) == .tooManyBytes)
        var responder = LinkPair(isAuthenticated: false).responder
        let early = [0, 0] + padding[4...]
        #expect(failure(of: &responder, [early, early, early, early]) == .tooManyBytes)
    }

    @Test("as a responder: cells out of their order")
    func responderOrder() throws {
        let unexpected: [([Int], UInt8)] = [
            ([1], CellCommand.authenticate), ([0, 0], CellCommand.certs), ([0, 1, 1], CellCommand.authenticate), ([0, 1, 0], CellCommand.certs),
        ]
        for (order, command) in unexpected {
            var pair = LinkPair(isAuthenticated: true)
            let cells = try answer(&pair)
            #expect(failure(of: &pair.responder, order.map { cells[$0] }) == .unexpectedCell(command: command))
        }
        for command in [CellCommand.authChallenge, CellCommand.versions] {
            var pair = LinkPair(isAuthenticated: true)
            _ = try answer(&pair)
            #expect(failure(of: &pair.responder, [Cell.variable(.none, command, [])]) == .unexpectedCell(command: command))
        }
        for index in 0..<3 {
            var pair = LinkPair(isAuthenticated: true)
            var cells = try answer(&pair)
            cells[index][0] = 0x80
            #expect(failure(of: &pair.responder, cells) == .wrongCircuit(command: cells[index][4]))
        }
    }

    @Test("as a responder: to believe certificates alone")
    func certificatesWithoutProof() throws {
        var pair = LinkPair(isAuthenticated: true)
        let cells = try answer(&pair)
        _ = try pair.giveResponder(cells[0] + cells[2])
        let peer = try #require(pair.responderPeer)
        #expect(!peer.isAuthenticated && peer.rsa == nil && peer.ed25519 == nil)
    }

    @Test("as a responder: an AUTHENTICATE with any byte changed, cut off, or of another method")
    func damagedAuthentication() throws {
        var pair = LinkPair(isAuthenticated: true)
        let cells = try answer(&pair)
        for place in CellLayout.variableHeaderBytes..<cells[1].count {
            var damaged = cells[1]
            damaged[place] ^= 1
            var responder = pair.responder
            #expect(failure(of: &responder, [cells[0], damaged]) == .badAuthentication, "byte \(place)")
        }
        let body = Array(cells[1].dropFirst(CellLayout.variableHeaderBytes))
        for count in [0, 3, 4, 100, 355] {
            var responder = pair.responder
            let short = Cell.variable(.none, CellCommand.authenticate, Array(body.prefix(count)))
            #expect(failure(of: &responder, [cells[0], short]) == .malformed(command: CellCommand.authenticate))
        }
        #expect(failure(of: &pair.responder, [cells[0], Cell.variable(.none, CellCommand.authenticate, body + [0, 0])]) == nil)
    }

    @Test("as a responder: an AUTHENTICATE made for another connection")
    func foreignAuthentication() throws {
        let changes: [(inout LinkHandshake.Facts) -> Void] = [
            { $0.challenge = [UInt8](repeating: 7, count: 32) }, { $0.ownTLSCertificate = [1] },
            { $0.exportKey = { _, _, _ in [UInt8](repeating: 0, count: 32) } },
        ]
        var honest = LinkPair(isAuthenticated: true)
        let cells = try answer(&honest)
        for change in changes {
            var facts = LinkPair.responderFacts()
            change(&facts)
            var responder = LinkHandshake(role: .responder(LinkPair.dialled.identity), facts: facts)
            _ = try responder.receive(honest.initiator.start(now: LinkPair.now), now: LinkPair.now)
            #expect(failure(of: &responder, cells) == .badAuthentication)
        }
        var facts = LinkPair.responderFacts()
        facts.exportKey = { _, _, _ in nil }
        var responder = LinkHandshake(role: .responder(LinkPair.dialled.identity), facts: facts)
        _ = try responder.receive(honest.initiator.start(now: LinkPair.now), now: LinkPair.now)
        #expect(failure(of: &responder, cells) == .noExporter)
    }
}

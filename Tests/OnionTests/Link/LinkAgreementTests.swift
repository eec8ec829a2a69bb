import Ambience
import Onion
import Testing

@Suite("Two link handshakes")
struct LinkAgreementTests {
    @Test("agree on version, identities and addresses when the initiator authenticates")
    func authenticated() throws {
        var pair = LinkPair(isAuthenticated: true)
        try pair.run()
        let seenByResponder = try #require(pair.responderPeer)
        let seenByInitiator = try #require(pair.initiatorPeer)
        #expect(seenByResponder.isAuthenticated && seenByInitiator.isAuthenticated)
        #expect(seenByResponder.rsa == LinkPair.dialling.identity.rsa)
        #expect(seenByResponder.ed25519 == LinkPair.dialling.identity.ed25519)
        #expect(seenByInitiator.rsa == LinkPair.dialled.identity.rsa)
        #expect(seenByInitiator.ed25519 == LinkPair.dialled.identity.ed25519)
        #expect(seenByResponder.linkVersion == 5 && seenByInitiator.linkVersion == 5)
        #expect(seenByInitiator.observedOwnAddress == LinkPair.initiatorAddress.ip)
        #expect(seenByInitiator.addresses == [LinkPair.responderAddress.ip])
        #expect(seenByInitiator.clockSkewSeconds == 0)
        #expect(seenByResponder.addresses == [LinkPair.initiatorAddress.ip])
    }

    @Test("agree when the initiator stays anonymous, and then it tells neither its clock nor its addresses")
    func anonymous() throws {
        var pair = LinkPair(isAuthenticated: false)
        try pair.run()
        let seenByResponder = try #require(pair.responderPeer)
        #expect(!seenByResponder.isAuthenticated)
        #expect(seenByResponder.rsa == nil && seenByResponder.ed25519 == nil)
        #expect(seenByResponder.addresses.isEmpty && seenByResponder.clockSkewSeconds == nil)
        #expect(pair.initiatorPeer?.isAuthenticated == true)
    }

    @Test("fall back to version 4, and skip versions that are unknown")
    func versionFour() throws {
        for offer: [UInt8] in [[0, 3, 0, 4], [0, 4, 0, 9, 1, 5]] {
            var pair = LinkPair(isAuthenticated: false)
            _ = try pair.giveResponder([0, 0, CellCommand.versions, 0, UInt8(offer.count)] + offer)
            _ = try pair.giveResponder(Cell.fixed(.none, CellCommand.netinfo, NetinfoMessage(seconds: 0, other: nil, own: []).encoded))
            #expect(pair.responderPeer?.linkVersion == 4)
        }
    }

    @Test("fall back to version 4 when the relay that is dialled speaks nothing above it")
    func versionFourDialled() throws {
        var pair = LinkPair(isAuthenticated: true)
        let answer = try pair.giveResponder(pair.initiator.start(now: LinkPair.now))
        let offered = Int(answer[3]) << 8 + Int(answer[4])
        _ = try pair.giveInitiator([0, 0, CellCommand.versions, 0, 4, 0, 3, 0, 4] + answer.dropFirst(5 + offered))
        #expect(pair.initiatorPeer?.linkVersion == 4)
    }

    @Test("do not care where the bytes are cut", arguments: [true, false])
    func cutAnywhere(isAuthenticated: Bool) throws {
        var whole = LinkPair(isAuthenticated: isAuthenticated)
        try whole.run()
        for size in [1, 2, 3, 7, 513, 514, 515] {
            var pair = LinkPair(isAuthenticated: isAuthenticated)
            try pair.run { bytes in stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) } }
            #expect(pair.initiatorPeer == whole.initiatorPeer && pair.responderPeer == whole.responderPeer)
        }
    }

    @Test("agree when all that travels is cut in two at any one byte")
    func cutAtEveryByte() throws {
        var measured = 0
        var pair = LinkPair(isAuthenticated: true)
        try pair.run { bytes in
            measured = max(measured, bytes.count)
            return [bytes]
        }
        for place in stride(from: 1, to: measured, by: 1) {
            var pair = LinkPair(isAuthenticated: place % 2 == 0)
            try pair.run { bytes in place < bytes.count ? [Array(bytes[..<place]), Array(bytes[place...])] : [bytes] }
            #expect(pair.initiatorPeer != nil && pair.responderPeer != nil, "cut at \(place)")
        }
    }

    @Test("hand on what follows the handshake")
    func leftover() throws {
        var pair = LinkPair(isAuthenticated: false)
        let cells = Cell.fixed(CircuitID(rawValue: 0x8000_0001), CellCommand.createFast, [1, 2, 3])
        let hello = pair.initiator.start(now: LinkPair.now)
        let answer = try pair.giveInitiator(try pair.giveResponder(hello) + cells)
        #expect(pair.leftover.initiator == cells)
        _ = try pair.giveResponder(answer + cells.prefix(100))
        _ = try pair.giveResponder(Array(cells.dropFirst(100)))
        #expect(pair.leftover.responder == cells)
    }

    @Test("hash the padding that lies between the cells")
    func padding() throws {
        for command in [CellCommand.vpadding, CellCommand.authorize, 200] {
            let padding = Cell.variable(.none, command, [9, 9, 9])
            var pair = LinkPair(isAuthenticated: true)
            let hello = pair.initiator.start(now: LinkPair.now)
            let introduction = Wire.cells(try pair.giveResponder(hello)).joined(separator: padding)
            // The responder did not send this padding, so its log differs from the initiator's.
            let answer = try pair.giveInitiator(Array(introduction))
            #expect(throws: LinkFailure.badAuthentication) { _ = try pair.giveResponder(answer) }
        }
    }
}

import Ambience
import Glibc
import Onion
import Sealing
import Testing

/// Our link handshake over real TLS against a stock tor on loopback.
@Suite("A link with stock tor", .serialized)
struct StockLinkTests {
    private let time = SystemTime()

    private func makeContext() -> TLSContext {
        TLSContext(notBefore: time.wall.secondsSinceEpoch - 86_400, notAfter: time.wall.secondsSinceEpoch + 86_400)
    }

    private func dial(_ stock: StockTor, as identity: LinkIdentity?, _ context: TLSContext) throws -> (tls: LoopbackTLS, peer: LinkPeer) {
        let tls = try LoopbackTLS(fd: try stock.dial(), context: context, isServer: false)
        let peer = SocketAddress(ip: .v4(0x7F00_0001), port: stock.orPort)
        return (tls, try tls.shake(.initiator(identity), context: context, peer: peer).peer)
    }

    /// A one-hop circuit: stock only answers CREATE_FAST on a link whose handshake it took for finished.
    private func create(over tls: LoopbackTLS) throws -> CircuitKeys {
        let x = SecureRandom.bytes(CreateFast.requestBytes)
        let circuit = ClientCircuit.id
        try tls.send(Cell.fixed(circuit, CellCommand.createFast, x))
        let received = try tls.cell()
        #expect(received.starts(with: [0x80, 0, 0, 7, CellCommand.createdFast]))
        return try CreateFast.finish(x: x, reply: Array(received[CellLayout.headerBytes...]))
    }

    @Test("works when we dial without an identity")
    func dialAnonymously() throws {
        signal(SIGPIPE, SIG_IGN)
        let stock = try StockTor.relay()
        let (tls, peer) = try dial(stock, as: nil, TLSContext())
        #expect(peer.rsa == stock.rsaIdentity && peer.rsa != nil)
        #expect(peer.ed25519?.description == stock.ed25519Text)
        #expect(peer.linkVersion == 5)
        #expect(peer.observedOwnAddress == .v4(0x7F00_0001))
        #expect(abs(peer.clockSkewSeconds ?? 99) <= 2)
        _ = try create(over: tls)
        #expect(stock.warnings == [])
    }

    @Test("works when we dial and authenticate, and stock believes who we are")
    func dialAuthenticated() throws {
        signal(SIGPIPE, SIG_IGN)
        let stock = try StockTor.relay()
        let context = makeContext()
        let relay = TestRelay(tlsCertificate: context.certificate, now: time.wall)
        let (tls, _) = try dial(stock, as: relay.identity, context)
        _ = try create(over: tls)
        // Stock binds an incoming link to an identity only once AUTHENTICATE has proven it.
        #expect(stock.log.split(separator: "\n").contains { $0.contains("Set identity digest") && $0.contains("\(relay.identity.rsa)") })
        #expect(stock.warnings == [])
    }

    @Test("works when a stock client dials us")
    func dialledByClient() throws {
        signal(SIGPIPE, SIG_IGN)
        let context = makeContext()
        let relay = TestRelay(tlsCertificate: context.certificate, now: time.wall)
        let (listener, port) = try Loopback.listen()
        defer { close(listener) }
        let stock = try StockTor(
            name: "client", orPort: 0, authorityLine: StockTor.deadAuthority,
            lines: ["SocksPort \(try StockTor.freePort())", "UseBridges 1", "Bridge 127.0.0.1:\(port) \(relay.identity.rsa)"])
        let tls = try accept(listener, context)
        let (peer, leftover) = try tls.shake(.responder(relay.identity), context: context, peer: LinkPair.initiatorAddress)
        #expect(!peer.isAuthenticated && peer.rsa == nil)
        try answerCreateFast(tls, leftover)
        #expect(stock.warnings == [])
    }

    @Test("works when a stock relay dials us, authenticates, and extends a circuit to us")
    func dialledByRelay() throws {
        signal(SIGPIPE, SIG_IGN)
        let context = makeContext()
        let relay = TestRelay(tlsCertificate: context.certificate, now: time.wall)
        let (listener, port) = try Loopback.listen()
        defer { close(listener) }
        let stock = try StockTor.relay()
        let client = try dial(stock, as: nil, TLSContext()).tls
        var circuit = ClientCircuit(link: client, keys: try create(over: client))

        let onionKey = Curve25519Key()
        let ntor = NtorClient(relay: relay.identity.rsa, onionKey: onionKey.publicKey, ephemeral: Curve25519Key())
        let extend = Extend2Message(
            addresses: [SocketAddress(ip: .v4(0x7F00_0001), port: port)], rsa: relay.identity.rsa, ed25519: relay.identity.ed25519,
            handshakeType: HandshakeType.ntor, handshake: ntor.onionSkin)
        try circuit.send(CellCommand.relayEarly, RelayCommand.extend2, extend.encoded)

        let tls = try accept(listener, context)
        let (peer, leftover) = try tls.shake(.responder(relay.identity), context: context, peer: LinkPair.initiatorAddress)
        #expect(peer.isAuthenticated)
        #expect(peer.rsa == stock.rsaIdentity && peer.rsa != nil)
        #expect(peer.ed25519?.description == stock.ed25519Text)

        let keys = try answerCreate2(tls, leftover, relay.identity.rsa, onionKey)
        let answer = try circuit.receive()
        #expect(answer.command == RelayCommand.extended2)
        #expect(try ntor.finish(Created2Message(answer.data).handshake) == keys)
        #expect(stock.warnings == [])
    }

    private func answerCreate2(_ tls: LoopbackTLS, _ leftover: [UInt8], _ identity: RSAIdentity, _ onionKey: Curve25519Key) throws -> CircuitKeys {
        let cell = try tls.cell(after: leftover)
        #expect(cell[4] == CellCommand.create2 && cell[0] & 0x80 != 0)
        let request = try Create2Message(Array(cell[5...]))
        #expect(request.handshakeType == HandshakeType.ntor)
        let (reply, keys) = try NtorServer.respond(request.handshake, identity: identity, onionKeys: [onionKey], ephemeral: .random(32))
        try tls.send(Array(cell[..<4]) + Cell.fixed(.none, CellCommand.created2, Created2Message(handshake: reply).encoded).dropFirst(4))
        return keys
    }

    private func accept(_ listener: Int32, _ context: TLSContext) throws -> LoopbackTLS {
        let fd = try #require(Loopback.accept(listener, timeoutSeconds: 120), "stock tor did not dial")
        return try LoopbackTLS(fd: fd, context: context, isServer: true)
    }

    /// Takes stock's first circuit, and sees that stock goes on to use it.
    private func answerCreateFast(_ tls: LoopbackTLS, _ leftover: [UInt8]) throws {
        var first = try tls.cell(after: leftover)
        if first[4] == CellCommand.paddingNegotiate { first = try tls.cell() }
        #expect(first[4] == CellCommand.createFast && first[0] & 0x80 != 0)
        let y = SecureRandom.bytes(CreateFast.requestBytes)
        let answer = try #require(CreateFast.respond(x: Array(first[5..<25]), y: y))
        try tls.send(Array(first[..<4]) + Cell.fixed(.none, CellCommand.createdFast, answer.reply).dropFirst(4))
        var body = try tls.cell()
        #expect(body[4] == CellCommand.relay || body[4] == CellCommand.relayEarly)
        var cipher = RelayCellCipher(material: answer.keys.forward)
        body.removeFirst(CellLayout.headerBytes)
        let isOurs = body.withUnsafeMutableBufferPointer { cipher.decryptAndRecognize($0.baseAddress!) }
        #expect(isOurs && body[0] == RelayCommand.beginDir)
    }
}

import Ambience
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("What a relay does with circuits that misbehave", .serialized)
struct CircuitDutyTests {
    struct Scene {
        let network: LoopbackNetwork
        let peer: RawPeer
        let circuit: RawCircuit
        var relay: OnionRouter { network.relays[0].router }

        /// A raw client (or, with keys, a raw relay) with a one-hop circuit at the first relay.
        init(relays: Int = 1, keys: RelayKeys? = nil, settings: RouterSettings = RouterSettings()) throws {
            network = try LoopbackNetwork(relays: relays, settings: settings)
            peer = try RawPeer(loop: network.loop, to: network.relays[0].target, keys: keys)
            circuit = RawCircuit(peer, id: 0x8000_0001)
            let circuit = circuit
            #expect(network.wait { circuit.isBuilt })
        }

        static func authenticated(relays: Int = 1, settings: RouterSettings = RouterSettings()) throws -> Scene {
            try Scene(relays: relays, keys: RelayKeys(wall: EventLoop().wall), settings: settings)
        }

        func extend2(_ target: HopTarget, rsa: RSAIdentity? = nil, type: UInt16 = HandshakeType.ntor) -> [UInt8] {
            let client = NtorClient(relay: target.rsa, onionKey: target.ntorKey!, ephemeral: Curve25519Key())
            return Extend2Message(
                addresses: target.addresses, rsa: rsa ?? target.rsa, ed25519: target.ed25519, handshakeType: type, handshake: client.onionSkin
            ).encoded
        }

        /// Waits for the DESTROY of the circuit.
        func isDestroyed(_ reason: DestroyReason = .protocolViolation) -> Bool {
            network.wait { circuit.destroyed != nil } && circuit.destroyed == reason.rawValue && relay.circuitCount == 0
        }

        /// The circuit still answers.
        func isAlive() -> Bool {
            let ends = circuit.count(RelayCommand.end)
            circuit.send(RelayCommand.beginDir, stream: 60_000)
            return network.wait { circuit.count(RelayCommand.end) > ends || circuit.destroyed != nil } && circuit.destroyed == nil
        }
    }

    @Test("A cell that nobody recognises at the last hop destroys the circuit")
    func garbage() throws {
        let scene = try Scene()
        scene.circuit.sendGarbage()
        #expect(scene.isDestroyed())
    }

    @Test("A message that claims more data than a cell has destroys the circuit")
    func tooLong() throws {
        let scene = try Scene()
        scene.circuit.send(RelayCommand.drop, [1], claiming: 499)
        #expect(scene.isDestroyed())
    }

    @Test("DROP, unknown commands, XON, END and SENDME for streams that do not exist change nothing")
    func harmless() throws {
        let scene = try Scene()
        for command in [RelayCommand.drop, RelayCommand.xon, RelayCommand.xoff, RelayCommand.end, RelayCommand.connected, RelayCommand.resolved, 99, 255] {
            scene.circuit.send(command, stream: 7)
            scene.circuit.send(command)
        }
        scene.circuit.send(RelayCommand.sendme, stream: 7)
        scene.circuit.send(RelayCommand.data, stream: 7, [1, 2, 3])
        #expect(scene.isAlive())
    }

    @Test("SENDMEs of version 0, early ones and ones with a wrong tag destroy the circuit", arguments: [
        [], [0], [1, 0, 20] + [UInt8](repeating: 7, count: 20), [1, 0, 16] + [UInt8](repeating: 7, count: 16), [2], [1], [1, 255, 255],
    ] as [[UInt8]])
    func sendmes(body: [UInt8]) throws {
        let scene = try Scene()
        scene.circuit.send(RelayCommand.sendme, body)
        #expect(scene.isDestroyed())
    }

    @Test("The tenth SENDME's worth of data is sent only to those who prove to have read it")
    func sendmeProof() throws {
        let scene = try Scene()
        scene.relay.onDirectoryStream = { $0.onEvent = { _ in } }
        var streams: [OnionStream] = []
        scene.relay.onDirectoryStream = { stream in
            streams.append(stream)
            stream.send([UInt8](repeating: 1, count: 400 * CellLayout.relayDataBytes))
        }
        for id in 1...3 { scene.circuit.send(RelayCommand.beginDir, stream: UInt16(id)) }
        #expect(network(scene) { scene.circuit.count(RelayCommand.data) == 1000 })
        // The right tag is that of cell 100, not of the last cell.
        scene.circuit.send(RelayCommand.sendme, SendmeMessage(version: 1, tag: scene.circuit.lastTag.bytes).encoded)
        #expect(scene.isDestroyed())
        #expect(streams.allSatisfy { $0.isEnded })
    }

    private func network(_ scene: Scene, until condition: () -> Bool) -> Bool { scene.network.wait(until: condition) }

    @Test("DATA beyond the circuit's window destroys the circuit, and each hundred before it is acknowledged")
    func windowExceeded() throws {
        let scene = try Scene()
        for _ in 0..<250 { scene.circuit.send(RelayCommand.data, stream: 9, [1]) }
        #expect(network(scene) { scene.circuit.count(RelayCommand.sendme) == 2 })
        #expect(scene.circuit.destroyed == nil)
        scene.circuit.send(RelayCommand.data, stream: 0, [1])
        #expect(scene.isDestroyed())
    }

    @Test("A stream whose window is exceeded is ended, the circuit goes on")
    func streamWindow() throws {
        let scene = try Scene()
        scene.relay.onDirectoryStream = { _ in }
        scene.circuit.send(RelayCommand.beginDir, stream: 1)
        // Nobody takes the data, so nothing is acknowledged on the stream.
        for _ in 0..<501 { scene.circuit.send(RelayCommand.data, stream: 1, [1]) }
        #expect(network(scene) { scene.circuit.count(RelayCommand.end) == 1 })
        #expect(scene.circuit.messages.last { $0.command == RelayCommand.end }?.data == [EndReason.protocolViolation.rawValue])
        scene.relay.onDirectoryStream = nil
        #expect(scene.isAlive())
    }

    @Test("More stream SENDMEs than data end the stream")
    func streamSendme() throws {
        let scene = try Scene()
        scene.relay.onDirectoryStream = { $0.onEvent = { _ in } }
        scene.circuit.send(RelayCommand.beginDir, stream: 1)
        scene.circuit.send(RelayCommand.sendme, stream: 1)
        #expect(network(scene) { scene.circuit.count(RelayCommand.end) == 1 })
        #expect(scene.relay.circuitCount == 1)
    }

    @Test("A second BEGIN_DIR or BEGIN for a stream that is open, and stream 0, are dropped; the client's CONNECTED is not listened to")
    func duplicateStreams() throws {
        let scene = try Scene()
        var opened = 0
        var events = 0
        scene.relay.onDirectoryStream = { stream in
            opened += 1
            stream.onEvent = { _ in events += 1 }
        }
        for id in [1, 1, 0, 1] as [UInt16] { scene.circuit.send(RelayCommand.beginDir, stream: id) }
        scene.circuit.send(RelayCommand.begin, stream: 1, BeginMessage(host: "127.0.0.1", port: 1, flags: 0).encoded)
        scene.circuit.send(RelayCommand.connected, stream: 1)
        scene.circuit.send(RelayCommand.resolved, stream: 1)
        scene.circuit.send(RelayCommand.begin, stream: 2, BeginMessage(host: "127.0.0.1", port: 1, flags: 0).encoded)
        #expect(network(scene) { scene.circuit.count(RelayCommand.end) == 1 })
        #expect(scene.circuit.count(RelayCommand.connected) == 1)
        #expect(opened == 1 && events == 0)
    }

    @Test("Streams end once, whatever comes after, and their ids can be used again")
    func endTwice() throws {
        let scene = try Scene()
        var opened = 0
        var ended = 0
        scene.relay.onDirectoryStream = { stream in
            opened += 1
            stream.onEvent = { if case .ended = $0 { ended += 1 } }
        }
        for _ in 0..<3 {
            scene.circuit.send(RelayCommand.beginDir, stream: 1)
            scene.circuit.send(RelayCommand.data, stream: 1, [1])
            scene.circuit.send(RelayCommand.end, stream: 1, [])
            scene.circuit.send(RelayCommand.end, stream: 1, [EndReason.done.rawValue, 1, 2])
            scene.circuit.send(RelayCommand.data, stream: 1, [1])
        }
        #expect(network(scene) { opened == 3 && ended == 3 })
        scene.relay.onDirectoryStream = nil
        #expect(scene.isAlive())
    }

    @Test("A circuit has so many streams and no more")
    func streamBound() throws {
        let scene = try Scene()
        var streams: [OnionStream] = []
        scene.relay.onDirectoryStream = { streams.append($0) }
        for id in 1...1026 { scene.circuit.send(RelayCommand.beginDir, stream: UInt16(id)) }
        #expect(network(scene) { scene.circuit.count(RelayCommand.end) == 2 })
        #expect(streams.count == 1024)
        scene.peer.close()
        #expect(network(scene) { scene.relay.circuitCount == 0 && streams.allSatisfy { $0.isEnded } })
    }

    @Test("BEGINs that are malformed, name port 0 or come from a client are refused as violations", arguments: [
        [], [0], Array("host".utf8) + [0], Array("host:0".utf8) + [0], Array("host:70000".utf8) + [0], Array("127.0.0.1:80".utf8) + [0],
    ] as [[UInt8]])
    func badBegins(body: [UInt8]) throws {
        let scene = try Scene()
        scene.circuit.send(RelayCommand.begin, stream: 1, body)
        #expect(network(scene) { scene.circuit.count(RelayCommand.end) == 1 })
        #expect(scene.circuit.messages.last?.data == [EndReason.protocolViolation.rawValue])
    }

    @Test("A relay that is no exit looks up no names")
    func noExit() throws {
        let scene = try Scene.authenticated()
        scene.relay.policy.isExit = false
        scene.circuit.send(RelayCommand.begin, stream: 1, BeginMessage(host: "localhost", port: 80, flags: 0).encoded)
        scene.circuit.send(RelayCommand.resolve, stream: 2, ResolveMessage(name: "localhost").encoded)
        #expect(network(scene) { scene.circuit.messages.count == 2 })
        #expect(scene.circuit.messages.map(\.command) == [RelayCommand.end, RelayCommand.resolved])
        #expect(scene.circuit.messages[0].data == [EndReason.exitPolicy.rawValue])
        #expect((try? ResolvedMessage(scene.circuit.messages[1].data))?.answers == [.permanentError])
    }

    @Test("Names are resolved, addresses answered as they are, and the exit's own network keeps its names")
    func resolve() throws {
        let names = try StubNames()
        defer { names.close() }
        var settings = RouterSettings()
        settings.resolver.resolvConf = names.resolvConf
        let scene = try Scene.authenticated(settings: settings)
        for (id, name) in [(1, "localhost"), (2, "192.0.2.7"), (3, "1.0.0.127.in-addr.arpa"), (4, "no.such.name.invalid")] {
            scene.circuit.send(RelayCommand.resolve, stream: UInt16(id), ResolveMessage(name: name).encoded)
        }
        scene.circuit.send(RelayCommand.resolve, stream: 0, ResolveMessage(name: "localhost").encoded)
        #expect(network(scene) { scene.circuit.count(RelayCommand.resolved) == 4 })
        func answers(_ id: UInt16) -> [ResolvedAnswer]? {
            scene.circuit.messages.first { $0.stream == id }.flatMap { try? ResolvedMessage($0.data).answers }
        }
        #expect(answers(1)?.contains(.address(.v4(0x7F00_0001), ttlSeconds: 60)) == true)
        #expect(answers(2) == [.address(.v4(0xC000_0207), ttlSeconds: 60)])
        #expect(answers(3) == [.permanentError])
        #expect(answers(4) == [.permanentError])
    }

    // MARK: Extending

    @Test("EXTEND2 in a RELAY cell, to ourselves, back to the previous hop, without identity or address destroys the circuit", arguments: 0..<6)
    func badExtends(kind: Int) throws {
        let keys = RelayKeys(wall: EventLoop().wall)
        let scene = try Scene(relays: 2, keys: keys)
        let next = scene.network.relays[1].target
        var noPort = next
        noPort.addresses = [SocketAddress(ip: .v4(0x7F00_0001), port: 0)]
        let body: [UInt8] = switch kind {
        case 1: scene.extend2(scene.network.relays[0].target)
        case 2: scene.extend2(keys.target(at: next.addresses[0]))
        case 3: scene.extend2(next, rsa: RSAIdentity([UInt8](repeating: 0, count: 20)))
        case 4: scene.extend2(noPort)
        case 5: [9, 0, 6]
        default: scene.extend2(next)
        }
        scene.circuit.send(RelayCommand.extend2, body, early: kind != 0)
        #expect(scene.isDestroyed())
    }

    @Test("A second EXTEND2 destroys the circuit on both sides")
    func secondExtend() throws {
        let scene = try Scene(relays: 2)
        let next = scene.network.relays[1]
        scene.circuit.send(RelayCommand.extend2, scene.extend2(next.target), early: true)
        #expect(network(scene) { scene.circuit.count(RelayCommand.extended2) == 1 })
        #expect(next.router.circuitCount == 1)
        scene.circuit.send(RelayCommand.extend2, scene.extend2(next.target), early: true)
        #expect(scene.isDestroyed())
        #expect(network(scene) { next.router.circuitCount == 0 })
    }

    @Test("The ninth RELAY_EARLY destroys the circuit")
    func earlyCells() throws {
        let scene = try Scene()
        for _ in 0..<8 { scene.circuit.send(RelayCommand.drop, early: true) }
        #expect(scene.isAlive())
        scene.circuit.send(RelayCommand.drop, early: true)
        #expect(scene.isDestroyed())
    }

    @Test("An onion skin the next relay refuses, and a relay that is not there, end the circuit as destroyed")
    func refusedByNext() throws {
        for isThere in [true, false] {
            let scene = try Scene(relays: 2)
            var target = scene.network.relays[1].target
            if !isThere {
                scene.network.relays[1].router.closeAll()
            } else {
                target.ntorKey = Curve25519Key().publicKey
            }
            scene.circuit.send(RelayCommand.extend2, scene.extend2(target), early: true)
            #expect(scene.isDestroyed(.destroyed))
        }
    }

    @Test("Only one address of each family is tried for an EXTEND2")
    func addresses() throws {
        let scene = try Scene(relays: 2)
        var knocks = 0
        let doors = try (0..<4).map { _ in
            try TCPListener(loop: scene.network.loop, address: SocketAddress("127.0.0.1:0")!) { fd, _ in
                knocks += 1
                Sockets.close(fd)
            }
        }
        defer { for door in doors { door.close() } }
        var target = scene.network.relays[1].target
        target.addresses = doors.map(\.address)
        scene.circuit.send(RelayCommand.extend2, scene.extend2(target), early: true)
        #expect(scene.isDestroyed(.destroyed))
        #expect(knocks == 1)
    }

    @Test("A circuit that goes while it is being extended leaves nothing behind")
    func destroyDuringExtend() throws {
        let scene = try Scene(relays: 2)
        scene.circuit.send(RelayCommand.extend2, scene.extend2(scene.network.relays[1].target), early: true)
        scene.peer.send(scene.circuit.id, CellCommand.destroy, [0])
        #expect(network(scene) { scene.relay.circuitCount == 0 && scene.relay.dialCount == 0 })
        #expect(scene.network.relays[1].router.circuitCount == 0)
    }

    @Test("TRUNCATE drops the next hop, also one that is being dialled, and the circuit stays usable here")
    func truncate() throws {
        for isWaiting in [true, false] {
            let scene = try Scene(relays: 2)
            let next = scene.network.relays[1]
            scene.circuit.send(RelayCommand.extend2, scene.extend2(next.target), early: true)
            if isWaiting { #expect(network(scene) { scene.circuit.count(RelayCommand.extended2) == 1 }) }
            scene.circuit.send(RelayCommand.truncate)
            #expect(network(scene) { scene.circuit.count(RelayCommand.truncated) == 1 && scene.relay.dialCount == 0 })
            #expect(network(scene) { next.router.circuitCount == 0 })
            #expect(scene.isAlive())
            #expect(scene.circuit.count(RelayCommand.extended2) == (isWaiting ? 1 : 0))
        }
    }

    @Test("CREATED2 from the previous hop destroys the circuit")
    func createdFromBehind() throws {
        let scene = try Scene(relays: 2)
        scene.circuit.send(RelayCommand.extend2, scene.extend2(scene.network.relays[1].target), early: true)
        #expect(network(scene) { scene.circuit.count(RelayCommand.extended2) == 1 })
        scene.peer.send(scene.circuit.id, CellCommand.created2, Created2Message(handshake: [1, 2, 3]).encoded)
        #expect(scene.isDestroyed())
        #expect(scene.circuit.count(RelayCommand.extended2) == 1)
    }
}

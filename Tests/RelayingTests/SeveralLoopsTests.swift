import Ambience
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("A relay on two loops", .serialized)
struct SeveralLoopsTests {
    /// Two clients whose links are on different loops of the first relay, with one link of it to the second relay: one of the clients'
    /// circuits crosses.
    private struct Scene {
        let network: LoopbackNetwork
        let other: OnionRouter
        var relay: OnionRouter { network.relays[0].router }
        var legs: Int { relay.circuits.values.count { $0 is FarLeg } }

        init(relays: Int = 3) throws {
            network = try LoopbackNetwork(relays: relays, loops: 2)
            other = OnionRouter(loop: network.loop, tls: TLSContext())
        }

        func build(_ client: OnionRouter, _ path: [HopTarget]) -> OriginCircuit {
            let circuit = client.buildCircuit(path)
            #expect(network.wait { circuit.isBuilt || !circuit.isOpen })
            return circuit
        }

        /// The first client's circuit makes the link, the second's crosses to it.
        func crossing() -> (plain: OriginCircuit, crossing: OriginCircuit) {
            let plain = build(network.client, network.path(0, 1, 2))
            let crossing = build(other, network.path(0, 1, 2))
            #expect(plain.isBuilt && crossing.isBuilt)
            #expect(legs == 1)
            return (plain, crossing)
        }

        func areTablesEmpty() -> Bool { network.wait { network.relays.allSatisfy { $0.router.totals.circuits == 0 } } }

        func end() {
            other.closeAll()
            network.client.closeAll()
        }
    }

    @Test("A circuit whose next channel is on another loop carries five megabytes there and back unchanged")
    func transfer() throws {
        let scene = try Scene()
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        let circuits = scene.crossing()
        var random = SeededRandom(seed: 11)
        let sent = (0..<5 << 17).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        var received: [[UInt8]] = [[], []]
        for (index, circuit) in [circuits.plain, circuits.crossing].enumerated() {
            let stream = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
            stream.onEvent = { if case .data(let bytes) = $0 { received[index] += bytes } }
            stream.send(sent)
        }
        #expect(scene.network.wait { received.allSatisfy { $0.count >= sent.count } })
        #expect(received.allSatisfy { Digest.sha256($0) == Digest.sha256(sent) })
        let totals = scene.relay.totals
        #expect(totals.statistics.cellsRelayed > scene.relay.statistics.cellsRelayed)
        #expect(totals.statistics.protocolErrors == 0)
        scene.end()
        #expect(scene.areTablesEmpty())
    }

    @Test("DESTROY crosses from either side and leaves nothing behind", arguments: [true, false])
    func destroy(fromClient: Bool) throws {
        let scene = try Scene()
        let circuits = scene.crossing()
        var isClosed = false
        circuits.crossing.onEvent = { if case .closed = $0 { isClosed = true } }
        if fromClient { circuits.crossing.close() } else { scene.network.relays[1].router.closeAll() }
        #expect(scene.network.wait { isClosed && scene.legs == 0 })
        #expect(scene.network.wait { scene.relay.totals.circuits == (fromClient ? 1 : 0) })
        scene.end()
        #expect(scene.areTablesEmpty())
    }

    @Test("Two hundred crossing circuits that close at any moment of their making leave every table empty", arguments: [1, 2, 3])
    func races(seed: UInt64) throws {
        let scene = try Scene()
        _ = scene.crossing()
        var random = SeededRandom(seed: seed)
        let loop = scene.network.loop
        var open = 0
        for round in 0..<200 {
            let circuit = scene.other.buildCircuit(scene.network.path(0, 1, 2))
            open += 1
            circuit.onEvent = { if case .closed = $0 { open -= 1 } }
            loop.after(.milliseconds(Int64.random(in: 0...60, using: &random))) { circuit.close() }
            if round % 8 == 0 { loop.turn(wait: false) }
        }
        #expect(scene.network.wait { open == 0 })
        scene.end()
        #expect(scene.areTablesEmpty())
        #expect(scene.relay.totals.statistics.protocolErrors == 0)
    }

    @Test("A circuit for a link that has closed since it was asked for goes on over a new one, and without one ends", arguments: [true, false])
    func staleLink(isReachable: Bool) throws {
        let scene = try Scene(relays: 2)
        let next = scene.network.relays[1].target
        let card = LinkCard(ed25519: next.ed25519, isInitiator: true, address: next.addresses[0], claimed: [])
        scene.relay.loops?.registry.add(next.rsa, card, serial: ObjectIdentifier(scene.other), loop: 1)
        if !isReachable { scene.network.relays[1].router.stopListening() }
        let circuit = scene.build(scene.network.client, scene.network.path(0, 1))
        #expect(circuit.isBuilt == isReachable)
        #expect(scene.network.wait { scene.relay.totals.statistics.circuitsCrossed == 1 })
        circuit.close()
        #expect(scene.areTablesEmpty())
        scene.end()
    }

    @Test("A directory stream that comes in on another loop is served on the node's own")
    func directory() throws {
        let scene = try Scene(relays: 1)
        scene.relay.policy.isDirectory = true
        var served = 0
        scene.relay.onDirectorySocket = { fd, isFromRelay, address in
            #expect(!isFromRelay)
            #expect(address == IPAddress("127.0.0.1"))
            served += 1
            let connection = TCPConnection(loop: scene.network.loop, fd: fd)
            connection.onData = { [unowned connection] in
                connection.send($0 + [UInt8](repeating: 65, count: 200_000))
                connection.finish()
            }
        }
        _ = scene.build(scene.network.client, scene.network.path(0))
        let circuit = scene.build(scene.other, scene.network.path(0))
        #expect(circuit.isBuilt)
        let stream = circuit.openStream(.directory)
        var answer = 0
        var ended: EndReason?
        stream.onEvent = {
            switch $0 {
            case .data(let bytes): answer += bytes.count
            case .ended(let reason): ended = reason
            default: break
            }
        }
        stream.send(Array("GET /".utf8))
        #expect(scene.network.wait { ended != nil })
        #expect(served == 1 && answer == 200_005 && ended == .done)
        scene.end()
    }

    @Test("What is decided reaches every loop: a relay that is no exit any more refuses on both")
    func policy() throws {
        let scene = try Scene()
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        let circuits = scene.crossing()
        for relay in scene.network.relays { relay.router.policy.isExit = false }
        var reasons: [EndReason] = []
        for circuit in [circuits.plain, circuits.crossing] {
            circuit.openStream(.host("127.0.0.1", port: port, flags: 0)).onEvent = { if case .ended(let reason) = $0 { reasons.append(reason) } }
        }
        #expect(scene.network.wait { reasons.count == 2 })
        #expect(reasons == [.exitPolicy, .exitPolicy])
        scene.end()
    }
}

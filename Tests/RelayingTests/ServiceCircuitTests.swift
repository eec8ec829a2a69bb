import Ambience
import Bytes
import Loops
import Onion
import OnionServices
import Sealing
import Testing

@testable import Relaying

/// One relay, and raw peers with a circuit each that ends there.
private final class ServiceScene {
    let network: LoopbackNetwork
    var relay: OnionRouter { network.relays[0].router }
    private var ids: UInt32 = 0x8000_0000

    init(loops: Int = 0) throws { network = try LoopbackNetwork(relays: 1, loops: loops) }

    /// A circuit over a link of its own: another relay's, or straight from a client.
    func circuit(fromRelay: Bool = true) throws -> RawCircuit {
        let peer = try RawPeer(loop: network.loop, to: network.relays[0].target, keys: fromRelay ? RelayKeys(wall: network.loop.wall) : nil)
        ids += 1
        let circuit = RawCircuit(peer, id: ids)
        #expect(network.wait { circuit.isBuilt })
        return circuit
    }

    /// A service's circuit that takes introductions for the key.
    func service(_ key: Ed25519Key, extensions: [UInt8] = [0]) throws -> RawCircuit {
        let circuit = try circuit()
        circuit.send(RelayCommand.establishIntro, EstablishIntroMessage.make(authKey: key, circuitNonce: circuit.nonce, extensions: extensions))
        #expect(network.wait { circuit.count(RelayCommand.introEstablished) == 1 })
        return circuit
    }

    /// The status that a new client's introduction is acknowledged with.
    func introduce(_ body: [UInt8]) throws -> UInt8? {
        let client = try circuit()
        client.send(RelayCommand.introduce1, body)
        #expect(network.wait { client.count(RelayCommand.introduceAck) == 1 })
        return client.messages.last?.data.dropFirst().first
    }

    func isDestroyed(_ circuit: RawCircuit, _ reason: DestroyReason = .protocolViolation) -> Bool {
        network.wait { circuit.destroyed != nil } && circuit.destroyed == reason.rawValue
    }

    /// Client and service, joined.
    func rendezvous() throws -> (client: RawCircuit, service: RawCircuit) {
        let cookie = [UInt8](repeating: 0xC0, count: 20)
        let client = try circuit(), service = try circuit()
        client.send(RelayCommand.establishRendezvous, cookie)
        #expect(network.wait { client.count(RelayCommand.rendezvousEstablished) == 1 })
        service.send(RelayCommand.rendezvous1, cookie + [1, 2, 3])
        #expect(network.wait { client.count(RelayCommand.rendezvous2) == 1 })
        return (client, service)
    }

    static func introduction(_ key: Ed25519Key) -> [UInt8] {
        [UInt8](repeating: 0, count: 20) + [2, 0, 32] + key.publicKey + [0] + [UInt8](repeating: 0xE1, count: 246)
    }
}

@Suite("Introduction point", .serialized)
struct IntroductionPointTests {
    private let scene: ServiceScene
    private let key = Ed25519Key()

    init() throws { scene = try ServiceScene() }

    @Test("a client's introduction reaches the service byte for byte, and the client is told so")
    func introduction() throws {
        let service = try scene.service(key)
        let body = ServiceScene.introduction(key)
        #expect(try scene.introduce(body) == 0)
        #expect(scene.network.wait { service.count(RelayCommand.introduce2) == 1 })
        #expect(service.messages.last?.data == body)
        #expect(scene.relay.servicePoints.counts.services == 1)
    }

    @Test("an introduction to nobody, and one that cannot be read, are answered with their statuses")
    func refused() throws {
        #expect(try scene.introduce(ServiceScene.introduction(key)) == 1)
        #expect(try scene.introduce([UInt8](repeating: 0, count: 20)) == 2)
        #expect(try scene.introduce([UInt8](repeating: 1, count: 280)) == 2)
    }

    @Test("a second introduction on one circuit, and one straight from a client, destroy the circuit")
    func onePerCircuit() throws {
        let service = try scene.service(key)
        let client = try scene.circuit()
        for _ in 0..<2 { client.send(RelayCommand.introduce1, ServiceScene.introduction(key)) }
        #expect(scene.isDestroyed(client))
        let direct = try scene.circuit(fromRelay: false)
        direct.send(RelayCommand.introduce1, ServiceScene.introduction(key))
        #expect(scene.isDestroyed(direct))
        #expect(service.count(RelayCommand.introduce2) <= 1)
    }

    @Test("a service that does not prove its key on this circuit is refused, and so is one of version 2")
    func unproven() throws {
        for body in [EstablishIntroMessage.make(authKey: key, circuitNonce: [UInt8](repeating: 0, count: 20)), [0, 0x8C] + [UInt8](repeating: 3, count: 200), [], [2]] {
            let circuit = try scene.circuit()
            circuit.send(RelayCommand.establishIntro, body)
            #expect(scene.isDestroyed(circuit))
        }
        #expect(scene.relay.servicePoints.counts.services == 0)
    }

    @Test("a service that comes back on a new circuit is introduced there, and its old circuit is closed")
    func replaced() throws {
        let old = try scene.service(key)
        let new = try scene.service(key)
        #expect(scene.isDestroyed(old, .finished))
        #expect(try scene.introduce(ServiceScene.introduction(key)) == 0)
        #expect(scene.network.wait { new.count(RelayCommand.introduce2) == 1 })
        new.peer.close()
        #expect(scene.network.wait { scene.relay.servicePoints.counts.services == 0 })
        #expect(try scene.introduce(ServiceScene.introduction(key)) == 1)
    }

    @Test("a service is sent no more introductions than it asked for")
    func limited() throws {
        var extensions = ByteWriter()
        extensions.append([1, 1, 19, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 2])
        let service = try scene.service(key, extensions: extensions.bytes)
        let clients = try (0..<6).map { _ in try scene.circuit() }
        // All at once: while clients connect one after the other, the service could be ready for the next.
        for client in clients { client.send(RelayCommand.introduce1, ServiceScene.introduction(key)) }
        #expect(scene.network.wait { clients.allSatisfy { $0.count(RelayCommand.introduceAck) == 1 } })
        let statuses = clients.map { $0.messages.last?.data }
        #expect(statuses.contains([0, 0, 0]) && statuses.contains([0, 1, 0]))
        #expect(service.count(RelayCommand.introduce2) == statuses.count { $0 == [0, 0, 0] })
    }

    @Test("what the consensus says limits a service that asks for nothing")
    func limitedByConsensus() throws {
        scene.relay.policy.services.introductionLimits = IntroductionLimits(ratePerSecond: 0, burst: 1)
        let service = try scene.service(key)
        #expect(try scene.introduce(ServiceScene.introduction(key)) == 0)
        #expect(try scene.introduce(ServiceScene.introduction(key)) == 1)
        #expect(service.destroyed == nil)
    }
}

@Suite("Rendezvous point", .serialized)
struct RendezvousPointTests {
    private let scene: ServiceScene
    private let cookie = [UInt8](repeating: 0xC1, count: 20)

    init() throws { scene = try ServiceScene() }

    private func cells(_ count: Int, _ mark: UInt8) -> [[UInt8]] {
        (0..<count).map { [UInt8(truncatingIfNeeded: $0), mark] + [UInt8](repeating: mark, count: CellLayout.bodyBytes - 2) }
    }

    @Test("what client and service send each other crosses over in order, as RELAY cells")
    func crossing() throws {
        let (client, service) = try scene.rendezvous()
        #expect(client.messages.last?.data == [1, 2, 3])
        let there = cells(300, 7), back = cells(300, 9)
        for (index, body) in there.enumerated() { client.send(foreign: body, early: index < 3) }
        for body in back { service.send(foreign: body) }
        #expect(scene.network.wait { service.foreign.count == 300 && client.foreign.count == 300 })
        #expect(service.foreign == there && client.foreign == back)
        #expect(scene.relay.servicePoints.counts.clients == 0)
    }

    @Test("what is for the relay itself does not cross, and what neither can read is not answered")
    func own() throws {
        let (client, service) = try scene.rendezvous()
        client.send(RelayCommand.drop, [1, 2])
        client.send(foreign: cells(1, 5)[0])
        #expect(scene.network.wait { service.foreign.count == 1 })
        #expect(service.foreign == cells(1, 5) && client.destroyed == nil)
    }

    @Test("when one leaves the other's circuit is closed, and nothing is left", arguments: [true, false])
    func leaving(isClient: Bool) throws {
        let (client, service) = try scene.rendezvous()
        let (leaving, left) = isClient ? (client, service) : (service, client)
        leaving.peer.send(leaving.id, CellCommand.destroy, [0])
        #expect(scene.isDestroyed(left, .destroyed))
        #expect(scene.network.wait { scene.relay.circuitCount == 0 })
    }

    @Test("a client that gives up is met by nobody")
    func givenUp() throws {
        let client = try scene.circuit()
        client.send(RelayCommand.establishRendezvous, cookie)
        #expect(scene.network.wait { client.count(RelayCommand.rendezvousEstablished) == 1 })
        client.peer.close()
        #expect(scene.network.wait { scene.relay.servicePoints.counts.clients == 0 })
        let service = try scene.circuit()
        service.send(RelayCommand.rendezvous1, cookie + [1])
        #expect(scene.isDestroyed(service))
    }

    @Test("a cookie that is taken, one of another length, and a second service for one client destroy the circuit")
    func refused() throws {
        let client = try scene.circuit(), other = try scene.circuit(), short = try scene.circuit()
        client.send(RelayCommand.establishRendezvous, cookie)
        #expect(scene.network.wait { client.count(RelayCommand.rendezvousEstablished) == 1 })
        other.send(RelayCommand.establishRendezvous, cookie)
        #expect(scene.isDestroyed(other))
        short.send(RelayCommand.establishRendezvous, [1, 2, 3])
        #expect(scene.isDestroyed(short))
        let first = try scene.circuit(), second = try scene.circuit()
        first.send(RelayCommand.rendezvous1, cookie + [1])
        #expect(scene.network.wait { client.count(RelayCommand.rendezvous2) == 1 })
        second.send(RelayCommand.rendezvous1, cookie + [2])
        #expect(scene.isDestroyed(second))
        #expect(client.destroyed == nil && first.destroyed == nil)
    }

    @Test("a client that comes straight to us is left without an answer when the network wants that")
    func singleHop() throws {
        scene.relay.policy.services.refusesSingleHopRendezvous = true
        let direct = try scene.circuit(fromRelay: false), proper = try scene.circuit()
        direct.send(RelayCommand.establishRendezvous, cookie)
        direct.send(RelayCommand.beginDir, stream: 1)
        #expect(scene.network.wait { direct.count(RelayCommand.end) == 1 })
        #expect(direct.count(RelayCommand.rendezvousEstablished) == 0 && direct.destroyed == nil)
        proper.send(RelayCommand.establishRendezvous, cookie)
        #expect(scene.network.wait { proper.count(RelayCommand.rendezvousEstablished) == 1 })
    }

    @Test("a circuit that serves one purpose takes no other, is not extended and carries nothing to nobody")
    func committed() throws {
        let extend = Extend2Message(
            addresses: [SocketAddress("127.0.0.1:1")!], rsa: RSAIdentity([UInt8](repeating: 1, count: 20))!, ed25519: nil, handshakeType: HandshakeType.ntor,
            handshake: [UInt8](repeating: 0, count: 84)
        ).encoded
        let attempts: [(RawCircuit) -> Void] = [
            { $0.send(RelayCommand.extend2, extend, early: true) }, { $0.send(RelayCommand.truncate) }, { $0.send(foreign: [UInt8](repeating: 3, count: 509)) },
            { $0.send(RelayCommand.establishRendezvous, [UInt8](repeating: 2, count: 20)) }, { $0.send(RelayCommand.introduce1, ServiceScene.introduction(Ed25519Key())) },
        ]
        for attempt in attempts {
            let client = try scene.circuit()
            client.send(RelayCommand.establishRendezvous, cookie)
            #expect(scene.network.wait { client.count(RelayCommand.rendezvousEstablished) == 1 })
            attempt(client)
            #expect(scene.isDestroyed(client))
        }
        #expect(scene.relay.servicePoints.counts.clients == 0)
    }
}

/// Links go to the loops in turn, so that a client's circuit and its service's next one end on different loops.
@Suite("Onion services on a relay with two loops", .serialized)
struct ServicesAcrossLoopsTests {
    private let scene: ServiceScene
    private let key = Ed25519Key()

    init() throws { scene = try ServiceScene(loops: 2) }

    private func cells(_ count: Int, _ mark: UInt8) -> [[UInt8]] {
        (0..<count).map { [UInt8(truncatingIfNeeded: $0), mark] + [UInt8](repeating: mark, count: CellLayout.bodyBytes - 2) }
    }

    @Test("an introduction reaches a service on another loop and on the client's own, and the answer comes back")
    func introduction() throws {
        let service = try scene.service(key)
        for _ in 0..<2 { #expect(try scene.introduce(ServiceScene.introduction(key)) == 0) }
        #expect(scene.network.wait { service.count(RelayCommand.introduce2) == 2 })
        #expect(try scene.introduce(ServiceScene.introduction(Ed25519Key())) == 1)
    }

    @Test("what client and service send each other crosses from loop to loop in order")
    func crossing() throws {
        let (client, service) = try scene.rendezvous()
        #expect(client.messages.last?.data == [1, 2, 3])
        let there = cells(300, 7), back = cells(300, 9)
        for (index, body) in there.enumerated() { client.send(foreign: body, early: index < 3) }
        for body in back { service.send(foreign: body) }
        #expect(scene.network.wait { service.foreign.count == 300 && client.foreign.count == 300 })
        #expect(service.foreign == there && client.foreign == back)
    }

    @Test("when one leaves the other's circuit on the other loop is closed, and nothing is left", arguments: [true, false])
    func leaving(isClient: Bool) throws {
        let (client, service) = try scene.rendezvous()
        let (leaving, left) = isClient ? (client, service) : (service, client)
        leaving.peer.send(leaving.id, CellCommand.destroy, [0])
        #expect(scene.isDestroyed(left, .destroyed))
        #expect(scene.network.wait { scene.relay.totals.circuits == 0 })
    }
}

import Ambience
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("Circuits over real links", .serialized)
struct CircuitTests {
    @Test("A three-hop circuit carries five megabytes there and back unchanged")
    func echo() throws {
        let network = try LoopbackNetwork(relays: 3)
        let (listener, port) = try network.echoServer()
        defer { listener.close() }
        let circuit = network.client.buildCircuit(network.path(0, 1, 2))
        #expect(network.wait { circuit.isBuilt })
        let stream = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
        var random = SeededRandom(seed: 7)
        let sent = (0..<5 << 17).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        var received: [UInt8] = []
        stream.onEvent = { if case .data(let bytes) = $0 { received += bytes } }
        stream.send(sent)
        #expect(network.wait { received.count >= sent.count })
        #expect(Digest.sha256(received) == Digest.sha256(sent))
        circuit.close()
        #expect(network.wait { network.relays.allSatisfy { $0.router.circuitCount == 0 } })
    }

    @Test("An exit refuses the stream of a client whose only hop it is")
    func oneHopProxy() throws {
        let network = try LoopbackNetwork(relays: 1)
        let (listener, port) = try network.echoServer()
        defer { listener.close() }
        let circuit = network.client.buildCircuit([network.relays[0].target])
        #expect(network.wait { circuit.isBuilt })
        let refused = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
        var reason: EndReason?
        refused.onEvent = { if case .ended(let why) = $0 { reason = why } }
        #expect(network.wait { reason != nil })
        #expect(reason == .protocolViolation)
    }

    @Test("CREATE_FAST makes a one-hop circuit for directory streams")
    func directory() throws {
        let network = try LoopbackNetwork(relays: 1)
        var asked: [UInt8] = []
        network.relays[0].router.onDirectoryStream = { stream in
            stream.onEvent = { [unowned stream] event in
                guard case .data(let bytes) = event else { return }
                asked += bytes
                stream.send([UInt8](repeating: 65, count: 300_000))
                stream.finish()
            }
        }
        var target = network.relays[0].target
        target.ntorKey = nil
        let circuit = network.client.buildCircuit([target])
        #expect(network.wait { circuit.isBuilt })
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
        stream.send(Array("GET / HTTP/1.0\r\n\r\n".utf8))
        #expect(network.wait { ended != nil })
        #expect(ended == .done)
        #expect(answer == 300_000)
        #expect(asked.count == 18)
    }

    @Test("A relay with another identity than asked for is not used")
    func wrongIdentity() throws {
        let network = try LoopbackNetwork(relays: 2)
        var target = network.relays[0].target
        target.ed25519 = network.relays[1].target.ed25519
        let circuit = network.client.buildCircuit([target])
        #expect(network.wait { !circuit.isOpen })
        #expect(network.client.channelCount == 0)
    }

    @Test("A refused connection and a forbidden address end the stream with their reasons")
    func refusals() throws {
        let network = try LoopbackNetwork(relays: 3)
        let circuit = network.client.buildCircuit(network.path(0, 1, 2))
        #expect(network.wait { circuit.isBuilt })
        var reasons: [EndReason] = []
        for host in ["127.0.0.1", "127.0.0.2"] {
            circuit.openStream(.host(host, port: 1, flags: 0)).onEvent = { if case .ended(let why) = $0 { reasons.append(why) } }
            #expect(network.wait { reasons.count > 0 && (host == "127.0.0.1" || reasons.count > 1) })
        }
        #expect(reasons == [.connectionRefused, .exitPolicy])
    }

    @Test("When a relay goes away its circuits close with it")
    func relayDies() throws {
        let network = try LoopbackNetwork(relays: 3)
        let circuit = network.client.buildCircuit(network.path(0, 1, 2))
        var closed = false
        circuit.onEvent = { if case .closed(_, isRemote: true) = $0 { closed = true } }
        #expect(network.wait { circuit.isBuilt })
        network.relays[1].router.closeAll()
        #expect(network.wait { closed })
        #expect(network.wait { network.relays[2].router.circuitCount == 0 })
    }
}

import Ambience
import Loops
import Sealing
import Testing

@testable import Onion
@testable import Relaying

@Suite("Circuits with ntor v3 and congestion control", .serialized)
struct CongestionTests {
    private func path(_ network: LoopbackNetwork, _ abilities: HopTarget.Abilities = [.ntorV3, .congestionControl]) -> [HopTarget] {
        network.path(0, 1, 2).map {
            var target = $0
            target.abilities = abilities
            return target
        }
    }

    private let without = FlowParameters { name, fallback, _ in name == "cc_alg" ? 0 : fallback }

    @Test("carry five megabytes there and back unchanged")
    func echo() throws {
        let network = try LoopbackNetwork(relays: 3)
        let (listener, port) = try network.echoServer()
        defer { listener.close() }
        let circuit = network.client.buildCircuit(path(network))
        #expect(network.wait { circuit.isBuilt })
        #expect(circuit.isCongestionControlled)
        let stream = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
        var random = SeededRandom(seed: 8)
        let sent = (0..<5 << 17).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        var received: [UInt8] = []
        stream.onEvent = { if case .data(let bytes) = $0 { received += bytes } }
        stream.send(sent)
        #expect(network.wait { received.count >= sent.count })
        #expect(Digest.sha256(received) == Digest.sha256(sent))
        circuit.close()
        #expect(network.wait { network.relays.allSatisfy { $0.router.circuitCount == 0 } })
    }

    @Test("have congestion control only if both ends want it", arguments: [0, 1, 2])
    func agreement(who: Int) throws {
        let network = try LoopbackNetwork(relays: 3)
        let (listener, port) = try network.echoServer()
        defer { listener.close() }
        if who == 0 { network.relays[2].router.policy.flow = without }
        if who == 1 { network.client.policy.flow = without }
        let circuit = network.client.buildCircuit(path(network, who == 2 ? [.ntorV3] : [.ntorV3, .congestionControl]))
        #expect(network.wait { circuit.isBuilt })
        #expect(!circuit.isCongestionControlled)
        let stream = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
        var received = 0
        stream.onEvent = { if case .data(let bytes) = $0 { received += bytes.count } }
        stream.send([UInt8](repeating: 1, count: 600_000))
        #expect(network.wait { received == 600_000 })
    }

    @Test("close when the relay grants an increment far from the one expected")
    func wrongIncrement() throws {
        let network = try LoopbackNetwork(relays: 3)
        network.relays[2].router.policy.flow = FlowParameters { name, fallback, _ in name == "cc_sendme_inc" ? 40 : fallback }
        let circuit = network.client.buildCircuit(path(network))
        #expect(network.wait { !circuit.isOpen })
        #expect(circuit.builtHops == 2)
    }

    @Test("stop a stream whose receiver does not read, and let it go on once it does")
    func slowReader() throws {
        let network = try LoopbackNetwork(relays: 3)
        var server: TCPConnection?
        var received = 0
        let listener = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { fd, _ in
            let connection = TCPConnection(loop: network.loop, fd: fd)
            connection.onData = { received += $0.count }
            connection.pauseReading()
            server = connection
        }
        defer { listener.close() }
        let circuit = network.client.buildCircuit(path(network))
        #expect(network.wait { circuit.isBuilt })
        let stream = circuit.openStream(.host("127.0.0.1", port: listener.address.port, flags: 0))
        let total = 48 << 20
        stream.send([UInt8](repeating: 7, count: total))
        var last = (count: -1, since: network.loop.now)
        #expect(
            network.wait {
                if stream.unsentBytes != last.count { last = (stream.unsentBytes, network.loop.now) }
                return stream.unsentBytes < total && network.loop.now - last.since > .milliseconds(500)
            })
        #expect(!stream.isEnded && stream.unsentBytes > total / 2)
        server?.resumeReading()
        #expect(network.wait { received == total })
        #expect(!stream.isEnded)
    }

    @Test("let other streams pass one that is stopped")
    func sharedCircuit() throws {
        let network = try LoopbackNetwork(relays: 3)
        let (echo, echoPort) = try network.echoServer()
        var held: [TCPConnection] = []
        let listener = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { fd, _ in
            held.append(TCPConnection(loop: network.loop, fd: fd))
            held.last?.pauseReading()
        }
        defer {
            echo.close()
            listener.close()
        }
        let circuit = network.client.buildCircuit(path(network))
        #expect(network.wait { circuit.isBuilt })
        let stuck = circuit.openStream(.host("127.0.0.1", port: listener.address.port, flags: 0))
        stuck.send([UInt8](repeating: 7, count: 32 << 20))
        let free = circuit.openStream(.host("127.0.0.1", port: echoPort, flags: 0))
        var received = 0
        free.onEvent = { if case .data(let bytes) = $0 { received += bytes.count } }
        free.send([UInt8](repeating: 1, count: 2 << 20))
        #expect(network.wait { received == 2 << 20 })
        #expect(stuck.unsentBytes > 0)
    }

    @Test("close on signals that their flow control does not have", arguments: [RelayCommand.xoff, RelayCommand.xon, RelayCommand.sendme])
    func foreignSignals(command: UInt8) throws {
        let network = try LoopbackNetwork(relays: 3)
        let (listener, port) = try network.echoServer()
        defer { listener.close() }
        let isControlled = command == RelayCommand.sendme
        let circuit = network.client.buildCircuit(path(network, isControlled ? [.ntorV3, .congestionControl] : []))
        #expect(network.wait { circuit.isBuilt })
        let stream = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
        var isConnected = false
        stream.onEvent = { if case .connected = $0 { isConnected = true } }
        #expect(network.wait { isConnected })
        circuit.send(command, stream: stream.id, isControlled ? [] : command == RelayCommand.xoff ? [0] : [0, 0, 0, 0, 1])
        #expect(network.wait { !circuit.isOpen })
        #expect(network.relays[2].router.statistics.protocolErrors == 1)
    }

    @Test("grant Counter Galois Onion with congestion control, and refuse every other subprotocol")
    func subprotocols() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        func answer(_ message: [UInt8]) throws -> HandshakeAnswer {
            let client = try NtorV3Client(
                relay: relay.target.ed25519!, onionKey: relay.target.ntorKey!, ephemeral: Curve25519Key(), message: message,
                verification: NtorV3.circuitVerification)
            let cell = Create2Message(handshakeType: HandshakeType.ntorV3, handshake: client.onionSkin).encoded
            return try HandshakeAnswer.make(to: CellCommand.create2, cell, relay.router.policy)
        }
        #expect(try answer([1, 1, 0]).sendmeIncrement == 31)
        #expect(try answer([0]).sendmeIncrement == nil)
        let modern = try answer([2, 1, 0, 3, 2, 2, 6])
        #expect(modern.keys.crypto == .counterGalois && modern.sendmeIncrement == 31)
        #expect(throws: HandshakeFailure.refused) { try answer([1, 3, 2, 2, 6]) }
        #expect(throws: HandshakeFailure.refused) { try answer([2, 1, 0, 3, 2, 2, 5]) }
        #expect(throws: HandshakeFailure.refused) { try answer([2, 1, 0, 3, 4, 2, 6, 2, 7]) }
        #expect(throws: HandshakeFailure.refused) { try answer([2, 1, 0]) }
    }
}

import Ambience
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("Circuits with Counter Galois Onion", .serialized)
struct CounterGaloisTests {
    private static let modern: HopTarget.Abilities = [.ntorV3, .congestionControl, .counterGalois]

    private func path(_ network: LoopbackNetwork, hops: Int) -> [HopTarget] {
        network.path(0, 1, 2).prefix(hops).map {
            var target = $0
            target.abilities = Self.modern
            return target
        }
    }

    @Test("carry three megabytes there and back unchanged, at one to three hops", arguments: 2...3)
    func echo(hops: Int) throws {
        let network = try LoopbackNetwork(relays: 3)
        let (listener, port) = try network.echoServer()
        defer { listener.close() }
        let circuit = network.client.buildCircuit(path(network, hops: hops))
        #expect(network.wait { circuit.isBuilt })
        #expect(circuit.format == .v1 && circuit.isCongestionControlled)
        let stream = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
        var random = SeededRandom(seed: 9)
        let sent = (0..<3 << 17).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }
        var received: [UInt8] = []
        stream.onEvent = { if case .data(let bytes) = $0 { received += bytes } }
        stream.send(sent)
        #expect(network.wait { received.count >= sent.count })
        #expect(Digest.sha256(received) == Digest.sha256(sent))
        let exit = network.relays[hops - 1].router
        #expect(exit.statistics.counterGaloisCircuits == 1)
        circuit.close()
        #expect(network.wait { network.relays.allSatisfy { $0.router.circuitCount == 0 } })
    }

    @Test("are tor1 circuits when the consensus has no congestion control, on either side", arguments: [true, false])
    func withoutControl(isClient: Bool) throws {
        let network = try LoopbackNetwork(relays: 3)
        let without = FlowParameters { name, fallback, _ in name == "cc_alg" ? 0 : fallback }
        if isClient { network.client.policy.flow = without }
        network.relays[2].router.policy.flow = without
        let circuit = network.client.buildCircuit(path(network, hops: 3))
        // A relay that is asked for what it cannot give must refuse: both go by the same consensus in time.
        #expect(network.wait { isClient ? circuit.isBuilt : !circuit.isOpen })
        #expect(circuit.format == .v0 && !circuit.isCongestionControlled)
    }

    // MARK: Messages of version 1

    private func scene() throws -> (LoopbackNetwork, RawCircuit) {
        let network = try LoopbackNetwork(relays: 1)
        let target = network.relays[0].target
        let peer = try RawPeer(loop: network.loop, to: target)
        let circuit = try RawCircuit(peer, id: 0x8000_0001, at: target, CircuitExtensions(wantsCongestionControl: true, crypto: .counterGalois))
        #expect(network.wait { circuit.isBuilt })
        return (network, circuit)
    }

    @Test("close when a command is unknown, a stream is missing or a length is impossible", arguments: [
        (99, 0, nil), (RelayCommand.data, 0, nil), (RelayCommand.begin, 0, nil), (RelayCommand.data, 5, 489), (RelayCommand.drop, 0, 491), (0, 0, nil), (255, 0, nil),
    ] as [(UInt8, UInt16, Int?)])
    func violations(command: UInt8, stream: UInt16, length: Int?) throws {
        let (network, circuit) = try scene()
        circuit.send(command, stream: stream, claiming: length)
        #expect(network.wait { circuit.destroyed != nil })
        #expect(circuit.destroyed == DestroyReason.protocolViolation.rawValue)
    }

    @Test("take the longest messages there can be, and pass over what is not for them")
    func harmless() throws {
        let (network, circuit) = try scene()
        circuit.send(RelayCommand.drop, [UInt8](repeating: 7, count: 490))
        circuit.send(RelayCommand.data, stream: 9, [UInt8](repeating: 7, count: 488))
        for command in [RelayCommand.xon, RelayCommand.xoff, RelayCommand.end] { circuit.send(command, stream: 7) }
        circuit.send(RelayCommand.beginDir, stream: 60_000)
        #expect(network.wait { circuit.count(RelayCommand.end) == 1 })
        #expect(circuit.destroyed == nil)
    }

    @Test("acknowledge with the sixteen bytes of the cell that earned it, and want the same")
    func tags() throws {
        let (network, circuit) = try scene()
        for _ in 0..<31 { circuit.send(RelayCommand.data, stream: 9, [1]) }
        let sent = circuit.lastSentTag.bytes
        #expect(network.wait { circuit.count(RelayCommand.sendme) == 1 })
        #expect(circuit.messages.first { $0.command == RelayCommand.sendme }?.data == [1, 0, 16] + sent)
        circuit.send(RelayCommand.sendme, [1, 0, 16] + [UInt8](repeating: 1, count: 16))
        #expect(network.wait { circuit.destroyed == DestroyReason.protocolViolation.rawValue })
    }

    @Test("send nothing that is too long for a message")
    func tooLong() throws {
        let (network, circuit) = try scene()
        let relay = try #require(network.relays[0].router.openChannels.first?.circuits.all.first?.1)
        #expect(!relay.send(RelayCommand.extended2, stream: 0, [UInt8](repeating: 0, count: 491)))
        #expect(relay.send(RelayCommand.extended2, stream: 0, [UInt8](repeating: 0, count: 490)))
        #expect(network.wait { circuit.count(RelayCommand.extended2) == 1 })
        #expect(circuit.messages.last?.data.count == 490)
    }
}

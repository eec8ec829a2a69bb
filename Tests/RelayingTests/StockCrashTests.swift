import Ambience
import Loops
import Onion
import Testing

@testable import Relaying

/// What peers did to crash releases 0.4.9.5 to 0.4.9.10 of stock tor, where it takes a circuit to do it.
@Suite("What has crashed stock, on circuits", .serialized)
struct StockCrashTests {
    private static let modern: HopTarget.Abilities = [.ntorV3, .congestionControl]

    /// TROVE-2026-011.
    @Test("END, TRUNCATE and TRUNCATED without a reason end what they end and nothing else")
    func noReason() throws {
        let network = try LoopbackNetwork(relays: 1)
        network.relays[0].router.onDirectoryStream = { _ in }
        let peer = try RawPeer(loop: network.loop, to: network.relays[0].target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        circuit.send(RelayCommand.beginDir, stream: 1)
        circuit.send(RelayCommand.end, stream: 1)
        circuit.send(RelayCommand.truncate)
        circuit.send(RelayCommand.truncated)
        #expect(network.wait { circuit.count(RelayCommand.truncated) == 1 })
        #expect(circuit.destroyed == nil && network.relays[0].router.circuitCount == 1)

        let ours = network.client.buildCircuit(network.path(0))
        #expect(network.wait { ours.isBuilt })
        ours.receiveControl(RelayCommand.truncated, stream: 0, [])
        #expect(!ours.isOpen)
    }

    /// TROVE-2026-009.
    @Test("a circuit that is closed again while it closes ends once")
    func closedTwice() throws {
        let network = try LoopbackNetwork(relays: 2)
        let circuit = network.client.buildCircuit(network.path(0, 1))
        var ends = 0
        circuit.onEvent = { [unowned circuit] in
            guard case .closed = $0 else { return }
            ends += 1
            circuit.close()
            for channel in network.client.openChannels { channel.close() }
        }
        #expect(network.wait { circuit.isBuilt })
        let stream = circuit.openStream(.directory)
        stream.onEvent = { [unowned circuit] in if case .ended = $0 { circuit.close() } }
        circuit.close(.resourceLimit)
        #expect(network.wait { network.client.circuitCount == 0 && network.client.channelCount == 0 })
        #expect(ends == 1)
        #expect(network.wait { network.relays.allSatisfy { $0.router.circuitCount == 0 } })
    }

    /// Stock asserted on an introduction point with such a key.
    @Test("a relay whose onion key is all zero is not extended to", arguments: [HopTarget.Abilities(), modern, modern.union(.counterGalois)])
    func zeroKey(abilities: HopTarget.Abilities) throws {
        let network = try LoopbackNetwork(relays: 2)
        var path = network.path(0, 1)
        path[1].ntorKey = [UInt8](repeating: 0, count: 32)
        path[1].abilities = abilities
        let circuit = network.client.buildCircuit(path)
        #expect(network.wait { circuit.isClosed })
        #expect(circuit.builtHops == 1)
    }

    /// TROVE-2026-018.
    @Test("an exit that stops a question for a name loses the circuit, not the client")
    func stoppedQuestion() throws {
        let network = try LoopbackNetwork(relays: 2)
        var path = network.path(0, 1)
        path[1].abilities = Self.modern
        let circuit = network.client.buildCircuit(path)
        #expect(network.wait { circuit.isBuilt })
        #expect(circuit.isCongestionControlled)
        let question = circuit.openStream(.resolve("localhost"))
        var ends = 0
        question.onEvent = { if case .ended = $0 { ends += 1 } }
        question.receive(RelayCommand.xoff, XoffMessage().encoded)
        #expect(circuit.isClosed && question.isEnded)
        #expect(ends == 1)
    }
}

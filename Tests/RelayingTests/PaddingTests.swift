import Ambience
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("Padding at a relay", .serialized)
struct RelayPaddingTests {
    private let network: LoopbackNetwork
    private var relay: OnionRouter { network.relays[0].router }
    /// Idle times of 20 to 60 ms.
    private static let quick = LinkPaddingParameters { name, fallback, _ in name == "nf_ito_low" ? 20 : name == "nf_ito_high" ? 60 : fallback }

    init() throws {
        network = try LoopbackNetwork(relays: 3)
        for node in network.relays.map(\.router) + [network.client] { node.policy.padding.links = Self.quick }
    }

    private func turn(for span: Instant.Span) {
        let end = network.loop.now + span
        _ = network.wait { network.loop.now >= end }
    }

    private func circuit() throws -> RawCircuit {
        let circuit = RawCircuit(try RawPeer(loop: network.loop, to: network.relays[0].target), id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        return circuit
    }

    @Test("a client that asks for the machine of introductions gets its DROPs and is told when they end")
    func circuitMachine() throws {
        let circuit = try circuit()
        circuit.send(RelayCommand.paddingNegotiate, CircuitPaddingRequest(isStart: true, machine: 0, counter: 1).encoded)
        #expect(network.wait { circuit.count(RelayCommand.paddingNegotiated) == 2 })
        let answers = circuit.messages.filter { $0.command == RelayCommand.paddingNegotiated }.compactMap { try? CircuitPaddingAnswer($0.data) }
        #expect(answers.map(\.isStart) == [true, false] && answers.allSatisfy { $0.isAccepted && $0.machine == 0 && $0.counter == 1 })
        #expect((7...9).contains(circuit.count(RelayCommand.drop)) && circuit.messages.first?.command == RelayCommand.paddingNegotiated)
    }

    @Test("a circuit that is closed among its padding leaves nothing behind, and a broken request changes nothing")
    func circuitClosed() throws {
        let circuit = try circuit()
        circuit.send(RelayCommand.paddingNegotiate, [0, 9])
        circuit.send(RelayCommand.paddingNegotiate, CircuitPaddingRequest(isStart: true, machine: 0, counter: 1).encoded)
        #expect(network.wait { circuit.count(RelayCommand.drop) > 0 })
        circuit.peer.send(circuit.id, CellCommand.destroy, [0])
        #expect(network.wait { relay.circuitCount == 0 })
        turn(for: .milliseconds(50))
    }

    /// A client of our own with a circuit of two hops, and the link it runs over as the relay sees it.
    private func ownCircuit() throws -> OriginCircuit {
        let circuit = network.client.buildCircuit(network.path(0, 1))
        #expect(network.wait { circuit.isBuilt })
        return circuit
    }

    @Test("a link that carries a circuit of two hops is padded by both its ends while it is idle, and links between relays are not")
    func link() throws {
        _ = try ownCircuit()
        #expect(network.wait { relay.statistics.paddingSent >= 2 && network.client.statistics.paddingSent >= 2 })
        #expect(network.relays[1].router.statistics.paddingSent == 0 && relay.linkPadding.count == 1)
    }

    @Test("a client that wants none says so: then neither end pads", arguments: [LinkPadding.Wish.none, .reduced])
    func stopped(wish: LinkPadding.Wish) throws {
        network.client.policy.padding.wish = wish
        _ = try ownCircuit()
        turn(for: .milliseconds(300))
        #expect(relay.statistics.paddingSent == 0 && network.client.statistics.paddingSent == 0 && relay.linkPadding.count == 0)
    }

    @Test("a link without a circuit of two hops is not padded")
    func unused() throws {
        _ = try circuit()
        turn(for: .milliseconds(200))
        #expect(relay.statistics.paddingSent == 0)
    }

    @Test("a client may ask for padding again after it stopped it")
    func restarted() throws {
        let circuit = try circuit()
        let message = Extend2Message(
            addresses: network.relays[1].target.addresses, rsa: network.relays[1].target.rsa, ed25519: network.relays[1].target.ed25519,
            handshakeType: HandshakeType.ntor,
            handshake: NtorClient(relay: network.relays[1].target.rsa, onionKey: network.relays[1].target.ntorKey!, ephemeral: Curve25519Key()).onionSkin)
        circuit.peer.send(0, CellCommand.paddingNegotiate, PaddingNegotiateMessage(isStart: false, lowMilliseconds: 0, highMilliseconds: 0).encoded)
        circuit.send(RelayCommand.extend2, message.encoded, early: true)
        #expect(network.wait { circuit.count(RelayCommand.extended2) == 1 })
        turn(for: .milliseconds(200))
        #expect(relay.statistics.paddingSent == 0)
        circuit.peer.send(0, CellCommand.paddingNegotiate, PaddingNegotiateMessage(isStart: true, lowMilliseconds: 0, highMilliseconds: 0).encoded)
        #expect(network.wait { relay.statistics.paddingSent >= 1 })
        circuit.peer.close()
        #expect(network.wait { relay.linkPadding.count == 0 })
    }
}

extension RouterStatistics {
    /// PADDING cells and DROP messages.
    fileprivate var paddingSent: UInt64 { linkPaddingSent + dropsSent }
}

import Ambience
import Glibc
import Limits
import Loops
import Onion
import Testing

@testable import Relaying

@Suite("Defences of a relay", .serialized)
struct DefenceTests {
    private static func parameters(_ overrides: [String: Int32]) -> DenialParameters { DenialParameters(overrides: overrides) { _, fallback, _ in fallback } }

    @Test("Over the memory limit the circuit ends that has waited longest, and the one that came later goes on")
    func memory() throws {
        var settings = RouterSettings()
        settings.memory = MemoryAccount(limitBytes: 4 << 20)
        let network = try LoopbackNetwork(relays: 1, settings: settings)
        let relay = network.relays[0]
        relay.router.policy.queues.inboundLimitCells = 100_000
        var peers: [RawPeer] = []
        var circuits: [RawCircuit] = []
        for _ in 0..<2 {
            let peer = try RawPeer(loop: network.loop, to: relay.target)
            let circuit = RawCircuit(peer, id: 0x8000_0001)
            #expect(network.wait { circuit.isBuilt })
            peer.isDeaf = true
            // 6,000 answers of 514 bytes are 3 MiB.
            for _ in 0..<6000 { circuit.send(RelayCommand.beginDir, stream: 1) }
            peers.append(peer)
            circuits.append(circuit)
            if peers.count == 1 { #expect(network.wait { relay.router.cellPool.usedCount > 500 }) }
        }
        #expect(network.wait { relay.router.circuitCount == 1 })
        #expect(settings.memory.circuitsEnded == 1 && settings.memory.reclaimedBytes > 1 << 20 && settings.memory.lastExhausted != nil)
        for peer in peers { peer.isDeaf = false }
        #expect(network.wait { circuits[0].destroyed == DestroyReason.resourceLimit.rawValue })
        #expect(network.wait { circuits[1].messages.count == 6000 })
        #expect(circuits[1].destroyed == nil && settings.memory.usedBytes < 4 << 20)
    }

    @Test("CREATE cells beyond the burst are answered with DESTROY, and only for their address")
    func circuits() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        relay.router.policy.denial = Self.parameters(["DoSCircuitCreationEnabled": 1, "DoSCircuitCreationMinConnections": 1, "DoSCircuitCreationBurst": 20])
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        for id in 1...40 { peer.send(0x8000_0000 + UInt32(id), CellCommand.createFast, [UInt8](repeating: 1, count: 20)) }
        #expect(network.wait { peer.cells.count == 40 })
        #expect(peer.cells.count { $0.command == CellCommand.createdFast } == 20)
        #expect(peer.cells.filter { $0.command == CellCommand.destroy }.allSatisfy { $0.body[0] == DestroyReason.resourceLimit.rawValue })
        // Where relays are, nobody is a client.
        relay.router.policy.relayAddresses = [.v4(0x7F00_0001)]
        let relaysPeer = try RawPeer(loop: network.loop, to: relay.target)
        for id in 1...40 { relaysPeer.send(0x8000_0000 + UInt32(id), CellCommand.createFast, [UInt8](repeating: 1, count: 20)) }
        #expect(network.wait { relaysPeer.cells.count == 40 })
        #expect(relaysPeer.cells.allSatisfy { $0.command == CellCommand.createdFast })
        #expect(relay.router.settings.clients.statistics.circuitsRefused == 20)
    }

    @Test("Links of clients are counted at once, and a link that proves to be a relay's is not")
    func links() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        relay.router.policy.denial = Self.parameters(["DoSConnectionEnabled": 1, "DoSConnectionMaxConcurrentCount": 2])
        let proven = try (0..<4).map { _ in
            let peer = try RawPeer(loop: network.loop, to: relay.target, keys: RelayKeys(wall: network.loop.wall))
            #expect(network.wait { peer.peer != nil && relay.router.openChannels.count > 0 })
            return peer
        }
        #expect(network.wait { relay.router.openChannels.count == proven.count })
        let clients = try (0..<3).map { _ in try RawPeer(loop: network.loop, to: relay.target) }
        #expect(network.wait { clients.count { $0.peer != nil } == 2 && clients.count { $0.isClosed } == 1 })
        clients.first { !$0.isClosed }?.close()
        #expect(network.wait { relay.router.channelCount == 5 })
        let next = try RawPeer(loop: network.loop, to: relay.target)
        #expect(network.wait { next.peer != nil })
    }

    @Test("Handshakes that are never finished are bounded per address, and in all by dropping the oldest")
    func handshakes() throws {
        var settings = RouterSettings()
        settings.handshakesPerAddressLimit = 4
        settings.handshakeLimit = 8
        let network = try LoopbackNetwork(relays: 1, settings: settings)
        let relay = network.relays[0]
        let address = relay.target.addresses[0]
        var idle = try (0..<10).map { _ in try Sockets.dial(address) }
        #expect(network.wait { relay.router.settings.clients.statistics.linksRefusedUnfinished == 6 })
        #expect(relay.router.channelCount == 4)
        relay.router.policy.relayAddresses = [.v4(0x7F00_0001)]
        idle += try (0..<10).map { _ in try Sockets.dial(address) }
        #expect(network.wait { relay.router.statistics.linksDroppedUnfinished == 6 })
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        #expect(network.wait { peer.peer != nil })
        for fd in idle { Sockets.close(fd) }
    }

    @Test("Streams beyond the rate are refused with MISC, or cost the circuit", arguments: [2, 3] as [Int32])
    func streams(defence: Int32) throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        relay.router.policy.denial = Self.parameters(["DoSStreamCreationEnabled": 1, "DoSStreamCreationBurst": 5, "DoSStreamCreationRate": 1, "DoSStreamCreationDefenseType": defence])
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        for stream in 1...10 as ClosedRange<UInt16> { circuit.send(RelayCommand.beginDir, stream: stream) }
        guard defence == 2 else {
            #expect(network.wait { circuit.destroyed == DestroyReason.resourceLimit.rawValue })
            return
        }
        #expect(network.wait { circuit.count(RelayCommand.end) == 10 })
        let reasons = circuit.messages.map { $0.data.first }
        #expect(reasons[..<5].allSatisfy { $0 == EndReason.notDirectory.rawValue } && reasons[5...].allSatisfy { $0 == EndReason.misc.rawValue })
    }
}

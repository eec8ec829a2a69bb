import Loops
import Onion
import Testing

@testable import Relaying

/// What peers did to crash releases 0.4.9.5 to 0.4.9.10 of stock tor with linked circuits. TROVE-2026-008 and -025 (BEGIN_DIR on a leg, LINK after
/// a stream) are among what `LinkedCircuitTests` refuses.
@Suite("What has crashed stock, on linked circuits", .serialized)
struct ConfluxCrashTests {
    typealias Scene = LinkedCircuitTests.Scene

    /// TROVE-2026-004: nonces were compared by a wrong length.
    @Test("legs whose nonces differ in one byte, wherever it is, are of two sets", arguments: [0, 19, 20, 31])
    func nonces(place: Int) throws {
        let scene = try Scene()
        var other = scene.nonce
        other[place] ^= 1
        scene.link(0)
        scene.link(1, nonce: other)
        #expect(scene.wait { scene.circuits.allSatisfy { $0.count(RelayCommand.confluxLinked) == 1 } })
        #expect(scene.exit.linkedCircuits.count == 2)
    }

    /// TROVE-2026-010 and -014.
    @Test("what waits for a gap goes with the set that it waits in")
    func heldAtTheEnd() throws {
        let scene = try Scene()
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        scene.linkAll()
        scene.begin(0, stream: 5, port: port)
        scene.circuits[1].send(RelayCommand.confluxSwitch, ConfluxSwitchMessage(relativeSequence: 101).encoded)
        for _ in 0..<50 { scene.circuits[1].send(RelayCommand.data, stream: 5, [UInt8](repeating: 1, count: 488)) }
        #expect(scene.wait { scene.exit.confluxHeldBytes >= 50 * 488 })
        scene.circuits[1].peer.close()
        #expect(scene.wait { scene.exit.circuitCount == 0 && scene.exit.linkedCircuits.isEmpty && scene.exit.confluxHeldBytes == 0 })
    }

    /// TROVE-2026-017: the circuit went while a SWITCH was sent on it.
    @Test("legs that vanish while the exit answers leave nothing, in whatever order they go", arguments: [[0, 1], [1, 0]], [true, false])
    func lostWhileSwitching(order: [Int], waits: Bool) throws {
        let scene = try Scene()
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        scene.linkAll()
        scene.begin(0, stream: 5, port: port)
        for _ in 0..<200 { scene.circuits[0].send(RelayCommand.data, stream: 5, [UInt8](repeating: 1, count: 488)) }
        #expect(scene.wait { scene.circuits.contains { $0.count(RelayCommand.data) > 0 } })
        for leg in order {
            scene.circuits[leg].peer.send(scene.circuits[leg].id, CellCommand.destroy, [0])
            // What the leg carried is lost with the set; if it carried nothing, the other goes on alone.
            if waits { #expect(scene.wait { scene.exit.circuitCount <= 1 }) }
        }
        #expect(scene.wait { scene.exit.circuitCount == 0 && scene.exit.linkedCircuits.isEmpty })
    }

    /// TROVE-2026-026: a set came to life again whose last leg was closed.
    @Test("a leg that comes after the last has gone begins a set of its own", arguments: [true, false])
    func revival(waits: Bool) throws {
        let scene = try Scene()
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        scene.link(0)
        #expect(scene.wait { scene.circuits[0].count(RelayCommand.confluxLinked) == 1 })
        scene.circuits[0].send(RelayCommand.confluxLinkedAck)
        scene.circuits[0].peer.send(scene.circuits[0].id, CellCommand.destroy, [0])
        if waits { #expect(scene.wait { scene.exit.linkedCircuits.isEmpty }) }
        scene.link(1)
        #expect(scene.wait { scene.circuits[1].count(RelayCommand.confluxLinked) == 1 && scene.exit.circuitCount == 1 })
        #expect(scene.exit.linkedCircuits.count == 1)
        scene.circuits[1].send(RelayCommand.confluxLinkedAck)
        scene.begin(1, stream: 5, port: port)
        scene.circuits[1].send(RelayCommand.data, stream: 5, [1, 2, 3])
        #expect(scene.wait { scene.received(5) == [1, 2, 3] })
    }

    /// TROVE-2026-016.
    @Test("a relay that ends with linked circuits and their streams leaves nothing")
    func shutdown() throws {
        let scene = try Scene()
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        scene.linkAll()
        scene.begin(0, stream: 5, port: port)
        #expect(scene.wait { scene.circuits.contains { $0.count(RelayCommand.connected) == 1 } })
        scene.exit.closeAll()
        #expect(scene.wait { scene.exit.circuitCount == 0 && scene.exit.linkedCircuits.isEmpty && scene.exit.channelCount == 0 })
    }
}

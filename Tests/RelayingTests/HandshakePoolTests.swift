import Ambience
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("Onion skins on threads of their own", .serialized)
struct HandshakePoolTests {
    private func create(_ target: HopTarget) -> [UInt8] {
        let client = NtorClient(relay: target.rsa, onionKey: target.ntorKey!, ephemeral: Curve25519Key())
        return Create2Message(handshakeType: HandshakeType.ntor, handshake: client.onionSkin).encoded
    }

    @Test("Each of a hundred CREATE2 that come at once is answered once")
    func burst() throws {
        let network = try LoopbackNetwork(relays: 1, loops: 1)
        let peer = try RawPeer(loop: network.loop, to: network.relays[0].target)
        for id in 1...100 { peer.send(1 << 31 | UInt32(id), CellCommand.create2, create(network.relays[0].target)) }
        #expect(network.wait { peer.cells.count >= 100 })
        #expect(Set(peer.cells.map(\.id)).count == 100)
        #expect(peer.cells.allSatisfy { $0.command == CellCommand.created2 })
        #expect(network.relays[0].router.relayedCircuitCount == 100)
    }

    @Test("A second CREATE2 with the id of one that is being answered changes nothing")
    func duplicate() throws {
        let network = try LoopbackNetwork(relays: 1, loops: 1)
        let peer = try RawPeer(loop: network.loop, to: network.relays[0].target)
        let skin = create(network.relays[0].target)
        peer.send(1 << 31 | 7, CellCommand.create2, skin)
        peer.send(1 << 31 | 7, CellCommand.create2, skin)
        #expect(network.wait { !peer.cells.isEmpty && network.relays[0].router.statistics.protocolErrors == 1 })
        #expect(peer.cells.map(\.command) == [CellCommand.created2])
        #expect(network.relays[0].router.circuitCount == 1)
    }

    @Test("DESTROY for a circuit whose skin is being answered is the end of it, and the id is free again")
    func destroyed() throws {
        let network = try LoopbackNetwork(relays: 1, loops: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        peer.send(1 << 31 | 7, CellCommand.create2, create(relay.target))
        peer.send(1 << 31 | 7, CellCommand.destroy, [0])
        peer.send(1 << 31 | 7, CellCommand.create2, create(relay.target))
        #expect(network.wait { !peer.cells.isEmpty && relay.router.handshakes?.waiting == 0 })
        #expect(peer.cells.map(\.command) == [CellCommand.created2])
        #expect(relay.router.circuitCount == 1 && relay.router.statistics.protocolErrors == 0)
    }

    @Test("A relay cell before the answer is a violation")
    func impatient() throws {
        let network = try LoopbackNetwork(relays: 1, loops: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        peer.send(1 << 31 | 7, CellCommand.create2, create(relay.target))
        peer.send(1 << 31 | 7, CellCommand.relay, SecureRandom.bytes(509))
        #expect(network.wait { !peer.cells.isEmpty })
        #expect(peer.cells.map(\.command) == [CellCommand.destroy])
        #expect(relay.router.circuitCount == 0)
    }

    @Test("A link that closes while skins are being answered leaves no circuit")
    func linkClosed() throws {
        let network = try LoopbackNetwork(relays: 1, loops: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        for id in 1...50 { peer.send(1 << 31 | UInt32(id), CellCommand.create2, create(relay.target)) }
        #expect(network.wait { relay.router.circuitCount > 0 })
        peer.close()
        #expect(network.wait { relay.router.circuitCount == 0 && relay.router.channelCount == 0 })
        #expect(network.wait { relay.router.handshakes?.waiting == 0 })
        #expect(relay.router.circuitCount == 0)
    }

    @Test("Skins that waited too long are dropped with the resource limit as the reason, and with a wait of nothing the relay still runs")
    func late() throws {
        let network = try LoopbackNetwork(relays: 1, loops: 1)
        let relay = network.relays[0]
        relay.router.handshakes?.drop(after: .seconds(0))
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        for id in 1...500 { peer.send(1 << 31 | UInt32(id), CellCommand.create2, create(relay.target)) }
        #expect(network.wait { peer.cells.count >= 500 })
        let dropped = peer.cells.filter { $0.command == CellCommand.destroy }
        #expect(Set(peer.cells.map(\.id)).count == 500)
        #expect(!dropped.isEmpty && dropped.allSatisfy { $0.body[0] == DestroyReason.resourceLimit.rawValue })
        let counts = relay.router.statistics.skinsDropped
        #expect(UInt64(dropped.count) == SkinKind.allCases.reduce(0) { $0 + counts[$1] })
    }

    @Test("A queue takes as many jobs as it may, does them in order, and after its close none")
    func queue() {
        let queue = WorkQueue(limit: 3)
        let loop = EventLoop()
        let mailbox = loop.mailbox
        let done = LoopBound(Done(), mailbox: mailbox)
        let kept = Done()
        done.bind(kept)
        for number in 0..<3 { #expect(queue.add { done.post { $0.numbers.append(number) } }) }
        #expect(!queue.add {})
        #expect(queue.waiting == 3)
        let threads = queue.staff(1, name: "worker")
        let deadline = loop.now + .seconds(60)
        let ticker = loop.every(.milliseconds(20)) {}
        while kept.numbers.count < 3, loop.now < deadline { loop.turn(wait: true) }
        ticker.cancel()
        #expect(kept.numbers == [0, 1, 2])
        queue.close()
        for thread in threads { thread.join() }
        #expect(!queue.add {})
    }

    private final class Done { var numbers: [Int] = [] }
}

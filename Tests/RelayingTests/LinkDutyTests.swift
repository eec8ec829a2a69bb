import Ambience
import Bytes
import Glibc
import Limits
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("What a relay does with links that misbehave", .serialized)
struct LinkDutyTests {
    /// One wait is short, so that nothing else ends a link on a machine that is slow.
    private func settings(_ wait: WritableKeyPath<RouterSettings, Instant.Span>, _ span: Instant.Span) -> RouterSettings {
        var settings = RouterSettings()
        settings[keyPath: wait] = span
        settings.housekeepingInterval = .milliseconds(100)
        return settings
    }

    @Test("Connections that say nothing, or too little, are closed after the link timeout")
    func silence() throws {
        let network = try LoopbackNetwork(relays: 1, settings: settings(\.linkTimeout, .seconds(1)))
        let relay = network.relays[0]
        let silent = try Sockets.dial(relay.target.addresses[0])
        let half = try Sockets.dial(relay.target.addresses[0])
        defer { for fd in [silent, half] { Sockets.close(fd) } }
        #expect(network.wait { relay.router.channelCount == 2 })
        _ = [UInt8]([0x16, 3, 1, 2, 0, 1]).withUnsafeBytes { Glibc.send(half, $0.baseAddress, $0.count, 0) }
        #expect(network.wait { relay.router.channelCount == 0 })
    }

    @Test("Bytes that are not TLS close the connection at once", arguments: [1, 2, 3] as [UInt64])
    func garbage(seed: UInt64) throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        var random = SeededRandom(seed: seed)
        let fd = try Sockets.dial(relay.target.addresses[0])
        defer { Sockets.close(fd) }
        #expect(network.wait { relay.router.channelCount == 1 })
        let bytes = (0..<600).map { _ in UInt8.random(in: 0x80...0xFF, using: &random) }
        _ = bytes.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, 0) }
        #expect(network.wait { relay.router.channelCount == 0 }, "seed \(seed)")
    }

    @Test("Garbage inside TLS instead of the link handshake closes the link")
    func garbageInside() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        peer.send([0, 0, 3] + [UInt8](repeating: 9, count: 600))
        #expect(network.wait { peer.isClosed })
        #expect(relay.router.channelCount == 0)
        #expect(relay.router.statistics.protocolErrors == 1)
    }

    @Test("A link that ends in the middle of a cell takes its circuits along")
    func cutCell() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        #expect(relay.router.circuitCount == 1)
        peer.send([0x80, 0, 0, 1, 3] + [UInt8](repeating: 1, count: 100))
        peer.close()
        #expect(network.wait { relay.router.circuitCount == 0 && relay.router.channelCount == 0 })
    }

    @Test("Unknown cells, padding and cells of circuits that do not exist change nothing")
    func ignored() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        for command in [0, 2, 6, 8, 11, 12, 13, 99, 127] as [UInt8] { peer.send(7, command, [1, 2, 3]) }
        for command in [7, 128, 129, 131, 255] as [UInt8] { peer.send(0, command, [UInt8](repeating: 5, count: 1000)) }
        for command in [3, 4, 9] as [UInt8] { peer.send(0x8000_0002, command, [0]) }
        circuit.send(RelayCommand.beginDir, stream: 1)
        #expect(network.wait { circuit.count(RelayCommand.end) == 1 })
        #expect(circuit.destroyed == nil)
    }

    @Test("Circuit 0 and a circuit that exists cannot be created; ids of the wrong half are refused")
    func circuitIDs() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        var others: [RawPeer.Received] = []
        peer.onCell = { cell in
            if cell.id == circuit.id { circuit.receive(cell) } else { others.append(cell) }
        }
        peer.send(0, CellCommand.createFast, [1])
        peer.send(circuit.id, CellCommand.createFast, [1])
        peer.send(5, CellCommand.createFast, [1])
        #expect(network.wait { !others.isEmpty })
        #expect(others.map(\.id) == [5])
        #expect(others.first?.command == CellCommand.destroy && others.first?.body[0] == DestroyReason.protocolViolation.rawValue)
        circuit.send(RelayCommand.beginDir, stream: 1)
        #expect(network.wait { circuit.count(RelayCommand.end) == 1 })
        #expect(circuit.destroyed == nil && relay.router.circuitCount == 1)
    }

    @Test("A client gets so many circuits on its link and no more")
    func clientBound() throws {
        var settings = RouterSettings()
        settings.circuitsPerClientLimit = 5
        let network = try LoopbackNetwork(relays: 1, settings: settings)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        for index in 1...8 { peer.send(0x8000_0000 + UInt32(index), CellCommand.createFast, SecureRandom.bytes(20)) }
        #expect(network.wait { peer.cells.count == 8 })
        #expect(peer.cells.map(\.command) == [6, 6, 6, 6, 6, 4, 4, 4])
        #expect(peer.cells.suffix(3).allSatisfy { $0.body[0] == DestroyReason.resourceLimit.rawValue })
        #expect(relay.router.circuitCount == 5)
    }

    @Test("TAP, unknown handshakes and onion skins for other keys are answered with DESTROY")
    func badCreates() throws {
        let network = try LoopbackNetwork(relays: 1)
        let peer = try RawPeer(loop: network.loop, to: network.relays[0].target)
        let foreign = NtorClient(relay: network.relays[0].target.rsa, onionKey: Curve25519Key().publicKey, ephemeral: Curve25519Key()).onionSkin
        let bodies: [(UInt8, [UInt8])] = [
            (CellCommand.create, SecureRandom.bytes(186)), (CellCommand.create2, [0, 0, 0, 186]), (CellCommand.create2, [0, 2, 0xFF, 0xFF]),
            (CellCommand.create2, [0, 9, 0, 1, 1]), (CellCommand.create2, Create2Message(handshakeType: 2, handshake: foreign).encoded),
        ]
        for (index, body) in bodies.enumerated() { peer.send(0x8000_0001 + UInt32(index), body.0, body.1) }
        #expect(network.wait { peer.cells.count == bodies.count })
        #expect(peer.cells.allSatisfy { $0.command == CellCommand.destroy && $0.body[0] == DestroyReason.protocolViolation.rawValue })
        #expect(network.relays[0].router.circuitCount == 0)
    }

    @Test("A link without circuits is closed when it has been idle")
    func idle() throws {
        let network = try LoopbackNetwork(relays: 1, settings: settings(\.idleChannelTimeout, .milliseconds(300)))
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        #expect(network.wait { peer.peer != nil })
        #expect(network.wait { peer.isClosed })
        #expect(relay.router.channelCount == 0)
    }

    @Test("A peer that asks and does not read loses its link, and with it what waits there")
    func deaf() throws {
        let network = try LoopbackNetwork(relays: 1, settings: settings(\.outputStallTimeout, .milliseconds(600)))
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        peer.isDeaf = true
        // Each is refused with an END, 514 bytes that nobody reads.
        for _ in 0..<20_000 { circuit.send(RelayCommand.beginDir, stream: 1) }
        #expect(network.wait { relay.router.channelCount == 0 && relay.router.circuitCount == 0 })
    }

    @Test("A circuit whose own messages fill its queue at a peer that does not read is closed")
    func deafCircuit() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        relay.router.policy.queues.inboundLimitCells = 100
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        peer.isDeaf = true
        for _ in 0..<40_000 { circuit.send(RelayCommand.beginDir, stream: 1) }
        #expect(network.wait { relay.router.circuitCount == 0 })
        #expect(relay.router.channelCount == 1)
    }

    @Test("Control cells for a peer that does not read are bounded by bytes as well as by time")
    func deafByBytes() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        peer.isDeaf = true
        // Each is answered with DESTROY: TAP is no handshake any more.
        for id in 1...40_000 { peer.send(0x8000_1000 + UInt32(id), CellCommand.create, []) }
        #expect(network.wait { relay.router.channelCount == 0 })
    }

    @Test("A listener closed in its own callback accepts no more")
    func closedListener() throws {
        let loop = EventLoop()
        var accepted = 0
        var listener: TCPListener?
        listener = try TCPListener(loop: loop, address: SocketAddress("[::1]:0")!) { fd, _ in
            Sockets.close(fd)
            accepted += 1
            listener?.close()
        }
        let address = listener!.address
        let fds = try (0..<3).map { _ in try Sockets.dial(address) }
        defer { for fd in fds { Sockets.close(fd) } }
        let ticker = loop.every(.milliseconds(20)) {}
        defer { ticker.cancel() }
        for _ in 0..<15 { loop.turn(wait: true) }
        #expect(accepted == 1)
    }

    @Test("Links work over IPv6")
    func ipv6() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        let address = try relay.router.listen(on: SocketAddress("[::1]:0")!)
        var target = relay.target
        target.addresses = [address]
        let circuit = network.client.buildCircuit([target])
        #expect(network.wait { circuit.isBuilt })
    }

    @Test("After closeAll nothing is left, dials included, and nothing new begins")
    func closeAll() throws {
        let network = try LoopbackNetwork(relays: 1)
        let hole = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { _, _ in }
        defer { hole.close() }
        var target = network.relays[0].target
        target.addresses = [hole.address]
        let circuit = network.client.buildCircuit([target])
        #expect(network.wait { network.client.channelCount == 1 })
        let built = network.client.buildCircuit([network.relays[0].target])
        #expect(network.wait { built.isBuilt })
        network.client.closeAll()
        #expect(!circuit.isOpen && !built.isOpen)
        let late = network.client.buildCircuit([network.relays[0].target])
        #expect(network.wait { !late.isOpen && network.client.channelCount == 0 && network.client.dialCount == 0 && network.client.circuitCount == 0 })
    }

    @Test("Dials are bounded")
    func dialBound() throws {
        var settings = RouterSettings()
        settings.dialLimit = 2
        let network = try LoopbackNetwork(relays: 1, settings: settings)
        let hole = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { _, _ in }
        defer { hole.close() }
        let circuits = (0..<4).map { index in
            var target = network.relays[0].target
            target.rsa = RSAIdentity([UInt8](repeating: UInt8(index + 1), count: 20))!
            target.addresses = [hole.address]
            return network.client.buildCircuit([target])
        }
        #expect(network.wait { circuits.count { !$0.isOpen } == 2 })
        #expect(network.client.dialCount == 2)
    }
}

import Ambience
import Glibc
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("A long life among rough peers", .serialized)
struct SoakTests {
    /// References that must not keep what they refer to.
    private final class Watched {
        private var objects: [() -> AnyObject?] = []
        func watch(_ object: AnyObject) { objects.append { [weak object] in object } }
        var living: Int { objects.count { $0() != nil } }
    }

    @Test("Hundreds of circuits and streams, closed every way there is, leave nothing behind", arguments: [11, 12] as [UInt64])
    func soak(seed: UInt64) throws {
        let watched = Watched()
        let network = try LoopbackNetwork(relays: 3)
        let (echo, port) = try network.echoServer()
        defer { echo.close() }
        for relay in network.relays {
            relay.router.onDirectoryStream = { stream in
                watched.watch(stream)
                stream.onEvent = { [unowned stream] in
                    guard case .data = $0 else { return }
                    stream.send([UInt8](repeating: 3, count: 60_000))
                    stream.finish()
                }
            }
        }
        var random = SeededRandom(seed: seed)
        for _ in 0..<12 {
            var circuits: [OriginCircuit] = []
            for _ in 0..<12 { circuits.append(openRandomly(network, port, watched, &random)) }
            var peers: [RawPeer] = []
            for _ in 0..<3 { peers.append(try misbehave(network, watched, &random)) }
            let patience = network.loop.now + .milliseconds(Int64.random(in: 0...150, using: &random))
            _ = network.wait { network.loop.now > patience }
            if Int.random(in: 0..<6, using: &random) == 0 { dropLinks(of: network.relays.randomElement(using: &random)!.router) }
            for circuit in circuits where Bool.random(using: &random) { circuit.close() }
            for peer in peers { peer.close() }
            for circuit in circuits { circuit.close() }
        }
        let routers = network.relays.map(\.router) + [network.client]
        #expect(network.wait { routers.allSatisfy { $0.circuitCount == 0 && $0.dialCount == 0 } }, "seed \(seed)")
        for router in routers { router.closeAll() }
        #expect(network.wait { routers.allSatisfy { $0.channelCount == 0 } }, "seed \(seed)")
        #expect(network.wait { watched.living == 0 }, "seed \(seed): \(watched.living) objects live on")
    }

    @Test("A router that has closed everything is freed, whatever was under way")
    func routersAreFreed() throws {
        let watched = Watched(), names = try StubNames()
        defer { names.close() }
        do {
            var settings = RouterSettings()
            settings.resolver.resolvConf = names.resolvConf
            let network = try LoopbackNetwork(relays: 2, settings: settings)
            let hole = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { _, _ in }
            var unreachable = network.relays[1].target
            unreachable.addresses = [hole.address]
            let built = network.client.buildCircuit(network.path(0, 1))
            #expect(network.wait { built.isBuilt })
            built.openStream(.resolve("silent")).onEvent = { _ in }
            #expect(network.wait { names.count("silent") > 0 })
            _ = network.client.buildCircuit([network.relays[0].target, unreachable])
            _ = network.client.buildCircuit([unreachable])
            network.client.testLink(network.relays[0].target.link) { _ in }
            #expect(network.wait { network.client.dialCount == 2 && network.relays[0].router.dialCount == 1 })
            for router in network.relays.map(\.router) + [network.client] { watched.watch(router) }
            watched.watch(network.loop)
        }
        #expect(watched.living == 0)
    }

    private func openRandomly(_ network: LoopbackNetwork, _ port: UInt16, _ watched: Watched, _ random: inout SeededRandom) -> OriginCircuit {
        var indices = Array(0..<3).shuffled(using: &random)
        indices.removeLast(Int.random(in: 0..<3, using: &random))
        var path = indices.map { network.relays[$0].target }
        switch Int.random(in: 0..<12, using: &random) {
        case 0: path[path.count - 1].ntorKey = Curve25519Key().publicKey
        case 1: path[path.count - 1].ed25519 = Ed25519Identity([UInt8](repeating: 1, count: 32))
        case 2: path[path.count - 1].addresses = [SocketAddress("127.0.0.1:1")!]
        default: break
        }
        let circuit = network.client.buildCircuit(path)
        let wishes = (0..<Int.random(in: 0...4, using: &random)).map { _ in Int.random(in: 0..<6, using: &random) }
        watched.watch(circuit)
        circuit.onEvent = { [unowned circuit] in
            guard case .built = $0 else { return }
            for wish in wishes { open(wish, on: circuit, port, watched) }
        }
        if Int.random(in: 0..<8, using: &random) == 0 { circuit.close() }
        return circuit
    }

    private func open(_ wish: Int, on circuit: OriginCircuit, _ port: UInt16, _ watched: Watched) {
        let target: StreamTarget = switch wish {
        case 0: .directory
        case 1: .resolve("localhost")
        case 2: .host("127.0.0.1", port: 1, flags: 0)
        default: .host("127.0.0.1", port: port, flags: 0)
        }
        let stream = circuit.openStream(target)
        watched.watch(stream)
        var heard = 0
        stream.onEvent = { [unowned stream] in
            guard case .data(let bytes) = $0 else { return }
            heard += bytes.count
            if heard > 20_000 { stream.end(.done) }
        }
        stream.send([UInt8](repeating: 7, count: wish == 3 ? 300 : 50_000))
        if wish == 4 { stream.finish() }
        if wish == 5 { stream.end(.misc) }
    }

    /// A peer with a circuit on which it sends random messages, some of them forged.
    private func misbehave(_ network: LoopbackNetwork, _ watched: Watched, _ random: inout SeededRandom) throws -> RawPeer {
        let peer = try RawPeer(loop: network.loop, to: network.relays.randomElement(using: &random)!.target)
        let circuit = RawCircuit(peer, id: 0x8000_0000 | UInt32.random(in: 1...9, using: &random))
        let steps = (0..<40).map { _ in (kind: Int.random(in: 0..<10, using: &random), command: UInt8.random(in: 0...50, using: &random)) }
        let next = network.relays.randomElement(using: &random)!.target
        var isStarted = false
        peer.onCell = { cell in
            circuit.receive(cell)
            guard circuit.isBuilt, !isStarted else { return }
            isStarted = true
            for step in steps { say(step.kind, step.command, circuit, next) }
        }
        return peer
    }

    private func say(_ kind: Int, _ command: UInt8, _ circuit: RawCircuit, _ next: HopTarget) {
        switch kind {
        case 0: circuit.send(RelayCommand.beginDir, stream: UInt16(command))
        case 1: circuit.send(RelayCommand.data, stream: UInt16(command), [1, 2, 3])
        case 2: circuit.send(RelayCommand.end, stream: UInt16(command), [])
        case 3 where command < 25:
            let client = NtorClient(relay: next.rsa, onionKey: next.ntorKey!, ephemeral: Curve25519Key())
            let message = Extend2Message(
                addresses: next.addresses, rsa: next.rsa, ed25519: next.ed25519, handshakeType: HandshakeType.ntor, handshake: client.onionSkin)
            circuit.send(RelayCommand.extend2, message.encoded, early: true)
        case 4 where command < 5: circuit.sendGarbage()
        case 5 where command < 5: circuit.peer.send(circuit.id, CellCommand.destroy, [command])
        case 6 where command < 5: circuit.peer.send(0x8000_0000 | UInt32(command), CellCommand.createFast, [command])
        case 7 where command < 3: circuit.send(command)
        case 8 where command < 2: circuit.peer.close()
        default: circuit.send(RelayCommand.drop, early: command < 5)
        }
    }

    private func dropLinks(of router: OnionRouter) { router.closeChannels() }
}

extension OnionRouter {
    /// As if all its connections broke at once.
    func closeChannels() { for channel in openChannels { channel.close() } }
}

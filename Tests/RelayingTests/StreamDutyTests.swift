import Ambience
import Glibc
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("Streams at both ends", .serialized)
struct StreamDutyTests {
    @Test("A stream on a circuit that is not built sends nothing and ends by itself")
    func notBuilt() throws {
        let network = try LoopbackNetwork(relays: 1)
        let circuit = network.client.buildCircuit([network.relays[0].target])
        for end in 0..<3 {
            let stream = circuit.openStream(.directory)
            var reason: EndReason?
            stream.onEvent = { if case .ended(let why) = $0 { reason = why } }
            stream.send([UInt8](repeating: 1, count: 5000))
            if end == 1 { stream.finish() }
            if end == 2 { stream.end(.done) }
            #expect(network.wait { reason != nil })
            #expect(reason == .destroyed)
        }
        #expect(network.wait { circuit.isBuilt })
        #expect(circuit.openStreams == 0)
    }

    @Test("Data behind BEGIN reaches the server, which may answer and close at once")
    func optimistic() throws {
        let network = try LoopbackNetwork(relays: 2)
        var heard: [UInt8] = []
        let listener = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { [loop = network.loop] fd, _ in
            let connection = TCPConnection(loop: loop, fd: fd)
            connection.onData = { [unowned connection] in
                heard += $0
                guard heard.count == 3000 else { return }
                connection.send([UInt8](repeating: 2, count: 400_000))
                connection.finish()
            }
        }
        defer { listener.close() }
        let circuit = network.client.buildCircuit(network.path(0, 1))
        #expect(network.wait { circuit.isBuilt })
        let stream = circuit.openStream(.host("127.0.0.1", port: listener.address.port, flags: 0))
        var received = 0
        var reason: EndReason?
        stream.onEvent = {
            if case .data(let bytes) = $0 { received += bytes.count }
            if case .ended(let why) = $0 { reason = why }
        }
        stream.send([UInt8](repeating: 1, count: 3000))
        #expect(network.wait { reason != nil })
        #expect(reason == .done && received == 400_000 && heard.count == 3000)
    }

    @Test("What was sent before the end still reaches a slow server")
    func slowEnd() throws {
        let network = try LoopbackNetwork(relays: 2)
        var heard = 0
        var server: TCPConnection?
        let listener = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { [loop = network.loop] fd, _ in
            let connection = TCPConnection(loop: loop, fd: fd)
            connection.pauseReading()
            connection.onData = { heard += $0.count }
            server = connection
        }
        defer { listener.close() }
        let circuit = network.client.buildCircuit(network.path(0, 1))
        #expect(network.wait { circuit.isBuilt })
        let stream = circuit.openStream(.host("127.0.0.1", port: listener.address.port, flags: 0))
        var isConnected = false
        stream.onEvent = { if case .connected = $0 { isConnected = true } }
        #expect(network.wait { isConnected && server != nil })
        stream.send([UInt8](repeating: 1, count: 200_000))
        stream.finish()
        #expect(network.wait { network.relays[1].router.statistics.bytesRead > 200_000 })
        circuit.close()
        #expect(network.wait { network.relays[1].router.circuitCount == 0 })
        server?.resumeReading()
        #expect(network.wait { heard == 200_000 })
    }

    @Test("A server that does not read holds its own stream back, and no other of the circuit")
    func slowServer() throws {
        let network = try LoopbackNetwork(relays: 2)
        var stuck: [TCPConnection] = []
        let hole = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { [loop = network.loop] fd, _ in
            let connection = TCPConnection(loop: loop, fd: fd)
            connection.pauseReading()
            stuck.append(connection)
        }
        let (echo, port) = try network.echoServer()
        defer {
            hole.close()
            echo.close()
            for connection in stuck { connection.abort() }
        }
        let circuit = network.client.buildCircuit(network.path(0, 1))
        #expect(network.wait { circuit.isBuilt })
        let slow = circuit.openStream(.host("127.0.0.1", port: hole.address.port, flags: 0))
        slow.onEvent = { _ in }
        slow.send([UInt8](repeating: 1, count: 30 << 20))
        let quick = circuit.openStream(.host("127.0.0.1", port: port, flags: 0))
        var received = 0
        quick.onEvent = { if case .data(let bytes) = $0 { received += bytes.count } }
        quick.send([UInt8](repeating: 2, count: 1 << 20))
        #expect(network.wait { received == 1 << 20 })
        #expect(slow.unsentBytes > 10 << 20 && circuit.isOpen)
    }

    @Test("A server that resets ends the stream as reset")
    func reset() throws {
        let network = try LoopbackNetwork(relays: 2)
        let listener = try TCPListener(loop: network.loop, address: SocketAddress("127.0.0.1:0")!) { fd, _ in
            var hard = linger(l_onoff: 1, l_linger: 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout.size(ofValue: hard)))
            Sockets.close(fd)
        }
        defer { listener.close() }
        let circuit = network.client.buildCircuit(network.path(0, 1))
        #expect(network.wait { circuit.isBuilt })
        let stream = circuit.openStream(.host("127.0.0.1", port: listener.address.port, flags: 0))
        var reason: EndReason?
        stream.onEvent = { if case .ended(let why) = $0 { reason = why } }
        #expect(network.wait { reason != nil })
        #expect(reason == .connectionReset)
    }

    @Test("Many bulk streams on one circuit all move on together")
    func fairness() throws {
        let network = try LoopbackNetwork(relays: 1)
        network.relays[0].router.onDirectoryStream = { stream in
            stream.onEvent = { _ in }
            stream.send([UInt8](repeating: 1, count: 4 << 20))
        }
        let circuit = network.client.buildCircuit([network.relays[0].target])
        #expect(network.wait { circuit.isBuilt })
        var received = [Int](repeating: 0, count: 8)
        let streams = received.indices.map { index in
            let stream = circuit.openStream(.directory)
            stream.onEvent = { if case .data(let bytes) = $0 { received[index] += bytes.count } }
            return stream
        }
        #expect(network.wait { received.max()! > 2 << 20 })
        #expect(received.min()! > 1 << 20, "\(received)")
        #expect(streams.allSatisfy { !$0.isEnded })
    }
}

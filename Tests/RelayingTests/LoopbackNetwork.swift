import Ambience
import Loops
import Onion
import Sealing

@testable import Relaying

/// Relays, a client and a TCP server in one process on one loop, talking over real TLS on loopback.
final class LoopbackNetwork {
    final class Relay {
        let router: OnionRouter
        let target: HopTarget

        init(loop: EventLoop, wall: WallTime, settings: RouterSettings, loops: Int) throws {
            let keys = RelayKeys(wall: wall)
            router = OnionRouter(loop: loop, tls: keys.tls, settings: settings)
            if loops > 0 { router.spread(over: RelayLoops(count: loops, main: loop.mailbox, handshakeThreads: 2)) }
            router.policy.identity = keys.identity
            router.policy.onionKeys = [keys.onion]
            router.policy.ownAddresses = [.v4(0x7F00_0001)]
            router.policy.isExtendAllowed = { _ in true }
            router.policy.isExit = true
            router.policy.isExitAllowed = { address, _ in address == .v4(0x7F00_0001) }
            target = keys.target(at: try router.listen(on: SocketAddress("127.0.0.1:0")!))
        }
    }

    let loop = EventLoop()
    let relays: [Relay]
    let client: OnionRouter

    /// With `loops`, each relay has so many loops, of which all but one have threads of their own, and threads for onion skins.
    init(relays count: Int, settings: RouterSettings = RouterSettings(), loops: Int = 0) throws {
        let loop = loop
        let wall = loop.wall
        relays = try (0..<count).map { _ in try Relay(loop: loop, wall: wall, settings: settings, loops: loops) }
        client = OnionRouter(loop: loop, tls: TLSContext(), settings: settings)
    }

    deinit {
        client.closeAll()
        for relay in relays {
            relay.router.closeAll()
            relay.router.onDirectoryStream = nil
        }
        // Whoever waited for a link is told in the next turn.
        loop.turn(wait: false)
    }

    /// Turns the loop until the condition holds; `false` when it did not within a minute, which only a machine that is very busy needs.
    func wait(until condition: () -> Bool) -> Bool {
        let deadline = loop.now + .seconds(60)
        let ticker = loop.every(.milliseconds(20)) {}
        defer { ticker.cancel() }
        while !condition() {
            guard loop.now < deadline else { return false }
            loop.turn(wait: true)
        }
        return true
    }

    func path(_ indices: Int...) -> [HopTarget] { indices.map { relays[$0].target } }

    /// A server that sends every byte back.
    func echoServer() throws -> (listener: TCPListener, port: UInt16) {
        let loop = loop
        let listener = try TCPListener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { fd, _ in
            let connection = TCPConnection(loop: loop, fd: fd)
            connection.onData = { [unowned connection] in connection.send($0) }
        }
        return (listener, listener.address.port)
    }
}

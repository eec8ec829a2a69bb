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

        init(loop: EventLoop, wall: WallTime) throws {
            let tls = TLSContext(notBefore: wall.secondsSinceEpoch - 3600, notAfter: wall.secondsSinceEpoch + 86400)
            let rsa = RSAKey.generate(bits: 1024)
            let master = Ed25519Key()
            let signing = Ed25519Key()
            let certificate = TorCertificate.make(
                kind: TorCertificate.Kind.signingKey, subject: signing.publicKey, expires: wall + 86400, signer: master, includeSigner: true)
            let onion = Curve25519Key()
            router = OnionRouter(loop: loop, tls: tls)
            router.identity = LinkIdentity(
                rsaIdentity: rsa, ed25519Identity: Ed25519Identity(master.publicKey)!, signingKey: signing, signingCertificate: certificate,
                tlsCertificate: tls.certificate, now: wall)
            router.onionKeys = [onion]
            router.ownAddresses = [.v4(0x7F00_0001)]
            router.isExtendAllowed = { _ in true }
            router.isExitAllowed = { address, _ in address == .v4(0x7F00_0001) }
            let address = try router.listen(on: SocketAddress("127.0.0.1:0")!)
            target = HopTarget(
                rsa: RSAIdentity(rsa.publicKey.fingerprint)!, ed25519: Ed25519Identity(master.publicKey)!, addresses: [address], ntorKey: onion.publicKey)
        }
    }

    let loop = EventLoop()
    let relays: [Relay]
    let client: OnionRouter

    init(relays count: Int) throws {
        let loop = loop
        let wall = loop.wall
        relays = try (0..<count).map { _ in try Relay(loop: loop, wall: wall) }
        client = OnionRouter(loop: loop, tls: TLSContext())
    }

    /// Turns the loop until the condition holds; `false` when it did not within ten seconds.
    func wait(until condition: () -> Bool) -> Bool {
        let deadline = loop.now + .seconds(10)
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

import Ambience
import Directory
import DirectoryService
import Logging
import Loops
import Onion
import Relaying
import Sealing

/// The real monotonic clock with the date of the published network.
final class TestnetTime: TimeSource {
    private let clock = SystemTime()
    var now: Instant { clock.now }
    var wall: WallTime { Testnet.now }
}

/// A directory cache with the published network's documents, reachable over real links on loopback.
final class LoopbackDirectory {
    let router: OnionRouter
    let store: DirectoryStore
    let server: DirectoryServer
    let port: DirectoryPort
    let source: DirectorySource
    let dirPort: SocketAddress

    init(loop: EventLoop, store: DirectoryStore, settings: DirectoryPort.Settings = DirectoryPort.Settings()) throws {
        let wall = loop.wall
        let tls = TLSContext(notBefore: wall.secondsSinceEpoch - 3600, notAfter: wall.secondsSinceEpoch + 86_400)
        let rsa = RSAKey.generate(bits: 1024)
        let master = Ed25519Key()
        let signing = Ed25519Key()
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: signing.publicKey, expires: wall + 86_400, signer: master, includeSigner: true)
        router = OnionRouter(loop: loop, tls: tls)
        router.policy.identity = LinkIdentity(
            rsaIdentity: rsa, ed25519Identity: Ed25519Identity(master.publicKey)!, signingKey: signing, signingCertificate: certificate,
            tlsCertificate: tls.certificate, now: wall)
        let address = try router.listen(on: SocketAddress("127.0.0.1:0")!)
        self.store = store
        server = DirectoryServer(store: store, press: DocumentPress(worker: BackgroundWorker(loop: loop)))
        port = DirectoryPort(loop: loop, server: server, settings: settings, time: TestnetTime())
        dirPort = try port.listen(on: SocketAddress("127.0.0.1:0")!)
        source = DirectorySource(nickname: "cache", rsa: RSAIdentity(rsa.publicKey.fingerprint)!, addresses: [address])
        router.onDirectoryStream = { [port] in port.serve($0) }
    }
}

extension EventLoop {
    /// Turns until the condition holds; `false` when it did not within a minute.
    func wait(until condition: () -> Bool) -> Bool {
        let deadline = now + .seconds(60)
        let ticker = every(.milliseconds(10)) {}
        defer { ticker.cancel() }
        while !condition() {
            guard now < deadline else { return false }
            turn(wait: true)
        }
        return true
    }
}

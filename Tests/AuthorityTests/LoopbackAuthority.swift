import Ambience
import Authority
import Directory
import DirectoryService
import Glibc
import Logging
import Loops
import Onion
import Relaying
import Sealing
import Voting

/// A whole authority in this process, on loopback ports of its own: what a node wires together from its configuration.
final class LoopbackAuthority {
    let loop = EventLoop()
    let folder: String
    let keys: AuthorityKeys
    let store: DirectoryStore
    let server: DirectoryServer
    let router: OnionRouter
    let port: DirectoryPort
    let authority: Authority
    let relayKeys: RelayKeys
    let orAddress: SocketAddress
    let dirAddress: SocketAddress
    var rsa: RSAIdentity { RSAIdentity(relayKeys.rsaIdentity.publicKey.fingerprint)! }

    init(folder: String, relayKeys: RelayKeys? = nil, change: (inout AuthoritySettings) -> Void = { _ in }) throws {
        self.folder = folder
        let wall = loop.wall
        self.relayKeys = relayKeys ?? Self.makeRelayKeys(wall: wall)
        keys = try Self.keys(folder: "\(folder)/keys", wall: wall)
        store = DirectoryStore(folder: folder, authorities: [keys.identity], log: Logger(label: "test"))
        store.load(now: wall)
        server = DirectoryServer(store: store)
        port = DirectoryPort(loop: loop, server: server)
        router = Self.makeRouter(loop, self.relayKeys, wall)
        orAddress = try router.listen(on: SocketAddress(ip: Self.loopback, port: 0))
        dirAddress = try port.listen(on: SocketAddress(ip: Self.loopback, port: 0))
        router.onDirectoryStream = { [port] in port.serve($0) }
        let rsa = RSAIdentity(self.relayKeys.rsaIdentity.publicKey.fingerprint)!
        let own = VotingAuthority(nickname: "auth", identity: keys.identity, relay: rsa, orAddress: orAddress)
        var settings = AuthoritySettings(
            dataFolder: folder, nickname: "auth", contact: "auth@test.test", address: Self.loopback, directoryPort: dirAddress.port, orPort: orAddress.port,
            ownRelay: rsa, authorities: [own], times: Self.times, rules: Self.rules)
        settings.allowsPrivateAddresses = true
        change(&settings)
        authority = try Authority(loop: loop, router: router, store: store, server: server, tunnels: nil, keys: keys, settings: settings)
    }

    private static func keys(folder: String, wall: WallTime) throws -> AuthorityKeys {
        if let keys = try? AuthorityKeys.load(keysFolder: folder, now: wall) { return keys }
        return try AuthorityKeys.create(keysFolder: folder, address: nil, now: wall)
    }

    static let loopback = IPAddress.v4(0x7F00_0001)

    /// The shortest times that stock accepts.
    static let times = VotingTimes(
        regular: VotingIntervals(intervalSeconds: 10, voteDelaySeconds: 2, distDelaySeconds: 2),
        initial: VotingIntervals(intervalSeconds: 5, voteDelaySeconds: 2, distDelaySeconds: 2), intervalsValid: 2)

    static var rules: FlagRules {
        var rules = FlagRules.testingNetwork
        rules.guardGrant = .init { _ in true }
        rules.exitGrant = .init { _ in true }
        rules.hsDirGrant = .init { _ in true }
        return rules
    }

    static func makeRelayKeys(wall: WallTime) -> RelayKeys {
        let master = Ed25519Key()
        let signing = Ed25519Key()
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: signing.publicKey, expires: wall + 30 * 86400, signer: master, includeSigner: true)
        return RelayKeys(
            rsaIdentity: RSAKey.generate(bits: 1024), ed25519Identity: Ed25519Identity(master.publicKey)!, signingKey: signing, signingCertificate: certificate,
            onionKey: RSAKey.generate(bits: 1024), ntorKey: Curve25519Key())
    }

    static func makeRouter(_ loop: EventLoop, _ keys: RelayKeys, _ wall: WallTime) -> OnionRouter {
        let tls = TLSContext(notBefore: wall.secondsSinceEpoch - 3600, notAfter: wall.secondsSinceEpoch + 86400)
        let router = OnionRouter(loop: loop, tls: tls)
        router.policy.identity = LinkIdentity(
            rsaIdentity: keys.rsaIdentity, ed25519Identity: keys.ed25519Identity, signingKey: keys.signingKey, signingCertificate: keys.signingCertificate,
            tlsCertificate: tls.certificate, now: wall)
        router.policy.onionKeys = [keys.ntorKey]
        router.policy.ownAddresses = [loopback]
        router.policy.isExtendAllowed = { _ in true }
        return router
    }

    /// A descriptor with its extra-info, as a relay posts them.
    static func upload(_ keys: RelayKeys, nickname: String, orPort: UInt16, published: WallTime, change: (inout DescriptorContent) -> Void = { _ in }) throws -> [UInt8] {
        var content = DescriptorContent(
            nickname: nickname, address: loopback, orPort: orPort, platform: "Tor 0.4.9.11 on Linux", published: published,
            bandwidth: .init(rate: 1 << 30, burst: 1 << 30, observed: 1_000_000))
        change(&content)
        let made = try RouterDescriptor.make(content, keys: keys)
        return made.descriptor.text + made.extraInfo.text
    }

    /// Starts the authority with its own descriptor, as a node does.
    func start() throws {
        authority.start()
        let upload = try Self.upload(relayKeys, nickname: "auth", orPort: orAddress.port, published: loop.wall) {
            $0.dirPort = self.dirAddress.port
        }
        guard authority.submit(upload) == .accepted else { throw TestFailure.ownDescriptorRefused }
    }

    /// Turns the loop until the condition holds; `false` when it did not in time.
    func wait(seconds: Int64, until condition: () -> Bool) -> Bool {
        let deadline = loop.now + .seconds(seconds)
        let ticker = loop.every(.milliseconds(50)) {}
        defer { ticker.cancel() }
        while !condition() {
            guard loop.now < deadline else { return false }
            loop.turn(wait: true)
        }
        return true
    }

    /// Ends everything at once, as a crash would.
    func abandon() {
        authority.stop()
        port.stopListening()
        router.closeAll()
    }
}

enum TestFailure: Error { case ownDescriptorRefused }

/// A folder that goes away with the test.
final class ScratchFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/authority-test-XXXXXX\0".utf8CString)
        guard let made = mkdtemp(&template) else { throw FileError(path: "/tmp", operation: "mkdtemp", code: errno) }
        path = String(cString: made)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in (try? Files.list(path)) ?? [] { if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") } }
        rmdir(path)
    }
}

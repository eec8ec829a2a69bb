import Ambience
import Glibc
import Loops
import Sealing

@testable import Onion
@testable import Relaying

/// Relays, a client and the servers behind the exit: real `Relaying` code on simulated wires, one loop for each.
final class SimulatedNetwork {
    final class Node {
        let name: String
        let address: SocketAddress
        let router: OnionRouter

        init(name: String, address: SocketAddress, router: OnionRouter) { (self.name, self.address, self.router) = (name, address, router) }
    }

    static let wall = WallTime(secondsSinceEpoch: 1_790_000_000)
    /// Keys cost far more than a simulation, so all of them share these. What a seed decides must not depend on secrets: certificates
    /// have the length that nearly all have.
    private static let keys: [RelayKeys] = (0..<5).map { _ in
        while true {
            let keys = RelayKeys(wall: wall)
            guard keys.tls.certificate.count == tlsCertificateBytes, keys.identity.initiatorCertificates.count == certificatesBytes else { continue }
            keys.tls.stopEncrypting()
            return keys
        }
    }
    private static let clientTLS: TLSContext = {
        let tls = TLSContext()
        tls.stopEncrypting()
        return tls
    }()

    let world: VirtualWorld
    let relays: [Node]
    let client: Node
    let inspector: Inspector
    private let crew: Crew
    private let crewLoop: EventLoop

    init(world: VirtualWorld, relays count: Int, settings: RouterSettings, congestionControl: Bool) {
        self.world = world
        inspector = Inspector(world: world)
        crewLoop = world.makeLoop("server")
        crew = Crew(loop: crewLoop)
        let flow = FlowParameters { name, fallback, _ in name == "cc_alg" && !congestionControl ? 0 : fallback }
        relays = (0..<count).map { index in
            let node = Self.node(world, "r\(index)", 0x0A00_0001 + UInt32(index), Self.keys[index].tls, settings, flow)
            Self.equip(node.router, Self.keys[index], node.address.ip)
            return node
        }
        client = Self.node(world, "client", 0x0A00_0101, Self.clientTLS, settings, flow)
        world.onDial = { [unowned self] (address, from) throws(FileError) in try dial(address, from: from) }
    }

    var nodes: [Node] { relays + [client] }

    private static func node(
        _ world: VirtualWorld, _ name: String, _ ip: UInt32, _ tls: TLSContext, _ settings: RouterSettings, _ flow: FlowParameters
    ) -> Node {
        var settings = settings
        settings.memory = MemoryAccount(limitBytes: UInt64(settings.memory.limitBytes))
        let router = OnionRouter(loop: world.makeLoop(name), tls: tls, settings: settings)
        router.identifierRandom = SeededRandom(seed: world.random.next())
        router.paddingRandom = SeededRandom(seed: world.random.next())
        router.policy.flow = flow
        return Node(name: name, address: SocketAddress(ip: .v4(ip), port: 9001), router: router)
    }

    private static func equip(_ router: OnionRouter, _ keys: RelayKeys, _ own: IPAddress) {
        router.policy.identity = keys.identity
        router.policy.onionKeys = [keys.onion]
        router.policy.ownAddresses = [own]
        router.policy.isExtendAllowed = { _ in true }
        router.policy.isExit = true
        router.policy.isExitAllowed = { _, _ in true }
        router.onDirectoryStream = { Crew.serve($0) }
    }

    func target(_ index: Int, _ abilities: HopTarget.Abilities) -> HopTarget {
        var target = Self.keys[index].target(at: relays[index].address)
        target.abilities = abilities
        return target
    }

    /// Lets go of everything; the network is of no use afterwards.
    func end() {
        for node in nodes {
            node.router.closeAll()
            node.router.onDirectoryStream = nil
        }
        crewLoop.turn(wait: false)
        for node in nodes { node.router.loop.turn(wait: false) }
        world.end()
    }

    // MARK: Connections

    private func dial(_ address: SocketAddress, from name: String) throws(FileError) -> Int32 {
        if let relay = relays.first(where: { $0.address == address }) { return link(from: name, to: relay).near }
        guard address.port != Crew.refusedPort else { throw FileError(path: "\(address)", operation: "connect to", code: ECONNREFUSED) }
        let delay = world.span(500...40_000)
        let wire = world.connect("\(name)>server:\(address.port)", delay: delay)
        world.after(delay) { [crew] in crew.serve(wire.far, port: address.port) }
        world.note("\(wire.name) connects")
        return wire.near
    }

    /// A connection to a relay, inspected. Whose it is at the near end is the caller's business.
    @discardableResult
    func link(from name: String, to relay: Node) -> Wire {
        let delay = world.span(500...40_000)
        let wire = world.connect("\(name)>\(relay.name)", delay: delay)
        let ip = relays.first { $0.name == name }?.address.ip ?? client.address.ip
        let port = UInt16.random(in: 20_000...60_000, using: &world.random)
        world.after(delay) { relay.router.accept(wire.far, SocketAddress(ip: ip, port: port)) }
        inspector.watch(wire)
        world.note("\(wire.name) connects")
        return wire
    }
}

/// The sizes that nearly all certificates have; a random serial number that begins with a zero makes one shorter.
private let tlsCertificateBytes = mostCommon { RelayKeys(wall: SimulatedNetwork.wall).tls.certificate.count }
private let certificatesBytes = mostCommon { RelayKeys(wall: SimulatedNetwork.wall).identity.initiatorCertificates.count }

private func mostCommon(_ sample: () -> Int) -> Int { (0..<5).map { _ in sample() }.max() ?? 0 }

import Ambience
import Loops
import Onion
import Sealing

@testable import Relaying

/// What one seed makes of a simulated network: how many relays, circuits and streams, which bounds, and what goes wrong when.
final class Scenario {
    static let slowBytes = 40_000
    /// By then everybody has done what they wanted, or has given up.
    private static let patience = Instant.Span.seconds(400)
    /// Idle links, lingering sockets and stalled channels are gone after that.
    private static let cleanUp = Instant.Span.seconds(900)

    let seed: UInt64
    let isFair: Bool
    let world: VirtualWorld
    let network: SimulatedNetwork
    let watched = Watched()
    private(set) var circuits: [OriginCircuit] = []
    private(set) var uses: [StreamUse] = []
    private var peers: [RawPeer] = []
    private var undone = 0
    private var steps = 0
    private(set) var findings: [String] = []

    /// Every third seed has fair weather: no faults, and all must come out as it was wished.
    init(seed: UInt64, isVerbose: Bool = false) {
        self.seed = seed
        isFair = seed % 3 == 0
        world = VirtualWorld(seed: seed, wall: SimulatedNetwork.wall, isVerbose: isVerbose)
        let settings = Self.settings(isFair: isFair, &world.random)
        network = SimulatedNetwork(
            world: world, relays: .random(in: 3...5, using: &world.random), settings: settings, congestionControl: .random(using: &world.random))
        for node in network.nodes { watched.watch(node.router) }
    }

    /// In foul weather bounds are sometimes so small that they are met.
    private static func settings(isFair: Bool, _ random: inout SeededRandom) -> RouterSettings {
        var settings = RouterSettings()
        settings.idleChannelTimeout = .seconds(20)
        settings.outputStallTimeout = .seconds(30)
        settings.channelOutputHighBytes = [2048, 16 << 10, 256 << 10].randomElement(using: &random) ?? 0
        guard !isFair else { return settings }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: settings.circuitLimit = 3
        case 1: settings.circuitsPerClientLimit = 2
        case 2: settings.streamsPerCircuitLimit = 1
        case 3: settings.channelLimit = 2
        case 4: settings.dialLimit = 1
        case 5: settings.channelOutputLimitBytes = 20_000
        case 6: settings.memory = MemoryAccount(limitBytes: 40_000)
        default: break
        }
        return settings
    }

    /// Runs it to the end; what was found wrong, if anything.
    func run() -> [String] {
        writeScript()
        let isDone = world.run(for: Self.patience) { [unowned self] in sample() && undone == 0 && uses.allSatisfy(\.isOver) }
        if isFair { judge(isDone) }
        for use in uses where use.isCorrupt { findings.append("stream \(use.tag): wrong data") }
        for circuit in circuits { circuit.close() }
        for peer in peers { peer.close() }
        if !world.run(for: Self.cleanUp, until: { [unowned self] in sample() && isEmpty }) { findings.append("not empty at the end: \(remains)") }
        findings += network.inspector.findings
        network.end()
        return findings
    }

    private func judge(_ isDone: Bool) {
        if !isDone { findings.append("unfinished: \(uses.filter { !$0.isOver }.map { "\($0.tag) \($0.wish) \($0.heard)/\($0.bytes)" })") }
        for use in uses where use.isOver && !use.isSatisfied {
            findings.append("stream \(use.tag), \(use.wish): ended \(use.end.map { "\($0)" } ?? "") with \(use.heard) of \(use.bytes)")
        }
        let errors = network.nodes.map(\.router.statistics.protocolErrors)
        if errors.contains(where: { $0 > 0 }) { findings.append("protocol errors in fair weather: \(errors)") }
    }

    // MARK: Script

    private func writeScript() {
        for _ in 0..<Int.random(in: 2...6, using: &world.random) {
            undone += 1
            world.after(world.span(0...2_000_000)) { [unowned self] in
                undone -= 1
                openCircuit()
            }
        }
        guard !isFair else { return }
        for _ in 0..<Int.random(in: 1...6, using: &world.random) {
            undone += 1
            world.after(world.span(100_000...5_000_000)) { [unowned self] in
                undone -= 1
                goWrong()
            }
        }
    }

    private func openCircuit() {
        var hops = Array(network.relays.indices).shuffled(using: &world.random)
        hops.removeLast(Int.random(in: 0..<hops.count, using: &world.random))
        let abilities: HopTarget.Abilities = [[], [.ntorV3], [.ntorV3, .congestionControl], [.ntorV3, .congestionControl, .counterGalois]].randomElement(using: &world.random) ?? []
        var path = hops.prefix(4).map { network.target($0, abilities) }
        if path.count == 1, Bool.random(using: &world.random) { path[0].ntorKey = nil }
        let circuit = network.client.router.buildCircuit(Array(path))
        circuits.append(circuit)
        watched.watch(circuit)
        let number = circuits.count
        let wishes = (0..<Int.random(in: 1...4, using: &world.random)).map { _ in makeUse(hops: path.count) }
        circuit.onEvent = { [unowned self, unowned circuit] event in
            world.note("circuit \(number) \(event)")
            guard case .built = event else { return }
            for use in wishes { world.after(world.span(0...300_000)) { [unowned self, weak circuit] in open(use, circuit) } }
        }
    }

    private func makeUse(hops: Int) -> StreamUse {
        let tag = UInt32(uses.count + 1)
        let wish = hops == 1 ? .directory : StreamUse.Wish.allCases.randomElement(using: &world.random) ?? .echo
        let bytes = wish == .slow ? Self.slowBytes : Int.random(in: 1...[600, 20_000, 120_000].randomElement(using: &world.random)!, using: &world.random)
        let use = StreamUse(tag: tag, wish: wish, bytes: bytes) { [unowned self] in world.note($0) }
        uses.append(use)
        return use
    }

    private func open(_ use: StreamUse, _ circuit: OriginCircuit?) {
        guard let circuit, circuit.isOpen else { return }
        use.begin(on: circuit)
        if let stream = use.stream { watched.watch(stream) }
    }

    // MARK: Faults

    private func goWrong() {
        let wire = world.liveWires.randomElement(using: &world.random)
        switch Int.random(in: 0..<9, using: &world.random) {
        case 0:
            world.note("fault: \(wire?.name ?? "no wire") breaks")
            wire?.cut()
        case 1:
            let span = world.span(100_000...60_000_000)
            world.note("fault: \(wire?.name ?? "no wire") stands still for \(span.inMilliseconds) ms")
            wire?.freeze(for: span)
        case 2:
            world.note("fault: \(wire?.name ?? "no wire") is slow")
            wire?.slowness = world.span(20_000...400_000)
        case 3:
            world.note("fault: the client closes a circuit")
            circuits.randomElement(using: &world.random)?.close()
        case 4: destroySomething(tellingCircuit: true)
        case 5: destroySomething(tellingCircuit: false)
        case 6:
            world.note("fault: the client ends a stream")
            uses.randomElement(using: &world.random)?.stream?.end(.misc)
        default: invite()
        }
    }

    /// A relay gives up a circuit, or (a fault of its own) only says so.
    private func destroySomething(tellingCircuit: Bool) {
        guard let relay = network.relays.randomElement(using: &world.random) else { return }
        let carried = relay.router.openChannels.flatMap { channel in channel.circuits.all.map { (channel, $0.key, $0.value) } }
        let sorted = carried.sorted { ($0.1, $0.0.address.port) < ($1.1, $1.0.address.port) }
        guard let (channel, id, circuit) = sorted.randomElement(using: &world.random) else { return }
        world.note("fault: \(relay.name) \(tellingCircuit ? "closes" : "disowns") circuit \(String(id, radix: 16))")
        if tellingCircuit { return circuit.close(.requested) }
        network.inspector.excused.insert(id)
        channel.sendDestroy(id, .timeout)
    }

    /// A hostile peer that builds a circuit and then sends cells of every kind, most of them wrong.
    private func invite() {
        guard let relay = network.relays.randomElement(using: &world.random) else { return }
        world.note("fault: a hostile peer at \(relay.name)")
        let tls = TLSContext()
        tls.stopEncrypting()
        let wire = network.link(from: Inspector.hostile, to: relay)
        let peer = RawPeer(loop: network.client.router.loop, fd: wire.near, address: relay.address, role: .initiator(nil), tls: tls)
        peers.append(peer)
        let circuit = RawCircuit(peer, id: 0x8000_0000 | UInt32.random(in: 1...9, using: &world.random))
        var random = SeededRandom(seed: world.random.next())
        var isStarted = false
        peer.onCell = { [unowned peer] cell in
            circuit.receive(cell)
            guard circuit.isBuilt, !isStarted else { return }
            isStarted = true
            for _ in 0..<30 { Self.misbehave(peer, circuit, &random) }
        }
    }

    private static func misbehave(_ peer: RawPeer, _ circuit: RawCircuit, _ random: inout SeededRandom) {
        let id = 0x8000_0000 | UInt32.random(in: 0...9, using: &random)
        let body = (0..<Int.random(in: 0...509, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        switch Int.random(in: 0..<12, using: &random) {
        case 0: peer.send(id, UInt8.random(in: 0...12, using: &random), body)
        case 1: circuit.sendGarbage()
        case 2: peer.send(id, CellCommand.destroy, [UInt8.random(in: 0...20, using: &random)])
        case 3: peer.send(id, UInt8.random(in: 128...255, using: &random), body)
        case 4: circuit.send(.random(in: 0...45, using: &random), stream: .random(in: 0...5, using: &random), Array(body.prefix(498)), early: random.next() & 1 == 0)
        default: circuit.send(.random(in: 0...45, using: &random), stream: .random(in: 0...5, using: &random), Array(body.prefix(20)))
        }
    }

    // MARK: Checks

    /// Every so often: windows, and objects to look for in the end.
    private func sample() -> Bool {
        steps += 1
        guard steps % 16 == 0 else { return true }
        for node in network.nodes {
            for circuit in node.router.circuits.values {
                watched.watch(circuit)
                let window = circuit.sendWindow
                if window.inFlight < 0 || !window.isCongestionControlled && window.inFlight > FlowControl.circuitWindowCells {
                    findings.append("\(node.name): \(window.inFlight) cells in flight")
                }
                for stream in circuit.streams?.all ?? [] {
                    watched.watch(stream)
                    if !(0...FlowControl.streamWindowCells).contains(stream.sendWindow.remaining) {
                        findings.append("\(node.name): a stream window of \(stream.sendWindow.remaining)")
                    }
                }
            }
            for channel in node.router.openChannels { watched.watch(channel) }
        }
        return true
    }

    private var isEmpty: Bool {
        network.nodes.allSatisfy {
            let router = $0.router
            return router.circuits.isEmpty && router.retired.isEmpty && router.dialCount == 0 && router.channelCount == 0
                && router.dirtyChannels.isEmpty && router.dirtyStreams.isEmpty
        } && world.liveWires.isEmpty
    }

    private var remains: String {
        network.nodes.map { "\($0.name): \($0.router.circuitCount) circuits, \($0.router.channelCount) channels, \($0.router.dialCount) dials" }
            .joined(separator: "; ") + "; wires \(world.liveWires.map(\.name))"
    }
}

/// References that do not keep what they refer to.
final class Watched {
    private struct Weak { weak var object: AnyObject? }
    private var objects: [ObjectIdentifier: Weak] = [:]

    func watch(_ object: AnyObject) { objects[ObjectIdentifier(object)] = Weak(object: object) }

    var living: [String] { objects.values.compactMap { $0.object.map { "\(type(of: $0))" } }.sorted() }
}

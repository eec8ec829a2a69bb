package import Ambience
internal import Logging
package import Loops
package import Onion
package import Sealing

/// All channels and circuits of one loop: the engine of relay, exit and client alike.
///
/// What it may do for others is decided by the hooks; by default it serves nobody and only builds circuits of its own.
package final class OnionRouter {
    /// Whole TLS records and the rest of a cell fit.
    static let scratchBytes = 32 << 10
    private static let housekeepingInterval = Instant.Span.seconds(10)

    package let loop: EventLoop
    package let settings: RouterSettings
    package private(set) var tls: TLSContext
    let log = Logger(label: "relaying")
    package internal(set) var statistics = RouterStatistics()

    // MARK: What the node decides

    /// Our keys; `nil` for a pure client, which then cannot be dialled or extended to.
    package var identity: LinkIdentity?
    /// ntor onion keys that we answer to, newest first.
    package var onionKeys: [Curve25519Key] = []
    /// The addresses we advertise, told to peers in NETINFO.
    package var ownAddresses: [IPAddress] = []
    /// The exit policy.
    package var isExitAllowed: (IPAddress, UInt16) -> Bool = { _, _ in false }
    /// Whether circuits may be extended to this address.
    package var isExtendAllowed: (SocketAddress) -> Bool = { !$0.ip.isPrivate }
    /// Whether exit streams may come over a link from this peer (RefuseUnknownExits).
    package var isRelayKnown: (LinkPeer) -> Bool = { _ in true }
    /// Takes an incoming BEGIN_DIR; without it the relay is no directory.
    package var onDirectoryStream: ((OnionStream) -> Void)?

    // MARK: State

    // SAFETY: allocated once, freed in deinit; used only between a read and the end of walking what was read, on the loop's thread.
    let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: scratchBytes)
    @exclusivity(unchecked) var dirtyChannels: [Channel] = []
    @exclusivity(unchecked) var dirtyStreams: [OnionStream] = []
    @exclusivity(unchecked) var padding = PaddingStream()
    private(set) lazy var resolver: Resolver? = Resolver(loop: loop, resolvConf: settings.resolvConf)
    private var channels: [ObjectIdentifier: Channel] = [:]
    private var channelsByRelay: [RSAIdentity: [Channel]] = [:]
    private var dials: [RSAIdentity: [Dial]] = [:]
    private var circuits: [ObjectIdentifier: Circuit] = [:]
    /// Closed circuits, kept to the end of the turn: the cell path calls them without retaining.
    private var retired: [Circuit] = []
    private var listeners: [TCPListener] = []
    private var housekeeping: Timer?

    package init(loop: EventLoop, tls: TLSContext, settings: RouterSettings = RouterSettings()) {
        self.loop = loop
        self.tls = tls
        self.settings = settings
        loop.onTurnEnd { [weak self] in self?.endTurn() }
        housekeeping = loop.every(Self.housekeepingInterval) { [weak self] in self?.keepHouse() }
    }

    deinit {
        housekeeping?.cancel()
        scratch.deallocate()
    }

    package var circuitCount: Int { circuits.count }
    package var channelCount: Int { channels.count }
    /// Circuits of others that run through us.
    package var relayedCircuitCount: Int { circuits.values.count { $0 is RelayCircuit } }

    /// New links use this context and identity; old links keep theirs. For the rotation of link certificates.
    package func use(tls: TLSContext, identity: LinkIdentity) {
        self.tls = tls
        self.identity = identity
    }

    /// Accepts links on the address; the address actually bound (port 0 picks one).
    @discardableResult
    package func listen(on address: SocketAddress) throws(FileError) -> SocketAddress {
        let listener = try TCPListener(loop: loop, address: address) { [weak self] fd, peer in self?.accept(fd, peer) }
        listeners.append(listener)
        return listener.address
    }

    /// No new links from outside; existing ones go on.
    package func stopListening() {
        for listener in listeners { listener.close() }
        listeners = []
    }

    /// Starts to build a circuit along `path`; set `onEvent` before returning to the loop.
    package func buildCircuit(_ path: [HopTarget]) -> OriginCircuit { OriginCircuit(router: self, path: path) }

    /// Opens or finds a link that proves to be `target`; `nil` when that fails.
    package func connect(_ target: LinkTarget, _ done: @escaping (LinkPeer?) -> Void) {
        channel(to: target) { done($0?.peer) }
    }

    /// Like `connect` but never reuses a link: an authority's reachability test.
    package func testLink(_ target: LinkTarget, _ done: @escaping (LinkPeer?) -> Void) {
        Dial(router: self, target: target) { done($0?.peer) }.start()
    }

    // MARK: Links

    private func accept(_ fd: Int32, _ peer: SocketAddress) {
        guard channels.count < settings.channelLimit, identity != nil else { return Sockets.close(fd) }
        add(Channel(router: self, fd: fd, address: peer, isInitiator: false, onDecided: nil))
    }

    func add(_ channel: Channel) { if !channel.isClosed { channels[ObjectIdentifier(channel)] = channel } }

    func linkRole(isInitiator: Bool) -> LinkHandshake.Role? {
        isInitiator ? .initiator(identity) : identity.map { .responder($0) }
    }

    /// Calls `done` later, never at once, with an open channel whose peer is the target, or `nil`.
    func channel(to target: LinkTarget, _ done: @escaping (Channel?) -> Void) {
        if let open = openChannel(to: target) {
            return loop.soon { done(open.isOpen ? open : nil) }
        }
        if let dial = dials[target.rsa]?.first(where: { $0.target.ed25519 == target.ed25519 && $0.target.addresses == target.addresses }) {
            return dial.waiters.append(done)
        }
        let dial = Dial(router: self, target: target) { _ in }
        dial.waiters.append(done)
        dials[target.rsa, default: []].append(dial)
        dial.start()
    }

    func forget(_ dial: Dial) {
        dials[dial.target.rsa]?.removeAll { $0 === dial }
        if dials[dial.target.rsa]?.isEmpty == true { dials[dial.target.rsa] = nil }
    }

    /// A link to the relay that is canonical: we dialled it at its address, or the address it comes from is one it claims.
    private func openChannel(to target: LinkTarget) -> Channel? {
        channelsByRelay[target.rsa]?.first { channel in
            guard channel.isOpen, let peer = channel.peer, peer.isAuthenticated, target.ed25519 == nil || peer.ed25519 == target.ed25519 else { return false }
            return channel.isInitiator ? target.addresses.contains(channel.address) : peer.addresses.contains(channel.address.ip)
        }
    }

    func channelOpened(_ channel: Channel) {
        guard let peer = channel.peer, peer.isAuthenticated, let rsa = peer.rsa else { return }
        channelsByRelay[rsa, default: []].append(channel)
    }

    func channelClosed(_ channel: Channel) {
        channels[ObjectIdentifier(channel)] = nil
        guard let rsa = channel.peer?.rsa else { return }
        channelsByRelay[rsa]?.removeAll { $0 === channel }
        if channelsByRelay[rsa]?.isEmpty == true { channelsByRelay[rsa] = nil }
    }

    // MARK: Circuits

    func adopt(_ circuit: Circuit) { circuits[ObjectIdentifier(circuit)] = circuit }

    func release(_ circuit: Circuit) {
        // First kept, then let go of: a cell on its way through the circuit holds no reference of its own.
        retired.append(circuit)
        circuits[ObjectIdentifier(circuit)] = nil
    }

    /// Closes everything at once.
    package func closeAll() {
        stopListening()
        for circuit in Array(circuits.values) { circuit.close(.finished) }
        for channel in Array(channels.values) {
            channel.flush()
            channel.close()
        }
    }

    func acceptCircuit(on channel: Channel, id: UInt32, command: UInt8, body: [UInt8]) {
        guard channel.mayOpen(id), let identity else { return channel.sendDestroy(id, .protocolViolation) }
        guard circuits.count < settings.circuitLimit else { return channel.sendDestroy(id, .resourceLimit) }
        do {
            let (replyCommand, reply, keys) = try answer(command, body, identity)
            _ = RelayCircuit(router: self, previous: channel, id: id, keys: keys)
            statistics.circuitsCreated += 1
            channel.sendControl(id, replyCommand, reply)
        } catch {
            statistics.protocolErrors += 1
            channel.sendDestroy(id, .protocolViolation)
        }
    }

    private func answer(_ command: UInt8, _ body: [UInt8], _ identity: LinkIdentity) throws -> (UInt8, [UInt8], CircuitKeys) {
        if command == CellCommand.createFast {
            guard let (reply, keys) = CreateFast.respond(x: Array(body.prefix(20)), y: SecureRandom.bytes(20)) else { throw HandshakeFailure.malformed }
            return (CellCommand.createdFast, reply, keys)
        }
        let message = try Create2Message(body)
        guard command == CellCommand.create2, message.handshakeType == HandshakeType.ntor else { throw HandshakeFailure.malformed }
        let (reply, keys) = try NtorServer.respond(message.handshake, identity: identity.rsa, onionKeys: onionKeys, ephemeral: Curve25519Key())
        return (CellCommand.created2, Created2Message(handshake: reply).encoded, keys)
    }

    // MARK: Turns and housekeeping

    private func endTurn() {
        // Streams first: what they owe (SENDMEs) goes out in the same records.
        while !dirtyStreams.isEmpty || !dirtyChannels.isEmpty {
            let streams = dirtyStreams
            dirtyStreams.removeAll(keepingCapacity: true)
            for stream in streams { stream.flush() }
            let dirty = dirtyChannels
            dirtyChannels.removeAll(keepingCapacity: true)
            for channel in dirty { channel.flush() }
        }
        retired.removeAll(keepingCapacity: true)
    }

    private func keepHouse() {
        let now = loop.now
        for channel in Array(channels.values) where channel.isOpen {
            channel.releaseIdleMemory()
            if channel.circuits.count == 0, channel.idleSince + settings.idleChannelTimeout < now { channel.close() }
        }
    }
}

extension Channel {
    /// Whoever opened the connection has the upper half of circuit ids (tor-spec 5.1.1).
    func mayOpen(_ id: UInt32) -> Bool { id != 0 && (id >> 31 == 1) != isInitiator && !circuits.contains(id) }

    /// A random unused circuit id of our half; `nil` when the table is too full to find one.
    func freeCircuitID() -> UInt32? {
        var random = SecureRandom()
        for _ in 0..<64 {
            let id = UInt32.random(in: 1..<(1 << 31), using: &random) | (isInitiator ? 1 << 31 : 0)
            if !circuits.contains(id) { return id }
        }
        return nil
    }
}

package import Ambience
internal import Limits
internal import Logging
package import Loops
package import Onion
package import Sealing

/// All channels and circuits of one loop, of which a relay may have several: the engine of relay, exit and client alike.
///
/// What it may do for others is decided by its policy; by default it serves nobody and only builds circuits of its own.
package final class OnionRouter {
    /// What a link may bring at once, and the rest of a cell.
    static let scratchBytes = TLSSession.readBytes + CellLayout.fixedBytes

    package let loop: EventLoop
    package private(set) var settings: RouterSettings
    /// Of links that we open as a bridge. The certificate of `policy.tls` would tell the relay at the other end where to find us.
    private lazy var disguise = TLSContext()
    let log = Logger(label: "relaying")
    package internal(set) var statistics = RouterStatistics()

    // MARK: What the node decides

    package var policy: RouterPolicy {
        didSet {
            activityClock.use(halfLife: policy.queues.halfLife, now: loop.now)
            if index == 0 { loops?.push(policy) }
        }
    }
    /// Services and clients that wait on this relay for each other.
    package let servicePoints: ServicePoints
    /// Takes an incoming BEGIN_DIR; without it the relay is no directory.
    package var onDirectoryStream: ((OnionStream) -> Void)?
    /// Takes an incoming BEGIN_DIR of another loop: a connected socket, which the receiver owns. Only on loop 0.
    package var onDirectorySocket: ((_ fd: Int32, _ isFromRelay: Bool, _ from: IPAddress?) -> Void)?

    /// Takes what happens to links of all loops while `policy.tellsLinks`. Only on loop 0.
    package var onLinkEvent: ((LinkEvent) -> Void)?

    // MARK: State

    var lastLink: UInt64 = 0
    // SAFETY: allocated once, freed in deinit; used only between a read and the end of walking what was read, on the loop's thread.
    let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: scratchBytes)
    let tlsInput = TLSInput()
    @exclusivity(unchecked) var dirtyChannels: [Channel] = []
    @exclusivity(unchecked) var dirtyStreams: [OnionStream] = []
    @exclusivity(unchecked) var dirtyPassages: [Passage] = []
    /// A ring to another loop is nearly full: channels are not read until the other loop has caught up.
    @exclusivity(unchecked) var isHeldUp = false
    private var heldUp: [Channel] = []
    private(set) var loops: RelayLoops?
    /// Our number among the loops; 0 is the node's own.
    let index: Int
    /// By the other loop's number; empty without other loops.
    private(set) var passages: [Passage?] = []
    private var linksPublished = Instant.zero
    let padding = PaddingStream()
    @exclusivity(unchecked) var cellPool = CellPool()
    private(set) var activityClock: DecayClock
    /// Of links' and streams' buffers, as of the last survey; and what `settings.memory` knows of this loop.
    var surveyedBytes = 0
    var reportedBytes = 0
    var secondsSurveyed = 0
    private var survey: Timer?
    /// Frees up to so many bytes of caches and says how many it did; on the loop that has any.
    package var shrinkCaches: ((_ bytes: Int) -> Int)?
    /// Where onion skins wait for the end of the turn; `nil` when they are answered at once.
    private var desk: HandshakeDesk?
    package private(set) lazy var names = ExitNames(router: self)
    private var channels: [ObjectIdentifier: Channel] = [:]
    /// Links that others opened and whose handshake is not over, oldest first.
    private var unfinished: [Channel] = []
    private var channelsByRelay: [RSAIdentity: [Channel]] = [:]
    private var dials: [RSAIdentity: [Dial]] = [:]
    package private(set) var dialCount = 0
    /// Picks circuit and stream ids, which are no secrets; whatever is one comes from `SecureRandom` where it is made.
    var identifierRandom: any RandomNumberGenerator = SecureRandom()
    /// Decides when padding goes out, which peers must not foresee.
    var paddingRandom: any RandomNumberGenerator = SecureRandom()
    /// After `closeAll`: nothing new begins.
    private var isShut = false
    private(set) var circuits: [ObjectIdentifier: Circuit] = [:]
    /// Closed circuits, kept to the end of the turn: the cell path calls them without retaining.
    private(set) var retired: [Circuit] = []
    private(set) lazy var linkPadding = LinkPaddingClock(router: self)
    /// Sets of circuits that end here, by their nonces.
    var linkedCircuits: [[UInt8]: LinkedCircuits] = [:]
    private var listeners: [TCPListener] = []
    private var housekeeping: Timer?
    /// Links that wait for bandwidth, and when they look for it again.
    var throttled: [any Throttled] = []
    var refill: Timer?

    package convenience init(loop: EventLoop, tls: TLSContext, settings: RouterSettings = RouterSettings()) {
        self.init(loop: loop, policy: RouterPolicy(tls: tls), settings: settings, servicePoints: ServicePoints(), loops: nil, index: 0)
    }

    init(loop: EventLoop, policy: RouterPolicy, settings: RouterSettings, servicePoints: ServicePoints, loops: RelayLoops?, index: Int) {
        self.loop = loop
        self.policy = policy
        self.servicePoints = servicePoints
        self.settings = settings
        activityClock = DecayClock(halfLife: policy.queues.halfLife, now: loop.now)
        self.index = index
        loop.onTurnEnd { [weak self] in self?.endTurn() }
        housekeeping = loop.every(settings.housekeepingInterval) { [weak self] in self?.keepHouse() }
        if let loops { join(loops) }
        survey = loop.every(.seconds(1)) { [weak self] in
            self?.surveyMemory()
            self?.surveyDirections()
        }
    }

    private func join(_ loops: RelayLoops) {
        self.loops = loops
        desk = HandshakeDesk(loops.handshakes, mailbox: loop.mailbox)
        passages = loops.count > 1 ? loops.passages(of: self) : []
        if !passages.isEmpty { loop.onWake { [weak self] in self?.wakened() } }
    }

    /// Goes on as number 0 of the relay's loops, on each of which a part of what `settings` allows may happen: the other loops and the
    /// handshake threads begin. Once, before the first link.
    package func spread(over loops: RelayLoops) {
        settings = settings.share(of: loops.count)
        join(loops)
        loops.start(self)
    }

    /// Where onion skins are answered; `nil` when they are answered on the loop.
    package var handshakes: HandshakePool? { loops?.handshakes }

    deinit {
        housekeeping?.cancel()
        refill?.cancel()
        survey?.cancel()
        settings.memory.change(by: -reportedBytes)
        scratch.deallocate()
    }

    package var circuitCount: Int { circuits.count }
    /// Bytes of messages that wait for others to come first.
    package var confluxHeldBytes: Int { linkedCircuits.values.reduce(0) { $0 + $1.heldBytes } }
    package var channelCount: Int { channels.count }
    var allChannels: some Collection<Channel> { channels.values }
    var openChannels: [Channel] { channels.values.filter(\.isOpen) }
    /// Circuits of others that run through us.
    package private(set) var relayedCircuitCount = 0
    /// Of this loop alone, or on loop 0 of all loops together; those of others are as of the end of their last turn.
    package var totals: RouterTotals {
        let own = RouterTotals(statistics: statistics, channels: channels.count, circuits: circuits.count, relayedCircuits: relayedCircuitCount, paddedLinks: linkPadding.count)
        return index == 0 ? loops.map { own + $0.others } ?? own : own
    }

    func knows(_ peer: LinkPeer) -> Bool { policy.isRelayKnown(peer, loop.wall) }

    /// Accepts links on the address; the address actually bound (port 0 picks one).
    @discardableResult
    package func listen(on address: SocketAddress) throws(FileError) -> SocketAddress {
        let listener = try TCPListener(loop: loop, address: address, kind: .relay) { [weak self] fd, peer in self?.accept(fd, peer) }
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
        dialAnew(target) { done($0?.peer) }
    }

    // MARK: Links

    /// Takes over a connected socket as a link that somebody opened to us, and closes it at the bound.
    ///
    /// - Parameters:
    ///   - peer: whose connection it is: behind a pluggable transport the client's address, not the proxy's.
    ///   - transport: by which pluggable transport it came.
    package func accept(_ fd: Int32, _ peer: SocketAddress, transport: String? = nil) {
        if let loops, case let index = loops.nextIndex(), index != self.index { return loops.hand(fd, peer, transport: transport, to: index) }
        take(fd, peer, transport: transport)
    }

    /// Like `accept`, on this loop.
    func take(_ fd: Int32, _ peer: SocketAddress, transport: String?) {
        guard !isShut, channels.count < settings.channelLimit, policy.identity != nil else { return SocketLedger.reject(fd, .relay, peer.ip) }
        guard policy.wakefulness == .awake, let admission = admit(peer.ip) else { return SocketLedger.reject(fd, .relay, peer.ip) }
        SocketLedger.note(fd, .relay, .received, peer.ip)
        dropOldestHandshake()
        let channel = Channel(router: self, fd: fd, address: peer, isInitiator: false, admission: admission, onDecided: nil)
        channel.transport = transport
        if !channel.isClosed { unfinished.append(channel) }
        add(channel)
    }

    func tls(isInitiator: Bool) -> TLSContext { isInitiator && settings.isBridge ? disguise : policy.tls }

    /// Slow ones make room for new ones: whoever means it is done in a second.
    private func dropOldestHandshake() {
        guard unfinished.count >= settings.handshakeLimit, let oldest = unfinished.first else { return }
        statistics.linksDroppedUnfinished += 1
        oldest.close()
    }

    /// The channel is open or closed now.
    private func endHandshake(_ channel: Channel) {
        if let index = unfinished.firstIndex(where: { $0 === channel }) { unfinished.remove(at: index) }
    }

    func add(_ channel: Channel) { if !channel.isClosed { channels[ObjectIdentifier(channel)] = channel } }

    func linkRole(isInitiator: Bool) -> LinkHandshake.Role? {
        isInitiator ? .initiator(settings.isBridge ? nil : policy.identity) : policy.identity.map { .responder($0) }
    }

    /// Calls `done` later, never at once, with an open channel whose peer is the target, or `nil`.
    func channel(to target: LinkTarget, _ done: @escaping (Channel?) -> Void) {
        if let open = openChannel(to: target) {
            // It may have closed by then; a second time there is none to be found.
            return loop.soon { [self] in open.isOpen ? done(open) : channel(to: target, done) }
        }
        if let dial = dials[target.rsa]?.first(where: { $0.target.ed25519 == target.ed25519 && $0.target.addresses == target.addresses }) {
            return dial.waiters.append(done)
        }
        launch(Dial(router: self, target: target, done))
    }

    /// A link of its own, never one that there is.
    func dialAnew(_ target: LinkTarget, _ done: @escaping (Channel?) -> Void) { launch(Dial(router: self, target: target, done)) }

    private func launch(_ dial: Dial) {
        guard !isShut, policy.wakefulness != .asleep, dialCount < settings.dialLimit, channels.count < settings.channelLimit else { return loop.soon { dial.cancel() } }
        dials[dial.target.rsa, default: []].append(dial)
        dialCount += 1
        dial.start()
    }

    func forget(_ dial: Dial) {
        guard var others = dials[dial.target.rsa], let index = others.firstIndex(where: { $0 === dial }) else { return }
        others.remove(at: index)
        dials[dial.target.rsa] = others.isEmpty ? nil : others
        dialCount -= 1
    }

    /// Another loop that has a link to the relay which we have none to.
    func passage(to target: LinkTarget) -> Passage? {
        guard let loops, openChannel(to: target) == nil, let other = loops.registry.loop(with: target), other != index else { return nil }
        return passages[other]
    }

    /// `nil` for our own loop.
    func passage(toLoop other: Int) -> Passage? { other < passages.count ? passages[other] : nil }

    func openChannel(to target: LinkTarget) -> Channel? {
        channelsByRelay[target.rsa]?.first { $0.isOpen && $0.card?.leads(to: target) == true }
    }

    func channelOpened(_ channel: Channel) {
        endHandshake(channel)
        channel.beginPaying()
        guard let card = channel.card, let rsa = channel.peer?.rsa else { return }
        channelsByRelay[rsa, default: []].append(channel)
        loops?.registry.add(rsa, card, serial: ObjectIdentifier(channel), loop: index)
    }

    func channelClosed(_ channel: Channel) {
        endHandshake(channel)
        channels[ObjectIdentifier(channel)] = nil
        guard let rsa = channel.peer?.rsa else { return }
        channelsByRelay[rsa]?.removeAll { $0 === channel }
        if channelsByRelay[rsa]?.isEmpty == true { channelsByRelay[rsa] = nil }
        loops?.registry.remove(rsa, serial: ObjectIdentifier(channel))
    }

    // MARK: Circuits

    func adopt(_ circuit: Circuit) {
        circuits[ObjectIdentifier(circuit)] = circuit
        if circuit is RelayCircuit { relayedCircuitCount += 1 }
    }

    func release(_ circuit: Circuit) {
        // First kept, then let go of: a cell on its way through the circuit holds no reference of its own.
        retired.append(circuit)
        circuit.noteEnd()
        circuits[ObjectIdentifier(circuit)] = nil
        if circuit is RelayCircuit { relayedCircuitCount -= 1 }
    }

    /// Closes everything at once and for good, on all loops.
    package func closeAll() {
        isShut = true
        stopListening()
        if index == 0 { loops?.closeAll() }
        closeLinks(.finished)
    }

    /// Closes all links and circuits, on all loops; new ones may follow when the policy lets them.
    package func hibernate() {
        if index == 0 { loops?.hibernate() }
        closeLinks(.hibernating)
    }

    private func closeLinks(_ reason: DestroyReason) {
        for dial in dials.values.flatMap({ $0 }) { dial.cancel() }
        for circuit in Array(circuits.values) { circuit.close(reason) }
        for channel in Array(channels.values) {
            channel.flush()
            channel.close()
        }
    }

    func acceptCircuit(on channel: Channel, id: UInt32, command: UInt8, body: [UInt8]) {
        // Circuit 0 cannot be answered, and a DESTROY for one that exists would say that it is gone.
        guard id != 0, !channel.circuits.contains(id) else { return statistics.protocolErrors += 1 }
        guard channel.mayOpen(id), policy.identity != nil else { return channel.sendDestroy(id, .protocolViolation) }
        guard policy.wakefulness == .awake else { return channel.sendDestroy(id, .hibernating) }
        guard circuits.count < settings.circuitLimit, mayCarryMore(channel), admitsCircuit(on: channel) else { return channel.sendDestroy(id, .resourceLimit) }
        if command == CellCommand.create2, let desk {
            desk.take(body, for: PendingCircuit(router: self, previous: channel, id: id, kind: SkinKind(command, body)))
        } else if let answer = try? HandshakeAnswer.make(to: command, body, policy) {
            statistics.skinsAnswered[SkinKind(command, body)] += 1
            open(answer, on: channel, id: id)
        } else {
            statistics.protocolErrors += 1
            channel.sendDestroy(id, .protocolViolation)
        }
    }

    func open(_ answer: HandshakeAnswer, on channel: Channel, id: UInt32) {
        let circuit = RelayCircuit(router: self, previous: channel, id: id, keys: answer.keys)
        if let increment = answer.sendmeIncrement { circuit.useCongestionControl(sendmeIncrement: increment) }
        statistics.circuitsCreated += 1
        if answer.keys.crypto == .counterGalois { statistics.counterGaloisCircuits += 1 }
        channel.sendControl(id, answer.command, answer.reply)
    }

    private func mayCarryMore(_ channel: Channel) -> Bool {
        if channel.circuits.count < settings.circuitsPerClientLimit { return true }
        return channel.peer.map { $0.isAuthenticated && knows($0) } ?? false
    }

    // MARK: Turns

    private func endTurn() {
        accountForMemory()
        desk?.endTurn(policy)
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
        if !passages.isEmpty { endSharedTurn() }
    }

    private func endSharedTurn() {
        for passage in dirtyPassages { passage.flush() }
        dirtyPassages.removeAll(keepingCapacity: true)
        // What channels then bring goes out at the end of another turn, and there is one.
        if isHeldUp, haveOthersCaughtUp { loop.soon { [weak self] in self?.goOn() } }
        guard index > 0 else { return }
        loops?.publish(totals, of: index)
        if loop.now >= linksPublished + .seconds(1) { publishLinks() }
    }

    private func publishLinks() {
        linksPublished = loop.now
        loops?.publish(ownLinks, of: index)
    }

    // MARK: Other loops

    private func wakened() {
        for passage in passages { passage?.drain() }
        for passage in passages { passage?.wakeHeld() }
        if isHeldUp { goOn() }
    }

    /// The channel is read again when the other loops have caught up.
    func holdUp(_ channel: Channel) { if !heldUp.contains(where: { $0 === channel }) { heldUp.append(channel) } }

    /// Whether channels may be read again; when not, we are woken once they may.
    private var haveOthersCaughtUp: Bool { passages.allSatisfy { $0?.hasRoom() != false } }

    private func goOn() {
        guard haveOthersCaughtUp else { return }
        isHeldUp = false
        let channels = heldUp
        heldUp = []
        for channel in channels { channel.resume() }
    }

    /// A circuit of another loop goes on here: over the link that we had when it was asked for, or over a new one if that is gone.
    func openLeg(from other: Int, id: UInt32, to target: LinkTarget, _ create: [UInt8]) {
        guard let passage = passages[other] else { return }
        guard !isShut, circuits.count < settings.circuitLimit else { return passage.sendDestroy(id, .resourceLimit) }
        statistics.circuitsCrossed += 1
        FarLeg(router: self, passage: passage, id: id).extend(to: target, create)
    }

    /// A circuit of another loop comes to its conflux set.
    func receiveTraveller(through passage: Passage, from other: Int, id: UInt32) {
        guard let traveller = loops?.sets.take(from: other, id) else { return }
        guard !isShut, circuits.count < settings.circuitLimit, let circuit = RelayCircuit(router: self, back: passage, id: id, traveller) else {
            return passage.sendDestroy(id, .resourceLimit)
        }
        statistics.confluxLegsMoved += 1
        // The set may be gone meanwhile, and another of its name have begun on a third loop.
        guard loops?.sets.home(of: traveller.message.nonce, orElse: index) == index else { return circuit.close(.destroyed) }
        circuit.join(traveller.message)
    }

    /// The other loop gave the circuit up before it heard from us.
    func closeLeg(from other: Int, id: UInt32) {
        guard let (circuit, isForward) = passages[other]?.circuits.find(id) else { return }
        circuit.takeUnretainedValue().receiveDestroy(isForward: isForward, reason: .destroyed)
    }

    // MARK: Housekeeping

    private func keepHouse() {
        let now = loop.now
        for channel in openChannels {
            channel.releaseIdleMemory()
            if channel.isIdle(now) || channel.isStuck(now) { channel.close() }
        }
        for circuit in circuits.values { circuit.releaseIdleMemory() }
        if index > 0 { publishLinks() }
        cellPool.releaseIdleMemory()
        settings.clients.sweep(policy.denial, at: now)
    }
}

extension Channel {
    /// Whoever opened the connection has the upper half of circuit ids (tor-spec 5.1.1).
    func mayOpen(_ id: UInt32) -> Bool { id != 0 && (id >> 31 == 1) != isInitiator && !circuits.contains(id) }

    /// A random unused circuit id of our half; `nil` when the table is too full to find one.
    func freeCircuitID() -> UInt32? {
        for _ in 0..<64 {
            let id = UInt32.random(in: 1..<(1 << 31), using: &router.identifierRandom) | (isInitiator ? 1 << 31 : 0)
            if !circuits.contains(id) { return id }
        }
        return nil
    }
}

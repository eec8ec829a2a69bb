internal import Ambience
internal import Limits
internal import Loops
internal import Onion
internal import Sealing

/// Our part of somebody else's circuit: from the previous node to the next one, or ending here.
final class RelayCircuit: Circuit {
    /// RELAY_EARLY cells that a client may send on one circuit (tor-spec 5.6).
    private static let earlyLimit = 8

    /// How the circuit goes on. It is extended once; after TRUNCATE, or once it does something for an onion service, it ends here for good.
    private enum Onward {
        case unasked
        case dialling
        case created
        case open
        case truncated
        case committed
    }

    /// `nil` once the circuit has moved to the loop of its conflux set; then cells come and go by `back`.
    let previous: Channel?
    private let previousID: UInt32
    private let back: Passage?
    /// Who is at the other end of the previous channel when that is on another loop.
    private let origin: TravellingCircuit.Origin?
    /// Enough of our cells wait for that channel.
    private var isFarChannelBusy = false
    private var isGivenUp = false
    private var next: Channel? { didSet { nextLink = next.map { Unmanaged.passUnretained($0) } } }
    @exclusivity(unchecked) private var nextID: UInt32 = 0
    // SAFETY: `previous` and `next` for cells on their way, for whom counting references costs more than finding the circuit. Those keep the
    // channels, and nothing that a cell calls there ends a circuit or lets go of a channel.
    private let previousLink: Unmanaged<Channel>?
    @exclusivity(unchecked) private var nextLink: Unmanaged<Channel>?
    /// In place of `next`, when that channel lives on another loop.
    private var passage: Passage?
    private var onward = Onward.unasked
    /// The next hop said CREATED.
    private var isAnswered = false
    private var earlyCount = 0
    /// What BEGIN and RESOLVE may come at (DoSStreamCreationRate).
    var streamBucket = TokenBucket()
    @exclusivity(unchecked) private var forward: HopCipher
    @exclusivity(unchecked) private var backward: HopCipher
    /// KH: what ESTABLISH_INTRO proves to have come over this circuit. Zeroed when the circuit is gone.
    private(set) var circuitNonce: Digest20
    /// What the circuit does for an onion service, when it ends here.
    var duty = ServiceDuty.none
    /// Exit streams whose TCP connection is being made.
    var connecting = 0
    /// INTRODUCE1 came: there is one per circuit.
    var hasIntroduced = false
    private var padder: CircuitPadder?
    /// The circuit of the other side of a rendezvous, on which what is not for us goes on.
    @exclusivity(unchecked) var partner: RelayCircuit?

    init(router: OnionRouter, previous: Channel, id: UInt32, keys: CircuitKeys) {
        self.previous = previous
        previousLink = Unmanaged.passUnretained(previous)
        previousID = id
        back = nil
        origin = nil
        forward = HopCipher(keys.crypto, material: keys.forward, side: .relay)
        backward = HopCipher(keys.crypto, material: keys.backward, side: .relay)
        circuitNonce = Digest20(keys.nonce) ?? Digest20()
        super.init(router: router)
        format = RelayFormat(keys.crypto)
        previous.attach(id, self, isForward: true)
        router.adopt(self)
    }

    /// Goes on as the end of a circuit whose previous channel stays on the passage's other side; `nil` if somebody else has.
    init?(router: OnionRouter, back: Passage, id: UInt32, _ traveller: TravellingCircuit) {
        guard let layers = traveller.unpack() else { return nil }
        previous = nil
        previousLink = nil
        previousID = id
        self.back = back
        origin = traveller.origin
        forward = layers.forward
        backward = layers.backward
        earlyCount = traveller.earlyCount
        streamBucket = traveller.streamBucket
        circuitNonce = Digest20()
        super.init(router: router)
        goOn(from: traveller.position)
        back.circuits.insert(id, self, mark: true)
        router.adopt(self)
    }

    deinit { circuitNonce.wipe() }

    /// Who the cells come from, as far as that is proven.
    var peer: LinkPeer? { previous?.peer ?? origin?.peer }
    var peerAddress: IPAddress? { previous?.address.ip ?? origin?.address }

    // MARK: 4. Cells through

    override func receiveRelay(_ body: UnsafeMutablePointer<UInt8>, isForward: Bool, isEarly: Bool) {
        if isForward { receiveForward(body, isEarly) } else { receiveBackward(body, isEarly) }
    }

    @inline(__always)
    private func receiveForward(_ body: UnsafeMutablePointer<UInt8>, _ isEarly: Bool) {
        if isEarly {
            earlyCount += 1
            guard earlyCount <= Self.earlyLimit else { return violated() }
        }
        let command = isEarly ? CellCommand.relayEarly : CellCommand.relay
        if forward.recognize(body, command) { return receiveOwn(body, isEarly) }
        guard let nextLink, nextID != 0 else { return crossOver(body, command) }
        let id = nextID
        if !nextLink._withUnsafeGuaranteedRef({ $0.appendCell(id, command, body) }) { overfilled(isOutbound: true) }
    }

    private func overfilled(isOutbound: Bool) {
        router.statistics.queuesOverfilled += 1
        if isOutbound {
            router.statistics.outboundQueuesOverfilled += 1
            if let previous { router.filledQueue(from: previous) }
        }
        close(.resourceLimit)
    }

    @inline(__always)
    private func receiveBackward(_ body: UnsafeMutablePointer<UInt8>, _ isEarly: Bool) {
        guard !isEarly, let previousLink else { return violated() }
        backward.pass(body, CellCommand.relay)
        let id = previousID
        if !previousLink._withUnsafeGuaranteedRef({ $0.appendCell(id, CellCommand.relay, body) }) { overfilled(isOutbound: false) }
    }

    /// No next channel here: the cell goes on through another loop, or is for the other side of a rendezvous, or it was forged or garbled.
    @inline(never)
    private func crossOver(_ body: UnsafeMutablePointer<UInt8>, _ command: UInt8) {
        if let partner {
            router.statistics.rendezvousCells &+= 1
            return partner.receiveBackward(body, false)
        }
        guard let passage else { return violated() }
        if isJoined { router.statistics.rendezvousCells &+= 1 }
        if !passage.appendCell(nextID, isJoined ? CellCommand.relay : command, body) { close(.resourceLimit) }
    }

    private func receiveOwn(_ body: UnsafeMutablePointer<UInt8>, _ isEarly: Bool) {
        guard let header = body.relayHeader(format) else { return violated() }
        // EXTEND2 must come in RELAY_EARLY, which bounds the length of circuits (tor-spec 5.6).
        if header.command == RelayCommand.extend2, !isEarly { return violated() }
        receiveMessage(header, body)
    }

    // MARK: This end of the circuit

    override var hasWayOut: Bool {
        guard let previousLink else { return !isFarChannelBusy && back?.hasRoomForOwn == true }
        let id = previousID
        return previousLink._withUnsafeGuaranteedRef { $0.hasRoom(id) }
    }

    override func awaitWayOut() {
        guard let previous else { return isFarChannelBusy ? () : back?.hold(previousID) ?? () }
        previous.hold(previousID)
    }

    override func noteFarChannel(isBusy: Bool) {
        isFarChannelBusy = isBusy
        if !isBusy { channelDrained() }
    }

    override var lastReceivedTag: SendmeTag { forward.lastTag }
    override var lastSentTag: SendmeTag { backward.lastTag }

    override func transmit(_ command: UInt8, stream: UInt16, _ data: UnsafePointer<UInt8>?, _ count: Int) -> Bool {
        guard !isClosed, count <= format.dataLimitBytes(command) else { return false }
        guard let previousLink else { return transmitBack(command, stream: stream, data, count) }
        let id = previousID
        guard let body = previousLink._withUnsafeGuaranteedRef({ $0.isOpen ? $0.reserveCell(id, CellCommand.relay) : nil }) else { return false }
        body.layOutRelayMessage(format, command, stream: stream, data, count, padding: padding)
        backward.originate(body, CellCommand.relay)
        return true
    }

    /// The same, when the previous channel is on another loop.
    @inline(never)
    private func transmitBack(_ command: UInt8, stream: UInt16, _ data: UnsafePointer<UInt8>?, _ count: Int) -> Bool {
        guard let back, !isGivenUp else { return false }
        let slot = back.reserveCell(previousID)
        let body = slot ?? back.spare
        body.layOutRelayMessage(format, command, stream: stream, data, count, padding: padding)
        backward.originate(body, CellCommand.relay)
        return slot != nil || back.oweSpare(previousID) || giveUp()
    }

    /// Closes the circuit, though not in the middle of what somebody sends. Nothing more can be sent: a cell is missing.
    private func giveUp() -> Bool {
        isGivenUp = true
        router.statistics.queuesOverfilled += 1
        router.loop.soon { [weak self] in self?.close(.resourceLimit) }
        return false
    }

    override func receiveControl(_ command: UInt8, stream: UInt16, _ data: [UInt8]) {
        switch command {
        case RelayCommand.extend2: extend(data)
        case RelayCommand.truncate: truncate()
        case RelayCommand.begin: beginExit(stream, data)
        case RelayCommand.beginDir: beginDirectory(stream)
        case RelayCommand.resolve: resolve(stream, data)
        case RelayCommand.paddingNegotiate: negotiatePadding(data)
        case RelayCommand.confluxLink: link(data)
        case RelayCommand.confluxLinkedAck: acknowledgeLink()
        case RelayCommand.confluxSwitch: switchLeg(data)
        case RelayCommand.confluxLinked: violated()
        case RelayCommand.drop: router.statistics.dropsReceived += 1
        case _ where receiveService(command, data): break
        default: break  // late messages of ended streams and commands of the future
        }
    }

    private func negotiatePadding(_ data: [UInt8]) {
        let padder = padder ?? CircuitPadder(self)
        self.padder = padder
        padder.receive(data)
    }

    // MARK: Ending here

    /// Nothing was asked of the circuit yet that decides what it is for.
    var isUncommitted: Bool { if case .none = duty { onward == .unasked && linked == nil && openStreams == 0 } else { false } }

    /// Leaves this loop: its layers and where it stands go through the passage, and a `FarLeg` takes its place at the previous channel.
    func travel(through passage: Passage, _ message: ConfluxLinkMessage) {
        guard let previous, let sets = router.loops?.sets, let id = passage.freeCircuitID() else { return close(.resourceLimit) }
        let origin = TravellingCircuit.Origin(peer: previous.peer, address: previous.address.ip)
        let traveller = TravellingCircuit(
            forward: forward.moved(), backward: backward.moved(), position: position, earlyCount: earlyCount, streamBucket: streamBucket, origin: origin, message)
        sets.send(traveller, from: router.index, id)
        guard passage.announce(id) else {
            _ = sets.take(from: router.index, id)
            return close(.resourceLimit)
        }
        isClosed = true
        padder?.cancel()
        FarLeg(router: router, passage: passage, id: id).stay(at: previous, previousID)
        router.release(self)
    }

    /// The circuit ends here and does this.
    func commit(to duty: ServiceDuty) {
        onward = .committed
        self.duty = duty
    }

    // MARK: Extending

    private func extend(_ data: [UInt8]) {
        guard onward == .unasked, linked == nil, let message = try? Extend2Message(data), let rsa = message.rsa, !rsa.isZero else { return violated() }
        let ed25519 = message.ed25519.flatMap { $0.isZero ? nil : $0 }
        let isBackwards = rsa == peer?.rsa || ed25519 != nil && ed25519 == peer?.ed25519
        let addresses = usable(message.addresses)
        guard !isBackwards, rsa != router.policy.identity?.rsa, !addresses.isEmpty else { return violated() }
        onward = .dialling
        let target = LinkTarget(rsa: rsa, ed25519: ed25519, addresses: addresses)
        let create = Create2Message(handshakeType: message.handshakeType, handshake: message.handshake).encoded
        if let passage = router.passage(to: target) { return goOn(through: passage, to: target, create) }
        router.channel(to: target) { [weak self] channel in
            guard let self, !isClosed, onward == .dialling else { return }
            guard let channel, let id = channel.freeCircuitID() else { return close(.destroyed) }
            next = channel
            nextID = id
            onward = .created
            channel.attach(id, self, isForward: false)
            channel.sendControl(id, CellCommand.create2, create)
        }
    }

    private func goOn(through passage: Passage, to target: LinkTarget, _ create: [UInt8]) {
        guard let id = passage.freeCircuitID() else { return close(.resourceLimit) }
        self.passage = passage
        nextID = id
        onward = .created
        passage.circuits.insert(id, self, mark: false)
        passage.peer.post { [index = router.index] in $0.openLeg(from: index, id: id, to: target, create) }
    }

    /// One of each family: a relay has no more, and a long list would be a way to have us knock on many doors.
    private func usable(_ addresses: [SocketAddress]) -> [SocketAddress] {
        let allowed = addresses.filter { $0.port != 0 && router.policy.isExtendAllowed($0) }
        return [allowed.first { $0.ip.isIPv4 }, allowed.first { !$0.ip.isIPv4 }].compactMap { $0 }
    }

    override func receiveCreated(_ command: UInt8, _ body: [UInt8]) {
        if isJoined { return isAnswered = true }  // the other loop heard of the join, from its own side or by this
        guard command == CellCommand.created2, onward == .created, let message = try? Created2Message(body) else { return close(.destroyed) }
        onward = .open
        previous?.padding?.use()
        isAnswered = true
        // A message of v1 is shorter than the cell that the answer came in.
        if !send(RelayCommand.extended2, stream: 0, message.encoded) { close(.destroyed) }
    }

    private func truncate() {
        guard onward != .committed else { return violated() }
        onward = .truncated
        dropNext(telling: .requested)
        send(RelayCommand.truncated, stream: 0, [DestroyReason.requested.rawValue])
    }

    private func dropNext(telling reason: DestroyReason?) {
        guard let next else { return leavePassage(telling: reason) }
        next.detach(nextID)
        if let reason { next.sendDestroy(nextID, reason) }
        self.next = nil
        nextID = 0
    }

    /// Client and service have met, and the other's circuit ends on another loop: what is not for us goes there, and comes from there.
    func join(through passage: Passage, id: UInt32, isAnswered: Bool) {
        commit(to: .joined)
        self.passage = passage
        self.isAnswered = isAnswered
        nextID = id
        passage.circuits.insert(id, self, mark: false)
    }

    private var isJoined: Bool { if case .joined = duty { true } else { false } }

    private func leavePassage(telling reason: DestroyReason?) {
        guard let passage else { return }
        passage.circuits.remove(nextID)
        if let reason {
            if isAnswered {
                passage.sendDestroy(nextID, reason)
            } else {
                passage.peer.post { [index = router.index, nextID] in $0.closeLeg(from: index, id: nextID) }
            }
        }
        self.passage = nil
        nextID = 0
    }

    // MARK: Ending

    override func receiveDestroy(isForward: Bool, reason: DestroyReason) {
        // The reason a neighbour gives is not passed on: it would be a side channel along the circuit.
        finish(telling: isForward ? nil : .destroyed, tellingNext: isForward ? .destroyed : nil)
    }

    override func channelClosed(isForward: Bool) { receiveDestroy(isForward: isForward, reason: .channelClosed) }

    override func close(_ reason: DestroyReason) { finish(telling: reason, tellingNext: .destroyed) }

    private func finish(telling reason: DestroyReason?, tellingNext nextReason: DestroyReason?) {
        guard !isClosed else { return }
        isClosed = true
        previous?.detach(previousID)
        back?.circuits.remove(previousID)
        if let reason {
            previous?.sendDestroy(previousID, reason)
            back?.sendDestroy(previousID, reason)
        }
        dropNext(telling: nextReason)
        if let linked { linked.lost(self) } else { endAllStreams(.destroyed) }
        leaveService()
        padder?.cancel()
        router.release(self)
    }
}

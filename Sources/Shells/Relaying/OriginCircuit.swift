internal import Ambience
internal import Loops
package import Onion
internal import Sealing

/// A circuit that we build, one hop after the other, and open streams on.
package final class OriginCircuit: Circuit {
    package enum Event {
        case built
        /// Once, and nothing after it. `isRemote`: a relay closed it, not we.
        case closed(DestroyReason, isRemote: Bool)
    }

    private enum Stage {
        case connecting
        case waiting(HopHandshake)
        case built
        case closed
    }

    private final class Hop {
        @exclusivity(unchecked) var forward: HopCipher
        @exclusivity(unchecked) var backward: HopCipher

        init(_ keys: CircuitKeys) {
            forward = HopCipher(keys.crypto, material: keys.forward, side: .client)
            backward = HopCipher(keys.crypto, material: keys.backward, side: .client)
        }
    }

    package let path: [HopTarget]
    package var onEvent: ((Event) -> Void)?
    private var stage = Stage.connecting
    // JUSTIFICATION for unchecked exclusivity: walked for every cell. SAFETY: one loop thread; it changes only between cells.
    @exclusivity(unchecked) private var hops: [Hop] = []
    @exclusivity(unchecked) private var channel: Channel?
    @exclusivity(unchecked) private var id: UInt32 = 0
    private var nextStream: UInt16
    private var isSendingEarly = false
    package private(set) var traffic = CircuitTraffic()

    init(router: OnionRouter, path: [HopTarget]) {
        self.path = path
        nextStream = .random(in: 1...UInt16.max, using: &router.identifierRandom)
        super.init(router: router)
        router.adopt(self)
        guard let first = path.first else {
            router.loop.soon { self.close(.internalError) }
            return
        }
        router.channel(to: first.link) { [weak self] channel in
            guard let self, !isClosed else { return }
            guard let channel else { return finish(.connectFailed, isRemote: true) }
            begin(on: channel, first)
        }
    }

    package var isBuilt: Bool { if case .built = stage { true } else { false } }
    package var isOpen: Bool { !isClosed }
    /// Hops that have answered their handshake; stays when the circuit closes.
    package var builtHops: Int { hops.count }

    // MARK: Building

    private func begin(on channel: Channel, _ first: HopTarget) {
        guard channel.isOpen, let id = channel.freeCircuitID() else { return finish(.resourceLimit, isRemote: false) }
        self.channel = channel
        self.id = id
        channel.attach(id, self, isForward: false)
        guard first.ntorKey != nil else {
            let x = SecureRandom.bytes(20)
            stage = .waiting(.fast(x: x))
            return channel.sendControl(id, CellCommand.createFast, x)
        }
        guard let handshake = HopHandshake(first, flow: path.count == 1 ? router.policy.flow : nil) else { return finish(.internalError, isRemote: false) }
        stage = .waiting(handshake)
        channel.sendControl(id, CellCommand.create2, Create2Message(handshakeType: handshake.type, handshake: handshake.onionSkin).encoded)
    }

    override func receiveCreated(_ command: UInt8, _ body: [UInt8]) {
        guard hops.isEmpty, case .waiting(let handshake) = stage else { return violated() }
        do {
            guard command == handshake.answerCommand else { return violated() }
            add(try handshake.finish(command == CellCommand.createdFast ? body : try Created2Message(body).handshake, flow: router.policy.flow))
        } catch {
            violated()
        }
    }

    private func receiveExtended(_ data: [UInt8]) {
        guard !hops.isEmpty, case .waiting(let handshake) = stage else { return violated() }
        do {
            add(try handshake.finish(try Created2Message(data).handshake, flow: router.policy.flow))
        } catch {
            violated()
        }
    }

    private func add(_ result: HopHandshake.Result) {
        hops.append(Hop(result.keys))
        format = RelayFormat(result.keys.crypto)
        if let increment = result.sendmeIncrement { useCongestionControl(sendmeIncrement: increment) }
        guard hops.count < path.count else {
            stage = .built
            if path.count > 1 { channel?.padding?.use() }
            if result.keys.crypto == .counterGalois { router.statistics.counterGaloisCircuits += 1 }
            onEvent?(.built)
            return
        }
        extend(to: path[hops.count])
    }

    private func extend(to target: HopTarget) {
        let isLast = hops.count == path.count - 1
        guard let handshake = HopHandshake(target, flow: isLast ? router.policy.flow : nil) else { return finish(.internalError, isRemote: false) }
        let message = Extend2Message(
            addresses: target.addresses, rsa: target.rsa, ed25519: target.ed25519, handshakeType: handshake.type, handshake: handshake.onionSkin)
        stage = .waiting(handshake)
        isSendingEarly = true
        send(RelayCommand.extend2, stream: 0, message.encoded)
        isSendingEarly = false
    }

    // MARK: Cells

    override var hasWayOut: Bool { channel?.hasRoom(id) == true }
    override func awaitWayOut() { channel?.hold(id) }
    override var lastReceivedTag: SendmeTag { hops.last?.backward.lastTag ?? SendmeTag(Digest20()) }
    override var lastSentTag: SendmeTag { hops.last?.forward.lastTag ?? SendmeTag(Digest20()) }

    override func receiveRelay(_ body: UnsafeMutablePointer<UInt8>, isForward: Bool, isEarly: Bool) {
        guard !isEarly else { return violated() }
        let last = hops.count - 1
        for index in 0..<hops.count where recognizes(index, body) {
            // Only the last hop has anything to say to us; a middle hop that speaks is trying to tag the circuit.
            guard index == last, let header = body.relayHeader(format) else { return violated() }
            traffic.received(header.count)
            return receiveMessage(header, body)
        }
        violated()
    }

    // SAFETY: `hops` keeps the hop, and nothing is called that could change it.
    @inline(__always)
    private func recognizes(_ index: Int, _ body: UnsafeMutablePointer<UInt8>) -> Bool {
        Unmanaged.passUnretained(hops[index])._withUnsafeGuaranteedRef { $0.backward.recognize(body, CellCommand.relay) }
    }

    override func transmit(_ command: UInt8, stream: UInt16, _ data: UnsafePointer<UInt8>?, _ count: Int) -> Bool {
        guard !isClosed, let channel, channel.isOpen, let last = hops.last, count <= format.dataLimitBytes(command) else { return false }
        let cellCommand = isSendingEarly ? CellCommand.relayEarly : CellCommand.relay
        let body = channel.reserveCell(id, cellCommand)
        body.layOutRelayMessage(format, command, stream: stream, data, count, padding: padding)
        traffic.sent(count)
        last.forward.originate(body, cellCommand)
        for index in stride(from: hops.count - 2, through: 0, by: -1) { hops[index].forward.pass(body, cellCommand) }
        return true
    }

    override func receiveControl(_ command: UInt8, stream: UInt16, _ data: [UInt8]) {
        switch command {
        case RelayCommand.extended2: receiveExtended(data)
        case RelayCommand.truncated: finish(data.first.flatMap(DestroyReason.init(rawValue:)) ?? .none, isRemote: true)
        case RelayCommand.begin, RelayCommand.beginDir, RelayCommand.extend2, RelayCommand.resolve,
            RelayCommand.confluxLink...RelayCommand.confluxSwitch:
            violated()
        default: break
        }
    }

    // MARK: Streams

    /// Opens a stream at the last hop. On a circuit that is not built the stream ends at once.
    package func openStream(_ target: StreamTarget) -> OnionStream {
        guard isBuilt, let id = freeStreamID() else { return OnionStream(refusedBy: router) }
        let stream = OnionStream(circuit: self, id: id)
        add(stream)
        switch target {
        case .host(let host, let port, let flags): send(RelayCommand.begin, stream: id, BeginMessage(host: host, port: port, flags: flags).encoded)
        case .directory: send(RelayCommand.beginDir, stream: id, [])
        case .resolve(let name): send(RelayCommand.resolve, stream: id, ResolveMessage(name: name).encoded)
        }
        return stream
    }

    private func freeStreamID() -> UInt16? {
        guard openStreams < router.settings.streamsPerCircuitLimit else { return nil }
        for _ in 0...Int(UInt16.max) {
            nextStream &+= 1
            if nextStream != 0, !hasStream(nextStream) { return nextStream }
        }
        return nil
    }

    /// Sends so many cells that the last hop throws away; fewer when our link takes no more.
    package func sendDrops(_ count: Int) {
        for _ in 0..<count {
            guard isBuilt, send(RelayCommand.drop, stream: 0, []) else { return }
            router.statistics.dropsSent += 1
        }
    }

    // MARK: Ending

    package func close() { close(.finished) }

    override func close(_ reason: DestroyReason) { finish(reason, isRemote: false) }
    override func receiveDestroy(isForward: Bool, reason: DestroyReason) { finish(reason, isRemote: true, isFirstHopTold: true) }
    override func channelClosed(isForward: Bool) { finish(.channelClosed, isRemote: true) }

    private func finish(_ reason: DestroyReason, isRemote: Bool, isFirstHopTold: Bool = false) {
        guard !isClosed else { return }
        isClosed = true
        stage = .closed
        if let channel {
            channel.detach(id)
            // A client always says "none" as its reason, so as to tell nothing (tor-spec 5.4).
            if !isFirstHopTold { channel.sendDestroy(id, .none) }
        }
        channel = nil
        endAllStreams(.destroyed)
        router.release(self)
        let handler = onEvent
        onEvent = nil
        handler?(.closed(reason, isRemote: isRemote))
    }
}

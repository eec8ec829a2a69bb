internal import Ambience
internal import Loops
internal import Onion

/// The circuits of one conflux set that end here: streams of the client move over all of them (proposal 329).
///
/// What is sent, received and lost is decided by `ConfluxSet`; here are its legs, in the same order, and the streams that they share.
final class LinkedCircuits {
    let nonce: [UInt8]
    private unowned let router: OnionRouter
    private var order = ConfluxSet()
    private var legs: [RelayCircuit] = []
    private let streams = StreamTable()

    init(_ router: OnionRouter, nonce: [UInt8]) {
        self.router = router
        self.nonce = nonce
    }

    var heldBytes: Int { order.heldBytes }
    /// Since when there are some at every survey.
    private var heldSince: Instant?

    /// Memory held; the legs together count it once.
    func survey(_ now: Instant, countedAt circuit: Circuit) -> Int {
        guard legs.first === circuit else { return 0 }
        heldSince = heldBytes > 0 ? heldSince ?? now : nil
        return heldBytes
    }

    /// What waits for its turn, as of the last survey, and since when.
    func debt(countedAt circuit: Circuit) -> (Int, Instant)? { legs.first === circuit ? heldSince.map { (heldBytes, $0) } : nil }

    // MARK: Legs

    /// Takes a circuit that asks for it, and answers.
    func link(_ circuit: RelayCircuit, _ message: ConfluxLinkMessage) throws(ConfluxFailure) {
        let answer: ConfluxLinkMessage
        do {
            answer = try order.link(message, at: router.loop.now)
        } catch {
            if error == .dataLost { closeAll(.protocolViolation) }
            throw error
        }
        legs.append(circuit)
        circuit.linked = self
        circuit.streams = streams
        router.statistics.confluxLegs += 1
        _ = circuit.sendHere(RelayCommand.confluxLinked, stream: 0, answer.encoded)
    }

    func acknowledged(by circuit: RelayCircuit) throws(ConfluxFailure) {
        guard let leg = place(of: circuit) else { throw .impossible }
        try order.acknowledged(leg, at: router.loop.now)
        circuit.resumeStreams()
    }

    func noteRoundTrip(of circuit: Circuit) {
        let microseconds = circuit.sendWindow.roundTripMicroseconds
        guard microseconds > 0, let leg = place(of: circuit) else { return }
        order.noteRoundTrip(leg, microseconds: microseconds)
    }

    private func place(of circuit: Circuit) -> Int? { legs.firstIndex { $0 === circuit } }

    /// The circuit has closed. Its streams go on over the other legs unless something is lost with it; then all end.
    func lost(_ circuit: RelayCircuit) {
        guard let leg = place(of: circuit) else { return circuit.endAllStreams(.destroyed) }
        legs.remove(at: leg)
        let isOver = order.close(leg, hasUnacknowledged: circuit.sendWindow.hasUnacknowledged)
        guard !isOver, let other = legs.first else {
            circuit.endAllStreams(.destroyed)
            return closeAll(.finished)
        }
        circuit.linked = nil
        circuit.streams = nil
        for stream in streams.all { stream.move(from: circuit, to: other) }
        other.resumeStreams()
    }

    /// Ends the set with all its legs.
    private func closeAll(_ reason: DestroyReason) {
        let rest = legs
        legs = []
        router.linkedCircuits[nonce] = nil
        router.loops?.sets.forget(nonce)
        for circuit in rest { circuit.close(reason) }
    }

    // MARK: Messages in

    /// A message on one leg. One that is counted waits here until all before it have come.
    @inline(__always)
    func receive(_ header: RelayHeader, _ data: UnsafeMutablePointer<UInt8>, on circuit: Circuit) {
        guard RelayCommand.isMultiplexed(header.command) else { return circuit.deliver(header, data) }
        guard header.stream != 0, let leg = place(of: circuit) else { return }  // about no stream: dropped uncounted, as stock does
        do {
            switch try order.arrived(leg) {
            case .next:
                circuit.deliver(header, data)
                deliverHeld()
            case .early(let number):
                let content = Array(UnsafeBufferPointer(start: data, count: header.count))
                try order.hold(ConfluxSet.Message(command: header.command, stream: header.stream, content: content), as: number)
            }
        } catch {
            refuse(circuit, error)
        }
    }

    func switched(_ circuit: RelayCircuit, by distance: UInt32) throws(ConfluxFailure) {
        guard let leg = place(of: circuit) else { throw .impossible }
        try order.switched(leg, by: distance)
    }

    private func deliverHeld() {
        // Any message may end the set.
        while let circuit = legs.first, let message = order.nextHeld() {
            if message.command == RelayCommand.data {
                message.content.withUnsafeBufferPointer { circuit.deliverData(message.stream, $0.baseAddress, $0.count) }
            } else {
                circuit.deliver(message.command, message.stream, message.content)
            }
        }
    }

    private func refuse(_ circuit: Circuit, _ failure: ConfluxFailure) {
        if failure == .heldTooMuch { circuit.close(.resourceLimit) } else { circuit.violated() }
    }

    // MARK: Messages out

    /// A bit for every leg that has room.
    @inline(__always)
    private var ready: UInt8 {
        var bits: UInt8 = 0
        for leg in legs.indices where legs[leg].hasRoomHere { bits |= 1 << UInt8(truncatingIfNeeded: leg) }
        return bits
    }

    var hasRoom: Bool { order.canSend(ready: ready) }

    func waitForRoom() { for circuit in legs { circuit.waitForRoomHere() } }

    /// Sends one DATA message over the leg that is best now; how much of `count` bytes it took, 0 when none has room.
    func package(_ stream: UInt16, _ data: UnsafePointer<UInt8>, _ count: Int) -> Int { route(isData: true)?.packageHere(stream, data, count) ?? 0 }

    /// Sends a counted message that no window holds back.
    func send(_ command: UInt8, stream: UInt16, _ content: [UInt8]) -> Bool { route(isData: false)?.sendHere(command, stream: stream, content) ?? false }

    /// The leg for the next counted message, told of the switch if it takes over from another.
    @inline(__always)
    private func route(isData: Bool) -> RelayCircuit? {
        guard let route = order.route(isData: isData, ready: ready) else { return nil }
        let circuit = legs[route.leg]
        guard let distance = route.switchedBy else { return circuit }
        router.statistics.confluxSwitches += 1
        _ = circuit.sendHere(RelayCommand.confluxSwitch, stream: 0, ConfluxSwitchMessage(relativeSequence: distance).encoded)
        return circuit
    }
}

extension RelayCircuit {
    /// CONFLUX_LINK: only the last hop of a circuit with congestion control that carries nothing yet can be a leg, and of one set. All legs of
    /// a set meet on the loop of its first one.
    func link(_ data: [UInt8]) {
        guard router.policy.flow.isConfluxEnabled, isCongestionControlled, isUncommitted, let message = try? ConfluxLinkMessage(data) else {
            return violated()
        }
        let home = router.loops?.sets.home(of: message.nonce, orElse: router.index) ?? router.index
        if let passage = router.passage(toLoop: home) { travel(through: passage, message) } else { join(message) }
    }

    /// The same, on the set's loop.
    func join(_ message: ConfluxLinkMessage) {
        let set = router.linkedCircuits[message.nonce] ?? LinkedCircuits(router, nonce: message.nonce)
        router.linkedCircuits[message.nonce] = set
        if (try? set.link(self, message)) == nil { violated() }
    }

    func acknowledgeLink() { if (try? linked?.acknowledged(by: self)) == nil { violated() } }

    func switchLeg(_ data: [UInt8]) {
        guard let linked, let message = try? ConfluxSwitchMessage(data) else { return violated() }
        if (try? linked.switched(self, by: message.relativeSequence)) == nil { violated() }
    }
}

internal import Onion

/// Where a circuit whose layers, streams and windows are with a `RelayCircuit` of another loop touches a channel of this one: its next channel,
/// or, when it went to the loop of its conflux set, its previous one. Cells only pass here.
final class FarLeg: Circuit {
    private let passage: Passage
    private let passageID: UInt32
    /// `nil` until there is a link to the next relay.
    private var channel: Channel?
    private var channelID: UInt32 = 0
    /// The channel is the circuit's previous one.
    private var isPrevious = false
    /// CREATED came, of which there is one.
    private var isAnswered = false
    /// The other loop was told to wait until the channel has drained.
    private var isBusy = false

    init(router: OnionRouter, passage: Passage, id: UInt32) {
        self.passage = passage
        passageID = id
        super.init(router: router)
        router.adopt(self)
    }

    /// Takes the place of the circuit at its previous channel.
    func stay(at previous: Channel, _ id: UInt32) {
        isPrevious = true
        channel = previous
        channelID = id
        passage.circuits.insert(passageID, self, mark: false)
        previous.reattach(id, self, isForward: true)
    }

    /// Goes on to the next relay, over the open link to it if there still is one.
    func extend(to target: LinkTarget, _ create: [UInt8]) {
        passage.circuits.insert(passageID, self, mark: true)
        if let open = router.openChannel(to: target) { return begin(on: open, create) }
        router.channel(to: target) { [weak self] channel in
            guard let self, !isClosed else { return }
            if let channel { begin(on: channel, create) } else { close(.channelClosed) }
        }
    }

    private func begin(on next: Channel, _ create: [UInt8]) {
        guard let id = next.freeCircuitID() else { return close(.resourceLimit) }
        channel = next
        channelID = id
        next.attach(id, self, isForward: false)
        next.sendControl(id, CellCommand.create2, create)
    }

    override func receiveRelay(_ body: UnsafeMutablePointer<UInt8>, isForward: Bool, isEarly: Bool) {
        guard isForward || !isEarly else { return violated() }
        let command = isEarly ? CellCommand.relayEarly : CellCommand.relay
        guard isForward != isPrevious else {
            if !passage.appendCell(passageID, command, body) { close(.resourceLimit) }
            return
        }
        guard let channel else { return }
        if !channel.appendCell(channelID, command, body) { return close(.resourceLimit) }
        if isPrevious, !isBusy, !channel.hasRoom(channelID) { holdBack(channel) }
    }

    /// The streams of the other loop wait for this channel as they would for one of their own.
    private func holdBack(_ channel: Channel) {
        isBusy = true
        channel.hold(channelID)
        passage.sendControl(passageID, Passage.busy, [])
    }

    override func channelDrained() {
        guard isBusy else { return }
        isBusy = false
        passage.sendControl(passageID, Passage.drained, [])
    }

    override func receiveCreated(_ command: UInt8, _ body: [UInt8]) {
        guard !isAnswered else { return violated() }
        isAnswered = true
        passage.sendControl(passageID, command, body)
    }

    override func receiveDestroy(isForward: Bool, reason: DestroyReason) {
        // From the other loop, at the previous channel, it is our own; a neighbour's is not passed on.
        if isForward == isPrevious { finish(telling: .destroyed, channel: nil) } else { finish(telling: nil, channel: isPrevious ? reason : .destroyed) }
    }

    override func channelClosed(isForward: Bool) { finish(telling: isPrevious ? .channelClosed : .destroyed, channel: nil) }

    override func close(_ reason: DestroyReason) { finish(telling: reason, channel: isPrevious ? reason : .destroyed) }

    private func finish(telling reason: DestroyReason?, channel channelReason: DestroyReason?) {
        guard !isClosed else { return }
        isClosed = true
        passage.circuits.remove(passageID)
        if let reason { passage.sendDestroy(passageID, reason) }
        channel?.detach(channelID)
        if let channelReason { channel?.sendDestroy(channelID, channelReason) }
        router.release(self)
    }
}

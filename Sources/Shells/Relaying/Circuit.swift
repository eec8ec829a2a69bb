internal import Ambience
internal import CLinux
internal import Loops
internal import Onion
internal import Sealing

/// What every circuit is to a channel, and what both ends of a circuit share: streams, windows and SENDMEs.
///
/// `RelayCircuit` is the part of somebody's circuit that runs through us; `OriginCircuit` is one that we built. Streams end at either.
package class Circuit {
    // SAFETY: the router keeps every circuit that is not closed, and a closed one calls nobody.
    unowned(unsafe) let router: OnionRouter
    let padding: PaddingStream
    // JUSTIFICATION for unchecked exclusivity here and below: looked at for every cell. SAFETY: one loop thread, and no access is held across
    // a call that could come back to the same field.
    /// Made with the first stream; linked circuits share one.
    @exclusivity(unchecked) var streams: StreamTable?
    /// The set that this circuit is a leg of.
    @exclusivity(unchecked) var linked: LinkedCircuits?
    @exclusivity(unchecked) private(set) var sendWindow = CircuitWindow()
    @exclusivity(unchecked) private var receiveWindow = ReceiveWindow.circuit
    @exclusivity(unchecked) private var expectedTags = TagQueue(for: CircuitWindow())
    /// How messages between the two ends lie in cells.
    @exclusivity(unchecked) var format = RelayFormat.v0
    /// The circuit's queue at the outgoing channel is full: its streams wait until it has drained.
    @exclusivity(unchecked) private var isHeld = false
    @exclusivity(unchecked) package internal(set) var isClosed = false

    init(router: OnionRouter) {
        self.router = router
        padding = router.padding
    }

    package var openStreams: Int { streams?.count ?? 0 }
    func hasStream(_ id: UInt16) -> Bool { streams?.contains(id) == true }
    /// Then there are no stream windows, but XOFF and XON.
    package var isCongestionControlled: Bool { sendWindow.isCongestionControlled }

    /// What the handshake agreed on; before the first stream.
    func useCongestionControl(sendmeIncrement: UInt8) {
        sendWindow = CircuitWindow(router.policy.flow, sendmeIncrement: sendmeIncrement)
        receiveWindow = .congestionControlled(sendmeIncrement: sendmeIncrement)
        router.statistics.congestion.circuitsCreated &+= 1
        expectedTags = TagQueue(for: sendWindow)
    }

    /// Where an end of a circuit stands: what another object needs to go on as the same end.
    struct Position {
        fileprivate let format: RelayFormat
        fileprivate let sendWindow: CircuitWindow
        fileprivate let receiveWindow: ReceiveWindow
        fileprivate let expectedTags: TagQueue
    }

    var position: Position { Position(format: format, sendWindow: sendWindow, receiveWindow: receiveWindow, expectedTags: expectedTags) }

    func goOn(from position: Position) {
        format = position.format
        sendWindow = position.sendWindow
        receiveWindow = position.receiveWindow
        expectedTags = position.expectedTags
    }

    // MARK: What a channel tells

    func receiveRelay(_ body: UnsafeMutablePointer<UInt8>, isForward: Bool, isEarly: Bool) { fatalError("a subclass receives cells") }
    func receiveCreated(_ command: UInt8, _ body: [UInt8]) { fatalError("a subclass receives CREATED cells") }
    func receiveDestroy(isForward: Bool, reason: DestroyReason) { fatalError("a subclass is destroyed") }
    func channelClosed(isForward: Bool) { fatalError("a subclass loses its channel") }

    // MARK: What the ends differ in

    /// Whether the channel (or passage) that cells from this end leave by takes more of our streams now.
    var hasWayOut: Bool { false }
    /// Has `channelDrained` called once it does.
    func awaitWayOut() {}
    /// At a circuit whose channel is on another loop: few of its cells wait there, or enough for now.
    func noteFarChannel(isBusy: Bool) {}
    /// Writes one relay message into the outgoing channel's queue, sealed; `false` when it cannot be sent.
    func transmit(_ command: UInt8, stream: UInt16, _ data: UnsafePointer<UInt8>?, _ count: Int) -> Bool { fatalError("a subclass sends") }
    /// What proves that the message recognised last was seen, and the one sent last.
    var lastReceivedTag: SendmeTag { fatalError("a subclass knows") }
    var lastSentTag: SendmeTag { fatalError("a subclass knows") }
    /// A message that is not about an existing stream or the windows.
    func receiveControl(_ command: UInt8, stream: UInt16, _ data: [UInt8]) { fatalError("a subclass handles messages") }
    /// Tears everything down; `reason` is told to the neighbours.
    func close(_ reason: DestroyReason) { fatalError("a subclass closes") }

    // MARK: Messages in

    /// A recognised relay message, its header read from the 509 decrypted bytes at `body`.
    @inline(__always)
    func receiveMessage(_ header: RelayHeader, _ body: UnsafeMutablePointer<UInt8>) {
        let data = body + header.dataOffset
        if header.command == RelayCommand.data {
            guard header.stream != 0, let isDue = try? receiveWindow.received() else { return violated() }
            if isDue { sendSendme() }
            guard !isClosed else { return }
        }
        // The windows are the circuit's own; the order of what belongs to streams is that of all linked circuits.
        if let linked { return linked.receive(header, data, on: self) }
        deliver(header, data)
    }

    /// A message whose turn it is.
    @inline(__always)
    func deliver(_ header: RelayHeader, _ data: UnsafeMutablePointer<UInt8>) {
        if header.command == RelayCommand.data { return deliverData(header.stream, data, header.count) }
        deliver(header.command, header.stream, Array(UnsafeBufferPointer(start: data, count: header.count)))
    }

    func deliver(_ command: UInt8, _ stream: UInt16, _ content: [UInt8]) {
        if command == RelayCommand.sendme { return receiveSendme(stream, content) }
        if stream != 0, let found = streams?.find(stream) {
            return found.takeUnretainedValue().receive(command, content)
        }
        receiveControl(command, stream: stream, content)
    }

    func deliverData(_ stream: UInt16, _ data: UnsafePointer<UInt8>?, _ count: Int) {
        guard let data, let found = streams?.find(stream) else { return }  // ended by us, on its way when we did
        found.takeUnretainedValue().receiveData(data, count)
    }

    private func sendSendme() {
        let message = SendmeMessage(version: 1, tag: lastReceivedTag.bytes).encoded
        send(RelayCommand.sendme, stream: 0, message)
    }

    private func receiveSendme(_ stream: UInt16, _ content: [UInt8]) {
        if stream != 0 {
            streams?.find(stream)?.takeUnretainedValue().receiveSendme()
            return
        }
        do {
            let message = try SendmeMessage(content)
            guard message.version == 1 else { return violated() }
            let sent = try expectedTags.match(message.tag)
            try sendWindow.acknowledged(roundTrip: router.loop.now - sent, isBlocked: isHeld, &router.statistics.congestion)
            linked?.noteRoundTrip(of: self)
            resumeStreams()
        } catch {
            violated()
        }
    }

    /// The circuit is closed.
    func noteEnd() { sendWindow.closed(&router.statistics.congestion) }

    /// The peer broke the protocol: the circuit goes.
    func violated() {
        router.statistics.protocolErrors += 1
        router.statistics.circuitViolations += 1
        close(.protocolViolation)
    }

    // MARK: Messages out

    /// Sends a message that no window counts; `false` when it is too long for the circuit's format or the circuit is gone.
    @discardableResult
    func send(_ command: UInt8, stream: UInt16, _ content: [UInt8]) -> Bool {
        if let linked, RelayCommand.isMultiplexed(command) { return linked.send(command, stream: stream, content) }
        return sendHere(command, stream: stream, content)
    }

    /// The same, on this circuit whatever it is linked with.
    func sendHere(_ command: UInt8, stream: UInt16, _ content: [UInt8]) -> Bool {
        content.withUnsafeBufferPointer { transmit(command, stream: stream, $0.baseAddress, $0.count) }
    }

    /// Whether a DATA message may be sent now; when not, the stream's turn comes with `resumeStreams`.
    func mayPackage(_ stream: OnionStream) -> Bool {
        if hasRoom { return true }
        guard !isClosed, !stream.isBlocked, let streams else { return false }
        stream.isBlocked = true
        streams.blocked.append(stream)
        waitForRoom()
        return false
    }

    private var hasRoom: Bool {
        if let linked { return linked.hasRoom }
        return hasRoomHere
    }

    var hasRoomHere: Bool { !isClosed && !isHeld && sendWindow.isOpen && hasWayOut }

    private func waitForRoom() {
        if let linked { return linked.waitForRoom() }
        waitForRoomHere()
    }

    /// A closed window is opened by a SENDME, a full queue by the channel's peer.
    func waitForRoomHere() {
        guard !isClosed, !isHeld, sendWindow.isOpen, !hasWayOut else { return }
        isHeld = true
        awaitWayOut()
    }

    /// Few of the circuit's cells wait for the channel now.
    func channelDrained() {
        isHeld = false
        resumeStreams()
    }

    /// Sends DATA messages from the front of `count` bytes as long as there is room, and says how many bytes went.
    func package(_ stream: OnionStream, _ data: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let id = stream.id
        var offset = 0
        while offset < count, mayPackage(stream) {
            let size = packageOne(id, data + offset, count - offset)
            guard size > 0 else { break }
            offset += size
        }
        return offset
    }

    @inline(__always)
    private func packageOne(_ stream: UInt16, _ data: UnsafePointer<UInt8>, _ count: Int) -> Int {
        if let linked { return linked.package(stream, data, count) }
        return packageHere(stream, data, count)
    }

    @inline(__always)
    func packageHere(_ stream: UInt16, _ data: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let size = min(format.streamDataBytes, count)
        let mustRemember = sendWindow.sent()
        if transmit(RelayCommand.data, stream: stream, data, size), mustRemember { expectedTags.expect(lastSentTag, at: router.loop.now) }
        return size
    }

    /// The window opened or the channel drained: blocked streams go on, first come, first served. Those for whom nothing
    /// is left stay before those that have had their turn.
    func resumeStreams() {
        guard let streams, !streams.blocked.isEmpty else { return }
        let turn = streams.blocked
        streams.blocked = []
        for (index, stream) in turn.enumerated() {
            guard hasRoom else {
                streams.blocked.insert(contentsOf: turn[index...].filter { !$0.isEnded }, at: 0)
                return waitForRoom()
            }
            stream.isBlocked = false
            stream.pump()
        }
    }

    // MARK: Streams

    func add(_ stream: OnionStream) {
        let table = streams ?? StreamTable()
        streams = table
        table.insert(stream)
        router.statistics.streamsOpened += 1
    }

    func remove(_ stream: OnionStream) { streams?.remove(stream) }

    /// Those that are on this circuit; linked circuits share the table, not the streams.
    private var ownStreams: [OnionStream] { (streams?.all ?? []).filter { $0.circuit === self } }

    /// Memory that the streams hold, and what waits for its turn among linked circuits.
    func surveyStreams(_ now: Instant) -> Int { ownStreams.reduce(linked?.survey(now, countedAt: self) ?? 0) { $0 + $1.survey(now) } }

    /// Bytes that wait in the streams, as of the last survey, and since when.
    var streamDebt: (bytes: Int, since: Instant)? {
        var waiting = ownStreams.compactMap { stream in stream.waitingSince.map { (stream.waitingBytes, $0) } }
        if let held = linked?.debt(countedAt: self) { waiting.append(held) }
        return waiting.map(\.1).min().map { (waiting.reduce(0) { $0 + $1.0 }, $0) }
    }

    func releaseIdleMemory() { for stream in ownStreams { stream.releaseIdleMemory() } }

    func endAllStreams(_ reason: EndReason) { for stream in streams?.all ?? [] { stream.circuitClosed(reason) } }
}

// A cell's way through a relay, in the order of the functions below and in Circuit files:
//  1. `readable`: what the socket has is opened into the router's scratch memory, many TLS records at once.
//  2. `consume`: whole cells are walked in place; a rest shorter than a cell is kept for the next read.
//  3. `dispatch`: RELAY cells find their circuit in a flat table; everything else is control.
//  4. `RelayCircuit.receiveRelay`: one AES pass in place; then the cell is ours, or goes on.
//  5. `appendCell` of the next channel: one copy into that channel's output queue; the channel is marked dirty. A full record
//     is written at once. When the link does not take it, further cells wait in their circuit's own queue.
//     If the channel lives on another loop, `Passage.appendCell` copies into a ring instead, which that loop drains; then 5 there.
//  6. `flush`, at the end of the loop's turn or when the link takes bytes again: what is left is written, in whole records as long
//     as there are any; the quietest circuits' queues are emptied first.

package import Ambience
internal import CLinux
internal import Limits
internal import Logging
internal import Loops
package import Onion
internal import Sealing

/// One TLS link to another node, with the circuits that run over it. It lives on one loop.
package final class Channel: Throttled {
    enum State {
        case tls
        case link(LinkHandshake)
        case open
        case closed
    }

    /// Bytes given to TLS in one turn.
    private static let writeBytesPerTurn = 512 << 10
    /// As many whole cells as a TLS record holds. That much waits for the link in one queue; what comes behind it, circuit by circuit.
    static let recordBytes = 31 * CellLayout.fixedBytes
    /// Bytes that the kernel holds beyond what the network takes: what is in there can no longer be overtaken.
    private static let kernelBacklogBytes: Int32 = 64 << 10
    /// What control cells may take, which wait for no circuit's turn: a peer that asks much and reads nothing loses its link.
    private static let controlReserveBytes = 4 << 20

    // SAFETY: the router keeps every channel that is not closed, and a closed one calls nobody. Counting here would cost more than a
    // cell's dispatch does; the same in `Circuit` and `Passage`.
    unowned(unsafe) let router: OnionRouter
    private let fd: Int32
    /// The context at the time of connecting: the router's may change before the link stands.
    private let tls: TLSContext
    let session: TLSSession
    private var source: IOSource?
    private var timeout: Timer?
    @exclusivity(unchecked) private(set) var state = State.tls
    let isInitiator: Bool
    /// As events tell it.
    let link: UInt64
    /// Whom it must lead to, if we opened it.
    let expected: RSAIdentity?
    private var isBroken = false
    var admission: Admission
    package let address: SocketAddress
    /// The pluggable transport by which the peer reached us; `address` is then what the transport's proxy says of it.
    package internal(set) var transport: String?
    package private(set) var peer: LinkPeer?
    private var onDecided: ((Channel?) -> Void)?

    // JUSTIFICATION for unchecked exclusivity here and below: these are touched for every cell, and the dynamic check costs
    // more than the work. SAFETY: one loop thread, and no access is held across a call that could come back to the same field.
    /// What goes next, in this order.
    @exclusivity(unchecked) private var output = OutputQueue()
    @exclusivity(unchecked) private var queues = CircuitQueues()
    /// A cell goes straight to `output` while that has fewer bytes than this: none while others wait in `queues`.
    @exclusivity(unchecked) private var directLimitBytes = recordBytes
    private var meter = LinkMeter()
    /// To an address of our own networks.
    private let isPrivate: Bool
    /// Waiting for bandwidth, per direction.
    private var isReadThrottled = false
    private var isWriteThrottled = false
    /// The socket did not take what it was given, and has not said since that it takes more.
    private var isBlocked = false
    @exclusivity(unchecked) private(set) var circuits = FlatTable<Circuit>()
    @exclusivity(unchecked) private var isDirty = false
    /// Cells of others that went into the queues and are not in the router's statistics yet.
    @exclusivity(unchecked) private var uncountedCells: UInt64 = 0
    /// The beginning of a cell whose rest has not come yet.
    private var partial: [UInt8] = []
    /// Bytes of an ignored variable-length cell that are still to come.
    private var bytesToSkip = 0
    /// Circuits that put more of their own into their queue than it may hold.
    private var overfull: [UInt32] = []
    /// Our padding of this link, once it stands.
    private(set) var padding: PaddedLink?
    @exclusivity(unchecked) var tally: LinkTally
    private var progress: LinkProgress
    var idleSince: Instant
    /// At a mote that is sold: what the peer was let in for, and up to what of `tally` it need not be looked at. At a client: `LinkGate`.
    var pass: LinkPass?
    @exclusivity(unchecked) var paidBytes = UInt64.max
    var gate: LinkGate?

    init(
        router: OnionRouter, fd: Int32, address: SocketAddress, isInitiator: Bool, link: UInt64? = nil, expected: RSAIdentity? = nil,
        admission: Admission = .none, onDecided: ((Channel?) -> Void)?
    ) {
        self.router = router
        self.link = link ?? router.nextLink()
        self.expected = expected
        self.admission = admission
        self.fd = fd
        self.address = address
        isPrivate = address.ip.isPrivate
        tally = LinkTally(isIPv6: !address.ip.isIPv4)
        self.isInitiator = isInitiator
        self.onDecided = onDecided
        idleSince = router.loop.now
        progress = LinkProgress(at: idleSince)
        tls = router.tls(isInitiator: isInitiator)
        session = TLSSession(context: tls, fd: fd, isServer: !isInitiator, input: router.tlsInput)
        source = IOSource(loop: router.loop, fd: fd, onReadable: { [unowned self] in readable() }, onWritable: { [unowned self] in writable() })
        timeout = router.loop.after(router.settings.linkTimeout) { [weak self] in self?.close() }
        Sockets.limitUnsent(fd, Self.kernelBacklogBytes)
        source?.setReading(true)
        if !isInitiator { tell(.new) }
        readable()
    }

    private var unsentBytes: Int { output.count + queues.bytes }
    var hasNothingToSend: Bool { unsentBytes == 0 }

    // MARK: 1. Reading

    private func readable() {
        switch state {
        case .tls: stepTLS()
        case .link, .open: read()
        case .closed: break
        }
    }

    /// All that came, up to a bound, in one go; what the socket still has after that makes it readable again at once.
    private func read() {
        let scratch = router.scratch
        if router.isHeldUp { return holdUp() }
        let isMetered = isMetered
        if isMetered, meter.readable(router.policy.bandwidth, router.settings.bandwidth, isClient: !isRelay, now: router.loop.now) == 0 { return throttleReading() }
        let kept = partial.count
        if kept > 0 { scratch.update(from: partial, count: kept) }
        let (count, progress) = session.read(into: scratch + kept, capacity: OnionRouter.scratchBytes - kept)
        paid(read: session.takeReceivedBytes(), isMetered)
        tally.note(read: count, isPadded: padding?.isScheduled == true, &router.statistics)
        if tally.bytesMoved > paidBytes { payMore() }
        if count > 0 {
            padding?.transferred(at: router.loop.now)
            if isOpen { consume(scratch, count: kept + count) } else { stepLink(scratch + kept, count) }
        }
        guard !isClosed else { return }
        if progress == .closed || progress == .failed {
            isBroken = progress == .failed
            return close()
        }
        if session.unsentBytes > 0 { markDirty() }
    }

    /// Another loop has as many of our cells as may wait for it.
    private func holdUp() {
        source?.setReading(false)
        router.holdUp(self)
    }

    /// The other loop has caught up.
    func resume() {
        guard !isClosed, !isReadThrottled else { return }
        source?.setReading(true)
        readable()
    }

    // MARK: 2. Cells in place

    private func consume(_ bytes: UnsafeMutablePointer<UInt8>, count: Int) {
        var offset = 0
        while offset < count {
            if bytesToSkip > 0 {
                let skipped = min(bytesToSkip, count - offset)
                bytesToSkip -= skipped
                offset += skipped
                continue
            }
            let left = count - offset
            guard left >= CellLayout.headerBytes else { break }
            if CellCommand.isVariableLength(bytes[offset + 4]) {
                // After the handshake only padding and AUTHORIZE come in variable length; everything else is ignored too (tor-spec 3).
                guard left >= 7 else { break }
                let size = 7 + Int(bytes[offset + 5]) << 8 + Int(bytes[offset + 6])
                if isHeard(bytes[offset + 4], size - 7) {
                    guard left >= size else { break }
                    receiveAuthorize(Array(UnsafeBufferPointer(start: bytes + offset + 7, count: size - 7)))
                    if isClosed { return }
                    offset += size
                } else { bytesToSkip = size }
                continue
            }
            guard left >= CellLayout.fixedBytes else { break }
            dispatch(bytes + offset)
            if isClosed { return }
            offset += CellLayout.fixedBytes
        }
        keep(bytes + offset, count - offset)
    }

    private func keep(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) {
        if count == 0, partial.isEmpty { return }
        partial.removeAll(keepingCapacity: true)
        partial.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
    }

    // MARK: 3. Dispatch

    @inline(__always)
    private func dispatch(_ cell: UnsafeMutablePointer<UInt8>) {
        let id = UInt32(bigEndian: UnsafeRawPointer(cell).loadUnaligned(as: UInt32.self))
        let command = cell[4]
        if command == CellCommand.relay || command == CellCommand.relayEarly {
            guard let (circuit, isForward) = circuits.find(id) else { return }
            circuit._withUnsafeGuaranteedRef {
                $0.receiveRelay(cell + CellLayout.headerBytes, isForward: isForward, isEarly: command == CellCommand.relayEarly)
            }
        } else {
            control(id, command, Array(UnsafeBufferPointer(start: cell + CellLayout.headerBytes, count: CellLayout.bodyBytes)))
        }
    }

    private func control(_ id: UInt32, _ command: UInt8, _ body: [UInt8]) {
        switch command {
        case CellCommand.createFast, CellCommand.create2, CellCommand.create:
            router.acceptCircuit(on: self, id: id, command: command, body: body)
        case CellCommand.created2, CellCommand.createdFast:
            guard let (circuit, isForward) = circuits.find(id) else { return }
            if isForward { circuit.takeUnretainedValue().violated() } else { circuit.takeUnretainedValue().receiveCreated(command, body) }
        case CellCommand.destroy:
            router.statistics.destroysReceived += 1
            guard let (circuit, isForward) = circuits.find(id) else { return }
            circuit.takeUnretainedValue().receiveDestroy(isForward: isForward, reason: DestroyReason(rawValue: body[0]) ?? .none)
        case CellCommand.paddingNegotiate: padding?.receive(body)
        case CellCommand.padding:
            router.statistics.linkPaddingReceived += 1
            if padding?.isScheduled == true { router.statistics.paddedPaddingReceived += 1 }
        default: break  // commands of the future: accepted, nothing to do
        }
    }

    // MARK: 5. Cells out

    /// Room for the body of a cell of our own, its header written. The caller fills all 509 bytes at once.
    @inline(__always)
    func reserveCell(_ id: UInt32, _ command: UInt8) -> UnsafeMutablePointer<UInt8> {
        output.count < directLimitBytes ? reserveNext(id, command) : reserveInTurn(id, command)
    }

    /// Queues a cell whose body is 509 bytes at `body`. `false` at the bound of its queue or of the link: the circuit must go.
    @inline(__always)
    func appendCell(_ id: UInt32, _ command: UInt8, _ body: UnsafePointer<UInt8>) -> Bool {
        uncountedCells &+= 1
        if output.count < directLimitBytes {
            reserveNext(id, command).update(from: body, count: CellLayout.bodyBytes)
            return true
        }
        return appendInTurn(id, command, body)
    }

    /// Room that is sent before everything that waits in circuit queues.
    @inline(__always)
    private func reserveNext(_ id: UInt32, _ command: UInt8) -> UnsafeMutablePointer<UInt8> {
        markDirty()
        return Self.begin(output.reserve(CellLayout.fixedBytes), id, command)
    }

    @inline(__always)
    private static func begin(_ cell: UnsafeMutablePointer<UInt8>, _ id: UInt32, _ command: UInt8) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(cell).storeBytes(of: id.bigEndian, as: UInt32.self)
        cell[4] = command
        return cell + CellLayout.headerBytes
    }

    @inline(never)
    private func appendInTurn(_ id: UInt32, _ command: UInt8, _ body: UnsafePointer<UInt8>) -> Bool {
        if !hasMadeRoom() {
            guard queue(id).count < limitCells(queue(id)), unsentBytes < router.settings.channelOutputLimitBytes else { return false }
        }
        reserveInTurn(id, command).update(from: body, count: CellLayout.bodyBytes)
        return true
    }

    @inline(never)
    private func reserveInTurn(_ id: UInt32, _ command: UInt8) -> UnsafeMutablePointer<UInt8> {
        if hasMadeRoom() { return reserveNext(id, command) }
        let queue = queue(id)
        if queue.count == limitCells(queue) { overfull.append(id) }
        directLimitBytes = 0
        markDirty()
        return Self.begin(queues.reserve(queue, &router.cellPool, now: router.loop.now), id, command)
    }

    /// Whether full records could be written and nothing waits any more.
    private func hasMadeRoom() -> Bool {
        guard queues.isEmpty else { return false }
        if output.count < Self.recordBytes { return true }
        guard !isBlocked, isOpen else { return false }
        // An error of the link shows again in `flush`: no circuit is closed in the middle of a cell's way.
        _ = write(Self.writeBytesPerTurn, atLeast: Self.recordBytes)
        return output.count < Self.recordBytes
    }

    // MARK: Circuits and their queues

    /// The circuit's cells come and go under this id; `isForward`: those that come go on towards its exit.
    func attach(_ id: UInt32, _ circuit: Circuit, isForward: Bool) { circuits.insert(id, circuit, mark: isForward) }

    /// The circuit goes on with another object at this link; what of it waits here stays.
    func reattach(_ id: UInt32, _ circuit: Circuit, isForward: Bool) {
        circuits.remove(id)
        attach(id, circuit, isForward: isForward)
    }

    /// The circuit is gone from this link, and its cells that still wait with it.
    func detach(_ id: UInt32) {
        circuits.remove(id)
        queues.drop(id, &router.cellPool)
        idleSince = router.loop.now
    }

    /// Whether the circuit's streams at our end may send; if not, `hold` it until they may.
    @inline(__always)
    func hasRoom(_ id: UInt32) -> Bool { output.count < directLimitBytes || queues.count(id) < shareCells }

    /// Calls the circuit's `channelDrained` once few of its cells wait.
    func hold(_ id: UInt32) { queues.hold(id) }

    private func queue(_ id: UInt32) -> CircuitQueue { queues.open(id, isOutbound: circuits.find(id)?.mark == false) }

    private func limitCells(_ queue: CircuitQueue) -> Int { queue.isOutbound ? router.policy.queues.outboundLimitCells : router.policy.queues.inboundLimitCells }

    /// What a circuit's own streams may put into its queue: less when many circuits wait.
    private var shareCells: Int { queues.bytes < router.settings.channelOutputHighBytes ? router.policy.queues.highCells : router.policy.queues.lowCells + 1 }

    /// Queues a control cell, zero-padded.
    func sendControl(_ id: UInt32, _ command: UInt8, _ content: [UInt8]) {
        guard isOpen else { return }
        let body = reserveNext(id, command)
        body.update(repeating: 0, count: CellLayout.bodyBytes)
        body.update(from: content, count: min(content.count, CellLayout.bodyBytes))
    }

    func sendDestroy(_ id: UInt32, _ reason: DestroyReason) { sendControl(id, CellCommand.destroy, [reason.rawValue]) }

    func sendRaw(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        output.reserve(bytes.count).update(from: bytes, count: bytes.count)
        markDirty()
    }

    @inline(__always)
    private func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        router.dirtyChannels.append(self)
    }

    // MARK: 6. Writing

    /// Writes what this turn produced. Called by the router at the end of the turn.
    func flush() {
        isDirty = false
        router.statistics.cellsRelayed &+= uncountedCells
        uncountedCells = 0
        closeOverfull()
        guard !isClosed else { return }
        if !isBlocked {
            var progress = write(Self.writeBytesPerTurn, atLeast: 1)
            if progress == .done { progress = session.push() }
            if progress == .closed || progress == .failed { return close() }
            isBlocked = progress == .wantsWrite || isWriteThrottled
            source?.setWriting(progress == .wantsWrite || unsentBytes > 0 && !isWriteThrottled)
        }
        let limit = router.settings.channelOutputLimitBytes + Self.controlReserveBytes
        guard output.count < Self.controlReserveBytes, unsentBytes < limit else { return close() }
        wakeDrained()
    }

    /// Seals records of at least `least` bytes until the socket is full or `budget` is used up, both of which leave more to write.
    private func write(_ budget: Int, atLeast least: Int) -> TLSSession.Progress {
        var budget = budget
        let isMetered = isMetered
        if isMetered {
            budget = min(budget, meter.writable(router.policy.bandwidth, router.settings.bandwidth, isClient: !isRelay, now: router.loop.now))
            if budget == 0, unsentBytes > 0 { throttleWriting() }
        }
        while budget > 0 {
            if output.count < Self.recordBytes, !queues.isEmpty { refill() }
            guard output.count >= least else { break }
            let (count, progress) = session.write(output.front.unsafelyUnwrapped, count: min(output.count, Self.recordBytes))
            guard count > 0 else {
                isBlocked = progress == .wantsWrite
                if isBlocked { source?.setWriting(true) }
                return progress
            }
            paid(written: session.takeSealedBytes(), isMetered)
            tally.note(written: count, isPadded: padding?.isScheduled == true, &router.statistics)
            padding?.transferred(at: router.loop.now)
            output.consume(count)
            budget -= count
        }
        return .done
    }

    /// Whose turn it is fills the record up.
    private func refill() {
        let room = (Self.recordBytes - output.count) / CellLayout.fixedBytes
        let position = router.activityClock.position(at: router.loop.now)
        queues.move(room, to: &output, &router.cellPool, at: position, lowCells: router.policy.queues.lowCells)
        if queues.isEmpty { directLimitBytes = Self.recordBytes }
    }

    private func writable() {
        isBlocked = false
        switch state {
        case .tls: stepTLS()
        case .link, .open: flush()
        case .closed: break
        }
    }

    private func closeOverfull() {
        guard !overfull.isEmpty else { return }
        let ids = overfull
        overfull = []
        router.statistics.queuesOverfilled += UInt64(ids.count)
        for id in ids { circuits.find(id)?.value.takeUnretainedValue().close(.resourceLimit) }
    }

    private func wakeDrained() {
        for id in queues.takeDrained() where !isClosed { circuits.find(id)?.value.takeUnretainedValue().channelDrained() }
    }

    // MARK: Bandwidth

    private var isRelay: Bool { isInitiator || peer?.isAuthenticated == true }

    /// Whether the operator pays for its bytes.
    private var isCounted: Bool { !isPrivate || router.policy.bandwidth.countsPrivate }
    private var isMetered: Bool { router.policy.bandwidth.isLimited && isCounted }

    /// Once per read, with what TLS adds.
    @inline(__always)
    private func paid(read bytes: Int, _ isMetered: Bool) {
        router.statistics.bytesRead &+= UInt64(bytes)
        if tally.isIPv6 { router.statistics.bytesReadIPv6 &+= UInt64(bytes) }
        if isCounted { router.statistics.bytesCountedRead &+= UInt64(bytes) }
        if isMetered { meter.spend(read: bytes, router.policy.bandwidth, router.settings.bandwidth) }
    }

    /// Once per record.
    @inline(__always)
    private func paid(written bytes: Int, _ isMetered: Bool) {
        router.statistics.bytesWritten &+= UInt64(bytes)
        if tally.isIPv6 { router.statistics.bytesWrittenIPv6 &+= UInt64(bytes) }
        if isCounted { router.statistics.bytesCountedWritten &+= UInt64(bytes) }
        if isMetered { meter.spend(written: bytes, router.policy.bandwidth, router.settings.bandwidth) }
    }

    private func throttleReading() {
        source?.setReading(false)
        if !isReadThrottled, !isWriteThrottled { router.throttle(self) }
        isReadThrottled = true
    }

    private func throttleWriting() {
        isBlocked = true
        if !isReadThrottled, !isWriteThrottled { router.throttle(self) }
        isWriteThrottled = true
    }

    func unthrottle() {
        guard !isClosed else { return }
        let wasReading = isReadThrottled
        if isWriteThrottled { isBlocked = false }
        (isReadThrottled, isWriteThrottled) = (false, false)
        flush()
        guard wasReading, !isClosed else { return }
        source?.setReading(true)
    }

    // MARK: Housekeeping

    func releaseIdleMemory() {
        output.releaseIfIdle()
        session.releaseIdleMemory()
    }

    /// Memory held for what goes next; circuit queues have theirs from the loop's pool.
    var bufferBytes: Int { output.bytes + session.sealedBytes }

    /// Every circuit with cells that wait here, their bytes, and since when the oldest waits.
    func eachWaiting(_ body: (Circuit, Int, Instant) -> Void) {
        queues.eachWaiting { id, cells, since in
            if let found = circuits.find(id) { body(found.value.takeUnretainedValue(), cells * CellLayout.fixedBytes, since) }
        }
    }

    /// Whether cells have been waiting for long and the peer took none.
    func isStuck(_ now: Instant) -> Bool {
        progress.look(hasNothingToSend: unsentBytes + session.unsentBytes == 0, bytesWritten: tally.bytesWritten, now)
        return progress.at + router.settings.outputStallTimeout < now
    }

    // MARK: Handshakes

    private func stepTLS() {
        switch session.handshake() {
        case .done: beginLink()
        case .wantsRead: source?.setWriting(false)
        case .wantsWrite: source?.setWriting(true)
        case .closed, .failed: close()
        }
    }

    private func beginLink() {
        source?.setWriting(false)
        guard let role = router.linkRole(isInitiator: isInitiator) else { return close() }
        let session = session
        let facts = LinkHandshake.Facts(
            ownTLSCertificate: tls.certificate, peerTLSCertificate: isInitiator ? session.peerCertificate : nil, peerAddress: address,
            ownAddresses: router.policy.ownAddresses, exportKey: { session.exportKey(label: $0, context: $1, count: $2) },
            challenge: SecureRandom.bytes(32), nonce: SecureRandom.bytes(24))
        var handshake = LinkHandshake(role: role, facts: facts)
        sendRaw(handshake.start(now: router.loop.wall))
        state = .link(handshake)
        read()
    }

    private func stepLink(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) {
        guard case .link(var handshake) = state else { return }
        do {
            let progress = try handshake.receive(Array(UnsafeBufferPointer(start: bytes, count: count)), now: router.loop.wall)
            state = .link(handshake)
            sendRaw(progress.send)
            if let peer = progress.established { established(peer, progress.leftover) }
        } catch {
            router.statistics.protocolErrors += 1
            router.log.info("Link handshake with \(isInitiator ? "\(address)" : "a peer") failed: \(error)")
            close()
        }
    }

    private func established(_ peer: LinkPeer, _ leftover: [UInt8]) {
        timeout?.cancel()
        timeout = nil
        self.peer = peer
        state = .open
        settleAdmission(peer.isAuthenticated ? .none : .client)
        if admission == .client, router.policy.counted.contains(.clients) { router.settings.arrivals.note(address.ip, transport: transport) }
        if !isInitiator, peer.isAuthenticated, let own = peer.observedOwnAddress, router.policy.ownAddresses.contains(own) { router.settings.reached.note(own) }
        idleSince = router.loop.now
        padding = PaddedLink(self)
        padding?.begin()
        tell(.connected)
        router.channelOpened(self)
        decide(self)
        guard !isClosed, !leftover.isEmpty else { return }
        let scratch = router.scratch
        for start in stride(from: 0, to: leftover.count, by: CellLayout.fixedBytes) where !isClosed {
            let end = min(start + CellLayout.fixedBytes, leftover.count)
            let kept = partial.count
            scratch.update(from: partial, count: kept)
            scratch.advanced(by: kept).update(from: Array(leftover[start..<end]), count: end - start)
            consume(scratch, count: kept + end - start)
        }
    }

    private func decide(_ channel: Channel?) {
        let handler = onDecided
        onDecided = nil
        handler?(channel)
    }

    // MARK: Closing

    /// Closes the link and every circuit on it.
    func close() {
        guard !isClosed else { return }
        let wasOpen = isOpen
        state = .closed
        tell(wasOpen ? .closed : .failed, isBroken ? .brokenIO : wasOpen ? .done : .misc)
        settleAdmission(.none)
        timeout?.cancel()
        source?.cancel()
        (source, gate) = (nil, nil)
        if wasOpen { session.shutdown() }
        Sockets.close(fd)
        for (_, circuit, isForward) in circuits.all { circuit.channelClosed(isForward: isForward) }
        queues.dropAll(&router.cellPool)
        router.channelClosed(self)
        decide(nil)
    }
}

// A cell's way through a relay, in the order of the functions below and in Circuit files:
//  1. `readable`: TLS plaintext lands in the router's scratch memory, up to a full record at a time.
//  2. `consume`: whole cells are walked in place; a rest shorter than a cell is kept for the next read.
//  3. `dispatch`: RELAY cells find their circuit in a flat table; everything else is control.
//  4. `RelayCircuit.receiveRelay`: one AES pass in place; then the cell is ours, or goes on.
//  5. `appendCell` of the next channel: one copy into that channel's output queue; the channel is marked dirty.
//  6. `flush`, at the end of the loop's turn: the queue is written in TLS records as full as the turn made them.

package import Ambience
internal import CLinux
internal import Logging
internal import Loops
package import Onion
internal import Sealing

/// One TLS link to another node, with the circuits that run over it. It lives on one loop.
package final class Channel {
    enum State {
        case tls
        case link(LinkHandshake)
        case open
        case closed
    }

    /// Records read in one go before other channels get their turn.
    private static let readsPerTurn = 8
    /// Bytes given to TLS in one turn.
    private static let writeBytesPerTurn = 512 << 10
    /// What control cells may take above the output limit, where circuits end: a peer that asks much and reads nothing loses its link.
    private static let controlReserveBytes = 4 << 20

    unowned let router: OnionRouter
    private let fd: Int32
    /// The context at the time of connecting: the router's may change before the link stands.
    private let tls: TLSContext
    private let session: TLSSession
    private var source: IOSource?
    private var timeout: Timer?
    private(set) var state = State.tls
    let isInitiator: Bool
    package let address: SocketAddress
    /// The pluggable transport by which the peer reached us; `address` is then what the transport's proxy says of it.
    package internal(set) var transport: String?
    package private(set) var peer: LinkPeer?
    private var onDecided: ((Channel?) -> Void)?

    // JUSTIFICATION for unchecked exclusivity here and below: these are touched for every cell, and the dynamic check costs
    // more than the work. SAFETY: one loop thread, and no access is held across a call that could come back to the same field.
    @exclusivity(unchecked) private var output = OutputQueue()
    @exclusivity(unchecked) var circuits = FlatTable<Circuit>()
    @exclusivity(unchecked) private var isDirty = false
    /// The beginning of a cell whose rest has not come yet.
    private var partial: [UInt8] = []
    /// Bytes of an ignored variable-length cell that are still to come.
    private var bytesToSkip = 0
    /// `readable` is in the loop's list for the end of this turn.
    private var isReadingSoon = false
    /// Circuits that wait for the output queue to drain, in the order of their turns.
    private var waiting: [Circuit] = []
    private var bytesWritten: UInt64 = 0
    private var bytesWrittenAtProgress: UInt64 = 0
    private var progressAt: Instant
    var idleSince: Instant

    init(router: OnionRouter, fd: Int32, address: SocketAddress, isInitiator: Bool, onDecided: ((Channel?) -> Void)?) {
        self.router = router
        self.fd = fd
        self.address = address
        self.isInitiator = isInitiator
        self.onDecided = onDecided
        idleSince = router.loop.now
        progressAt = idleSince
        tls = router.tls(isInitiator: isInitiator)
        session = TLSSession(context: tls, fd: fd, isServer: !isInitiator)
        source = IOSource(loop: router.loop, fd: fd, onReadable: { [unowned self] in readable() }, onWritable: { [unowned self] in writable() })
        timeout = router.loop.after(router.settings.linkTimeout) { [weak self] in self?.close() }
        source?.setReading(true)
        readable()
    }

    package var isOpen: Bool { if case .open = state { true } else { false } }
    var isClosed: Bool { if case .closed = state { true } else { false } }
    var outputBytes: Int { output.count }
    /// The last write left much behind: the link is slower than what comes for it.
    private(set) var isBackedUp = false

    // MARK: 1. Reading

    private func readable() {
        switch state {
        case .tls: stepTLS()
        case .link, .open: read()
        case .closed: break
        }
    }

    private func read() {
        let scratch = router.scratch
        for _ in 0..<Self.readsPerTurn {
            let kept = partial.count
            if kept > 0 { scratch.update(from: partial, count: kept) }
            let (count, progress) = session.read(into: scratch + kept, capacity: OnionRouter.scratchBytes - kept)
            guard count > 0 else { return stalled(progress) }
            router.statistics.bytesRead &+= UInt64(count)
            if isOpen { consume(scratch, count: kept + count) } else { stepLink(scratch + kept, count) }
            if isClosed { return }
        }
        readSoon()
    }

    /// More may wait inside the TLS session, where no readiness event will tell of it.
    private func readSoon() {
        guard session.hasPending, !isReadingSoon else { return }
        isReadingSoon = true
        router.loop.soon { [weak self] in
            self?.isReadingSoon = false
            self?.readable()
        }
    }

    private func stalled(_ progress: TLSSession.Progress) {
        switch progress {
        case .wantsRead, .done: break
        case .wantsWrite:
            // TLS must answer (a key update) before it reads on, and the socket takes nothing: being readable is no news until `flush` got through.
            source?.setReading(false)
            source?.setWriting(true)
        case .closed, .failed: close()
        }
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
                // After the handshake only padding comes in variable length; everything else is ignored too (tor-spec 3).
                guard left >= 7 else { break }
                bytesToSkip = 7 + Int(bytes[offset + 5]) << 8 + Int(bytes[offset + 6])
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
            guard let (circuit, isForward) = circuits.find(id) else { return }
            circuit.takeUnretainedValue().receiveDestroy(isForward: isForward, reason: DestroyReason(rawValue: body[0]) ?? .none)
        default: break  // PADDING, PADDING_NEGOTIATE and commands of the future: accepted, nothing to do
        }
    }

    // MARK: 5. Cells out

    /// Room for one cell's body at the end of the output queue, its header written. The caller fills all 509 bytes at once.
    @inline(__always)
    func reserveCell(_ id: UInt32, _ command: UInt8) -> UnsafeMutablePointer<UInt8> {
        let cell = output.reserve(CellLayout.fixedBytes)
        UnsafeMutableRawPointer(cell).storeBytes(of: id.bigEndian, as: UInt32.self)
        cell[4] = command
        markDirty()
        return cell + CellLayout.headerBytes
    }

    /// Queues a cell whose body is 509 bytes at `body`. `false` at the output bound: the circuit must go.
    @inline(__always)
    func appendCell(_ id: UInt32, _ command: UInt8, _ body: UnsafePointer<UInt8>) -> Bool {
        guard output.count < router.settings.channelOutputLimitBytes else { return false }
        reserveCell(id, command).update(from: body, count: CellLayout.bodyBytes)
        return true
    }

    /// Queues a control cell, zero-padded.
    func sendControl(_ id: UInt32, _ command: UInt8, _ content: [UInt8]) {
        guard isOpen else { return }
        let body = reserveCell(id, command)
        body.update(repeating: 0, count: CellLayout.bodyBytes)
        body.update(from: content, count: min(content.count, CellLayout.bodyBytes))
    }

    func sendDestroy(_ id: UInt32, _ reason: DestroyReason) { sendControl(id, CellCommand.destroy, [reason.rawValue]) }

    private func sendRaw(_ bytes: [UInt8]) {
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

    /// Calls the circuit's `channelDrained` once the queue is short again.
    func waitForDrain(_ circuit: Circuit) {
        guard !circuit.isWaitingForDrain else { return }
        circuit.isWaitingForDrain = true
        waiting.append(circuit)
    }

    // MARK: 6. Writing

    /// Writes what this turn produced. Called by the router at the end of the turn.
    func flush() {
        isDirty = false
        guard !isClosed else { return }
        var budget = Self.writeBytesPerTurn
        while output.count > 0, budget > 0 {
            let (count, progress) = session.write(output.front.unsafelyUnwrapped, count: min(output.count, budget))
            guard count > 0 else {
                if progress == .closed || progress == .failed { return close() }
                if output.count > router.settings.channelOutputLimitBytes + Self.controlReserveBytes { return close() }
                source?.setWriting(progress == .wantsWrite)
                return wakeWaiting()
            }
            router.statistics.bytesWritten &+= UInt64(count)
            bytesWritten &+= UInt64(count)
            output.consume(count)
            budget -= count
        }
        source?.setReading(true)
        source?.setWriting(output.count > 0)
        wakeWaiting()
    }

    private func writable() {
        switch state {
        case .tls: stepTLS()
        case .link, .open: flush()
        case .closed: break
        }
    }

    /// Everybody gets a turn: those that the queue has no room for now come first next time, before those that had theirs.
    private func wakeWaiting() {
        let high = router.settings.channelOutputHighBytes
        isBackedUp = output.count > high / 2
        guard !waiting.isEmpty, !isBackedUp else { return }
        let turn = waiting
        waiting = []
        for (index, circuit) in turn.enumerated() {
            guard output.count < high else { return waiting.insert(contentsOf: turn[index...], at: 0) }
            circuit.isWaitingForDrain = false
            circuit.resumeStreams()
        }
    }

    // MARK: Housekeeping

    func releaseIdleMemory() { output.releaseIfIdle() }

    func isIdle(_ now: Instant) -> Bool { circuits.count == 0 && idleSince + router.settings.idleChannelTimeout < now }

    /// Whether cells have been waiting for long and the peer took none.
    func isStuck(_ now: Instant) -> Bool {
        if output.count == 0 || bytesWritten != bytesWrittenAtProgress {
            bytesWrittenAtProgress = bytesWritten
            progressAt = now
        }
        return progressAt + router.settings.outputStallTimeout < now
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
        idleSince = router.loop.now
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
        timeout?.cancel()
        source?.cancel()
        source = nil
        if wasOpen { session.shutdown() }
        Sockets.close(fd)
        waiting = []
        for (_, circuit, isForward) in circuits.all { circuit.channelClosed(isForward: isForward) }
        router.channelClosed(self)
        decide(nil)
    }
}

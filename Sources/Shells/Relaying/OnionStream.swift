package import Ambience
internal import CLinux
internal import Glibc
internal import Loops
package import Onion

/// One stream at an end of a circuit: at the exit or the directory of a relay, or at the client that opened it.
///
/// Two ways to use it: `send` and `.data` events for bytes in memory, or `splice`, which hands a connected socket to the engine
/// and lets it move whole batches both ways.
package final class OnionStream: Throttled {
    package enum Event {
        /// The other end is connected; the address is what the exit connected to.
        case connected(IPAddress?, ttlSeconds: UInt32)
        case resolved([ResolvedAnswer])
        case data([UInt8])
        /// Once, and nothing after it. `.done` is a clean end.
        case ended(EndReason)
    }

    /// Cells packaged per read of the socket: as many as fill two TLS records. More would keep other circuits waiting.
    private static let batchCells = 62
    /// Undelivered socket bytes above this hold stream SENDMEs back.
    private static let socketBacklogBytes = 64 << 10
    /// SENDMEs that a whole window of undelivered cells has earned.
    private static let owedLimit = FlowControl.streamWindowCells / FlowControl.streamIncrementCells
    /// A sender that XOFF does not stop loses its stream here: twice what the widest window of stock can have in flight.
    private static let backlogLimitBytes = 8 << 20
    /// How long bytes of an ended stream may still take to reach the socket.
    private static let lingerTimeout = Instant.Span.seconds(60)

    package let id: UInt16
    package var onEvent: ((Event) -> Void)? { didSet { deliverEarly() } }
    // JUSTIFICATION for unchecked exclusivity here and below: looked at for every cell. SAFETY: one loop thread, and no access is held across
    // a call that could come back to the same field.
    @exclusivity(unchecked) private(set) var circuit: Circuit?
    private let router: OnionRouter
    @exclusivity(unchecked) private(set) var sendWindow = SendWindow.stream
    @exclusivity(unchecked) private var receiveWindow = ReceiveWindow.stream
    @exclusivity(unchecked) private var sendmesOwed = 0
    /// CONNECTED or RESOLVED came, or it was us who sent it: neither may come (again).
    var isAnswered = false
    /// In the circuit's list of streams that wait for room.
    var isBlocked = false
    /// In place of the windows, on a circuit with congestion control.
    @exclusivity(unchecked) private var signals: StreamSignals?
    private var retry: Timer?

    /// An exit's TCP connection that is still being made.
    var connection: ExitConnection?
    /// Whose traffic this is to be counted as, if that is counted.
    private var exitPort: UInt16?
    @exclusivity(unchecked) private var fd: Int32 = -1
    private var source: IOSource?
    @exclusivity(unchecked) private var toSocket = OutputQueue()
    /// Of an exit's connection: whether it goes to our own networks. `nil`: no bandwidth is counted here.
    private var isPrivate: Bool?
    /// In the router's list of those that wait for bandwidth.
    private var isThrottled = false
    @exclusivity(unchecked) private var isDirty = false
    private var linger: Timer?
    /// Bytes for the circuit that the windows did not let through yet.
    private var unsent: ArraySlice<UInt8> = []
    private var isFinishing = false
    /// Data that came before anybody could take it.
    @exclusivity(unchecked) private var early: [UInt8] = []

    @exclusivity(unchecked) package private(set) var bytesSent: UInt64 = 0
    @exclusivity(unchecked) package private(set) var bytesReceived: UInt64 = 0

    init(circuit: Circuit, id: UInt16) {
        self.circuit = circuit
        self.id = id
        router = circuit.router
        if circuit.isCongestionControlled { signals = StreamSignals(circuit.router.policy.flow, isClient: circuit is OriginCircuit) }
    }

    /// A stream that could not be opened: it takes nothing, and its end is told in this turn's work.
    init(refusedBy router: OnionRouter) {
        self.router = router
        id = 0
        router.loop.soon { self.tellEnd(.destroyed) }
    }

    package var isEnded: Bool { circuit == nil }
    /// At a relay: whether the circuit came to us through another relay, so that who asks is not known to us.
    package var isFromRelay: Bool { (circuit as? RelayCircuit)?.isFromRelay ?? false }
    /// At a relay: where the circuit comes from; the client's address, or that of a relay.
    package var peerAddress: IPAddress? { (circuit as? RelayCircuit)?.peerAddress }
    /// Bytes taken by `send` that are not on the circuit yet.
    package var unsentBytes: Int { unsent.count }

    // MARK: Sending

    /// Queues bytes for the other end.
    package func send(_ bytes: [UInt8]) {
        guard circuit != nil, !isFinishing else { return }
        if unsent.isEmpty { unsent = bytes[...] } else { unsent += bytes }
        pump()
    }

    /// Ends the stream cleanly once everything is sent.
    package func finish() {
        isFinishing = true
        pump()
    }

    /// Sends what the windows allow, then lets the socket be read again.
    func pump() {
        while !unsent.isEmpty {
            let count = unsent.withUnsafeBufferPointer { packageSome($0.baseAddress.unsafelyUnwrapped, $0.count) }
            unsent = unsent.dropFirst(count)
            guard unsent.isEmpty else { return }
        }
        guard circuit != nil else { return }
        unsent = []
        if isFinishing { return end(.done) }
        source?.setReading(true)
    }

    /// Packages from the front of `bytes` as long as the windows and the channel allow; how many bytes went.
    private func packageSome(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        guard let circuit else { return 0 }
        let cellBytes = circuit.format.streamDataBytes
        let sent = circuit.package(self, bytes, permitted(count, cellBytes))
        bytesSent += UInt64(sent)
        if signals == nil { sendWindow.sent(cells: (sent + cellBytes - 1) / cellBytes) } else { signals?.permit.spend(sent) }
        return sent
    }

    /// How many of `count` bytes the window, or XOFF and XON, let through; for the others `pump` comes again in time.
    private func permitted(_ count: Int, _ cellBytes: Int) -> Int {
        if signals == nil { return min(count, sendWindow.remaining * cellBytes) }
        guard signals?.permit.isUnlimited == false, let allowance = signals?.permit.allowance(at: router.loop.now) else { return count }
        if allowance < count, retry == nil, let wait = signals?.permit.retry {
            retry = router.loop.after(wait) { [weak self] in
                self?.retry = nil
                self?.pump()
            }
        }
        return min(count, allowance)
    }

    // MARK: The circuit's side

    func receiveData(_ data: UnsafePointer<UInt8>, _ count: Int) {
        if signals != nil {
            guard toSocket.count + early.count < Self.backlogLimitBytes else { return end(.resourceLimit) }
        } else {
            // The window counts SENDMEs as sent when they are earned; those still owed have not let the peer send anything.
            guard sendmesOwed < Self.owedLimit, let isDue = try? receiveWindow.received() else { return end(.protocolViolation) }
            if isDue { sendmesOwed += 1 }
        }
        bytesReceived += UInt64(count)
        if fd >= 0 {
            toSocket.reserve(count).update(from: data, count: count)
            markDirty()
        } else if let onEvent {
            onEvent(.data(Array(UnsafeBufferPointer(start: data, count: count))))
            payOwed()
        } else {
            early.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
            note(drained: 0, buffered: early.count)
        }
    }

    func receiveSendme() {
        if signals != nil { return circuit?.violated() ?? () }
        guard (try? sendWindow.acknowledged()) != nil else { return end(.protocolViolation) }
        pump()
    }

    func receive(_ command: UInt8, _ content: [UInt8]) {
        switch command {
        case RelayCommand.connected:
            guard !isAnswered else { return }
            guard let message = try? ConnectedMessage(content) else { return end(.protocolViolation) }
            isAnswered = true
            onEvent?(.connected(message.address, ttlSeconds: message.ttlSeconds))
        case RelayCommand.resolved:
            guard !isAnswered else { return }
            guard let message = try? ResolvedMessage(content) else { return end(.protocolViolation) }
            onEvent?(.resolved(message.answers))
            leave(.done)
        case RelayCommand.xoff, RelayCommand.xon:
            receiveSignal(command, content)
        case RelayCommand.end:
            leave((try? EndMessage(content))?.reason ?? .misc)
        default: break
        }
    }

    private func receiveSignal(_ command: UInt8, _ content: [UInt8]) {
        do {
            guard signals != nil else { throw FlowFailure.unearnedSignal }
            if command == RelayCommand.xoff {
                _ = try XoffMessage(content)
                try signals?.permit.stop(sent: bytesSent)
            } else {
                try signals?.permit.resume(try XonMessage(content), sent: bytesSent, at: router.loop.now)
                pump()
            }
        } catch {
            circuit?.violated()
        }
    }

    /// Bytes left the buffer towards whoever takes this stream's data; tells the sender when it must know.
    private func note(drained: Int, buffered: Int) {
        guard let circuit, let signal = signals?.drain.note(drained: drained, buffered: buffered, at: router.loop.now) else { return }
        switch signal {
        case .xoff:
            router.statistics.congestion.xoffsSent &+= 1
            router.statistics.congestion.xoffBacklog.note(buffered)
            circuit.send(RelayCommand.xoff, stream: id, XoffMessage().encoded)
        case .xon(let message):
            router.statistics.congestion.xonsSent &+= 1
            router.statistics.congestion.xonBacklog.note(buffered)
            circuit.send(RelayCommand.xon, stream: id, message.encoded)
        }
    }

    /// A leg of linked circuits is gone; the stream goes on over another.
    func move(from gone: Circuit, to other: Circuit) { if circuit === gone { circuit = other } }

    /// The circuit is gone; nothing can be told to the other end.
    func circuitClosed(_ reason: EndReason) { leave(reason) }

    private func payOwed() {
        guard let circuit else { return }
        while sendmesOwed > 0 {
            sendmesOwed -= 1
            circuit.send(RelayCommand.sendme, stream: id, [])
        }
    }

    private func deliverEarly() {
        guard let onEvent, !early.isEmpty else { return }
        let bytes = early
        early = []
        onEvent(.data(bytes))
        payOwed()
        note(drained: bytes.count, buffered: 0)
    }

    // MARK: Ending

    /// Tells the other end and leaves.
    package func end(_ reason: EndReason) { end(EndMessage(reason: reason)) }

    func end(_ message: EndMessage) {
        guard let circuit else { return }
        circuit.send(RelayCommand.end, stream: id, message.encoded)
        leave(message.reason)
    }

    private func leave(_ reason: EndReason) {
        guard let circuit else { return }
        self.circuit = nil
        circuit.remove(self)
        if let exitPort { router.settings.exitTraffic.ended(exitPort, written: bytesReceived, read: bytesSent) }
        connection?.cancel()
        connection = nil
        retry?.cancel()
        unsent = []
        source?.setReading(false)
        tellEnd(reason)
        closeSocketWhenFlushed()
    }

    private func tellEnd(_ reason: EndReason) {
        let handler = onEvent
        onEvent = nil
        handler?(.ended(reason))
    }

    func releaseIdleMemory() { toSocket.releaseIfIdle() }

    /// Bytes for the socket or the circuit that have not been taken.
    var waitingBytes: Int { toSocket.count + unsent.count + early.count }
    /// Since when there are some at every survey.
    private(set) var waitingSince: Instant?

    /// Memory held; notes who keeps us waiting.
    func survey(_ now: Instant) -> Int {
        waitingSince = waitingBytes > 0 ? waitingSince ?? now : nil
        return toSocket.bytes + unsent.count + early.count
    }

    /// An exit's stream is connected.
    func count(asOf port: UInt16) {
        guard router.policy.counted.contains(.exitPorts) else { return }
        exitPort = port
        router.settings.exitTraffic.opened(port)
    }

    // MARK: The socket's side

    /// Hands a connected socket to the engine. `early` are bytes read from it already; events end with `.ended`.
    /// `peer`: at an exit, where the connection goes; its bytes are counted as the relay's.
    package func splice(fd: Int32, early read: [UInt8], peer: IPAddress? = nil) {
        guard circuit != nil, self.fd < 0 else { return Sockets.close(fd) }
        self.fd = fd
        isPrivate = peer?.isPrivate
        source = IOSource(loop: router.loop, fd: fd, onReadable: { [unowned self] in readSocket() }, onWritable: { [unowned self] in flush() })
        if !early.isEmpty {
            toSocket.reserve(early.count).update(from: early, count: early.count)
            early = []
            markDirty()
        }
        if read.isEmpty { source?.setReading(true) } else { send(read) }
    }

    private func readSocket() {
        guard unsent.isEmpty, let circuit else {
            source?.setReading(false)
            return
        }
        let isCounted = isCounted
        if isCounted, router.mayNotReadOutside { return throttleReading() }
        let scratch = router.scratch
        let count = read(fd, scratch, Self.batchCells * circuit.format.streamDataBytes)
        if count > 0 {
            if isCounted { router.movedOutside(read: count) }
            let sent = packageSome(scratch, count)
            guard sent < count, !isEnded else { return }
            unsent = Array(UnsafeBufferPointer(start: scratch + sent, count: count - sent))[...]
            source?.setReading(false)
        } else if count == 0 {
            end(.done)
        } else if errno != EAGAIN, errno != EINTR {
            end(.connectionReset)
        }
    }

    private var isCounted: Bool { isPrivate.map(router.isCountedOutside) ?? false }

    private func throttleReading() {
        source?.setReading(false)
        throttle()
    }

    private func throttleWriting() {
        source?.setWriting(false)
        throttle()
    }

    private func throttle() {
        if !isThrottled { router.throttle(self) }
        isThrottled = true
    }

    func unthrottle() {
        isThrottled = false
        flush()
        if unsent.isEmpty, circuit != nil { source?.setReading(true) }
    }

    private func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        router.dirtyStreams.append(self)
    }

    /// Writes what this turn brought for the socket. Called at the end of the turn and when the socket can take more.
    func flush() {
        isDirty = false
        guard fd >= 0 else { return }
        let before = toSocket.count
        let isCounted = isCounted
        while toSocket.count > 0 {
            let limit = isCounted ? router.writableOutside : .max
            guard limit > 0 else { break }
            let count = Glibc.send(fd, toSocket.front, min(limit, toSocket.count), Int32(MSG_NOSIGNAL))
            if count > 0 {
                if isCounted { router.movedOutside(written: count) }
                toSocket.consume(count)
            } else if errno == EAGAIN || errno == EINTR {
                break
            } else {
                toSocket.consume(toSocket.count)
                end(.connectionReset)
                return closeSocket()
            }
        }
        if toSocket.count > 0, isCounted, router.writableOutside == 0 { throttleWriting() } else { source?.setWriting(toSocket.count > 0) }
        if toSocket.count <= Self.socketBacklogBytes { payOwed() }
        note(drained: before - toSocket.count, buffered: toSocket.count)
        if circuit == nil, toSocket.count == 0 { closeSocket() }
    }

    private func closeSocketWhenFlushed() {
        guard fd >= 0 else { return }
        if toSocket.count > 0 { linger = router.loop.after(Self.lingerTimeout) { self.closeSocket() } }
        flush()
    }

    private func closeSocket() {
        linger?.cancel()
        linger = nil
        guard fd >= 0 else { return }
        source?.cancel()
        source = nil
        Sockets.close(fd)
        fd = -1
    }
}

extension FileError {
    /// The END reason for a TCP connection that failed with this error.
    var endReason: EndReason {
        switch code {
        case ECONNREFUSED: .connectionRefused
        case ETIMEDOUT: .timeout
        case ENETUNREACH, EHOSTUNREACH, EACCES, EPERM: .noRoute
        case ECONNRESET, EPIPE: .connectionReset
        case EMFILE, ENFILE, ENOMEM, ENOBUFS: .resourceLimit
        default: .misc
        }
    }
}

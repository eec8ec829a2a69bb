internal import Ambience
internal import Loops
internal import Onion
internal import Relaying
internal import Socks

/// One application's connection: from its first byte until its socket is handed to the stream.
final class SocksSession {
    /// Bytes taken from an application before its stream is connected.
    private static let earlyLimitBytes = 64 << 10

    let key: StreamKey
    let port: SocksPortSettings
    let group: Int
    let client: IPAddress
    private(set) var request: SocksRequest?
    private unowned let owner: Client
    private let connection: TCPConnection
    private var handshake = SocksHandshake()
    private var stream: OnionStream?
    /// Data sent before the far end was connected, kept for another try.
    private var early: [UInt8] = []

    init(_ key: StreamKey, owner: Client, connection: TCPConnection, port: SocksPortSettings, group: Int, client: IPAddress) {
        self.key = key
        self.owner = owner
        self.connection = connection
        self.port = port
        self.group = group
        self.client = client
        connection.onData = { [unowned self] in receive($0) }
        connection.onClose = { [weak self] in self?.applicationGone() }
    }

    /// What went to and came from the application since the stream was opened; of one that has ended, all of it.
    var moved: (read: UInt64, written: UInt64)? { stream.map { ($0.bytesReceived, $0.bytesSent) } ?? movedInAll }
    private var movedInAll: (read: UInt64, written: UInt64)?

    // MARK: The application's side

    private func receive(_ bytes: [UInt8]) {
        guard request == nil else { return receiveEarly(bytes) }
        let progress = handshake.receive(bytes)
        if !progress.send.isEmpty { connection.send(progress.send) }
        switch progress.outcome {
        case .request(let request):
            self.request = request
            receiveEarly(handshake.early)
            owner.requested(self, request)
        case .refused(let refusal):
            owner.refused(refusal)
            close()
        case nil: break
        }
    }

    /// Optimistic data: it goes out behind BEGIN, before anybody knows whether the far end answers.
    private func receiveEarly(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        early += bytes
        stream?.send(bytes)
        if early.count >= Self.earlyLimitBytes { connection.pauseReading() }
    }

    private func applicationGone() {
        detach()
        owner.sessionEnded(self)
    }

    // MARK: The circuit's side

    func attach(to circuit: OriginCircuit) {
        guard let request else { return }
        let stream = circuit.openStream(request.streamTarget(port))
        self.stream = stream
        stream.onEvent = { [weak self] in self?.handle($0) }
        if request.command == .connect, !early.isEmpty { stream.send(early) }
    }

    /// Leaves a circuit that gives no answer.
    func detach() {
        guard let stream else { return }
        self.stream = nil
        stream.onEvent = nil
        stream.end(.timeout)
    }

    private func handle(_ event: OnionStream.Event) {
        switch event {
        case .connected(let ip, _):
            if let ip, owner.isForbidden(ip) { return refuse(.protocolViolation) }
            connected()
        case .resolved(let answers): resolved(answers)
        case .data: refuse(.protocolViolation)
        case .ended(let reason):
            movedInAll = moved
            stream = nil
            owner.streamEnded(self, reason)
        }
    }

    private func refuse(_ reason: EndReason) {
        detach()
        owner.streamEnded(self, reason)
    }

    /// Tells the application and hands its socket to the engine, which moves bytes by itself from then on.
    private func connected() {
        guard let request, request.command == .connect, let stream else { return refuse(.protocolViolation) }
        owner.streamConnected(self)
        connection.send(SocksReply.connected(request.version))
        guard connection.unsentBytes == 0, let fd = connection.detach() else {
            connection.abort()
            return applicationGone()
        }
        early = []
        stream.splice(fd: fd, early: [])
    }

    private func resolved(_ answers: [ResolvedAnswer]) {
        guard let request, request.command != .connect else { return refuse(.protocolViolation) }
        stream?.onEvent = nil
        stream = nil
        owner.lookedUp(self, answers)
        guard let answer = answers.lazy.compactMap({ self.usable($0, request) }).first else { return fail(.hostUnreachable) }
        reply(SocksReply.resolved(request.version, answer))
    }

    private func usable(_ answer: ResolvedAnswer, _ request: SocksRequest) -> SocksReply.Answer? {
        switch (answer, request.command) {
        case (.address(let ip, _), .resolve) where !owner.isForbidden(ip) && (ip.isIPv4 || request.version == .socks5): .address(ip)
        case (.name(let name, _), .resolvePointer): .name(name)
        default: nil
        }
    }

    // MARK: Ending

    func reply(_ bytes: [UInt8]) {
        connection.send(bytes)
        close()
    }

    func fail(_ failure: SocksFailure) {
        reply(request.map { SocksReply.failed($0.version, failure) } ?? [])
    }

    /// Closes once everything is sent.
    private func close() { connection.finish() }

    func abort() {
        detach()
        connection.abort()
    }
}

extension StreamFailure {
    /// What an application is told.
    var socks: SocksFailure {
        switch self {
        case .ended(let reason): SocksFailure(endReason: reason.rawValue)
        case .timeout: .timeToLiveExpired
        case .noPath: .networkUnreachable
        case .tooMany: .general
        }
    }
}

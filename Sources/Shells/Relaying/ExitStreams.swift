internal import Ambience
internal import Bytes
internal import Limits
internal import Loops
internal import Onion

/// BEGIN, BEGIN_DIR and RESOLVE at the last hop (tor-spec 6.2, 6.4).
extension RelayCircuit {
    func beginDirectory(_ stream: UInt16) {
        // Linked circuits are for exit streams: stock refuses this too, for good reason (TROVE-2026-008).
        guard linked == nil else { return violated() }
        guard admits(stream) else { return }
        router.statistics.directoryStreamsAsked += 1
        guard router.policy.wakefulness == .awake else { return refuse(stream, .hibernating) }
        guard let handler = router.onDirectoryStream, router.index == 0 || router.policy.isDirectory else { return refuse(stream, .notDirectory) }
        let accepted = accept(stream)
        send(RelayCommand.connected, stream: stream, [])
        handler(accepted)
    }

    func beginExit(_ stream: UInt16, _ data: [UInt8]) {
        guard admits(stream) else { return }
        router.statistics.exitStreamsAsked += 1
        guard let message = try? BeginMessage(data), message.port != 0 else { return refuse(stream, .protocolViolation) }
        // A client that makes us its only hop is asking for a one-hop proxy (tor-spec 6.2).
        guard let peer, peer.isAuthenticated else { return refuse(stream, .protocolViolation) }
        guard router.policy.wakefulness == .awake else { return refuse(stream, .hibernating) }
        guard router.knows(peer) else { return refuse(stream, .misc) }
        guard router.policy.isExit else { return refuse(stream, .exitPolicy) }
        guard connecting < router.settings.connectingPerCircuitLimit else { return refuse(stream, .resourceLimit) }
        // The stream exists from here on: data may follow BEGIN without waiting for CONNECTED.
        let accepted = accept(stream)
        let connection = ExitConnection(circuit: self, stream: accepted, request: message)
        connection.start()
    }

    func resolve(_ stream: UInt16, _ data: [UInt8]) {
        guard stream != 0, isWithinRate(stream), let message = try? ResolveMessage(data) else { return }
        router.statistics.resolvesAsked += 1
        let answer: ([ResolvedAnswer]) -> Void = { [weak self] answers in
            guard let self, !isClosed else { return }
            send(RelayCommand.resolved, stream: stream, ResolvedMessage(answers: answers).encoded)
        }
        guard router.policy.isExit else { return answer([.permanentError]) }
        if let address = Self.address(reverseName: message.name) {
            // The names of the exit's own network are nobody's business.
            if address.isPrivate { return answer([.permanentError]) }
            router.names.names(of: address) { answer(ExitConnection.answers($0)) }
        } else if let address = IPAddress(message.name) {
            answer([.address(address, ttlSeconds: ExitConnection.timeToLiveSeconds)])
        } else {
            router.names.addresses(of: message.name) { answer(ExitConnection.answers($0)) }
        }
    }

    /// Whether a new stream with this id may begin; says why not to the client.
    private func admits(_ stream: UInt16) -> Bool {
        guard stream != 0, !hasStream(stream) else { return false }
        guard openStreams < router.settings.streamsPerCircuitLimit else {
            refuse(stream, .resourceLimit)
            return false
        }
        return isWithinRate(stream)
    }

    /// Whether the circuit asks no faster than one may. The refusal says "misc": with "resource limit" a client would try elsewhere.
    private func isWithinRate(_ stream: UInt16) -> Bool {
        let (denial, defence) = (router.policy.denial, router.policy.denial.streamDefence)
        guard defence != .none else { return true }
        if streamBucket.take(rate: denial.streams.rate, burst: denial.streams.burst, now: router.loop.now) { return true }
        router.settings.clients.refusedStream()
        if defence == .closeCircuit { close(.resourceLimit) } else { refuse(stream, .misc) }
        return false
    }

    private func accept(_ id: UInt16) -> OnionStream {
        let stream = OnionStream(circuit: self, id: id)
        stream.isAnswered = true
        add(stream)
        return stream
    }

    private func refuse(_ stream: UInt16, _ reason: EndReason) {
        send(RelayCommand.end, stream: stream, EndMessage(reason: reason).encoded)
    }

    /// `4.3.2.1.in-addr.arpa` or the ip6.arpa form.
    private static func address(reverseName name: String) -> IPAddress? {
        let labels = name.lowercased().split(separator: ".")
        if name.lowercased().hasSuffix(".in-addr.arpa"), labels.count == 6 { return IPAddress(labels[..<4].reversed().joined(separator: ".")) }
        guard name.lowercased().hasSuffix(".ip6.arpa"), labels.count == 34, let bytes = Hex.decode(labels[..<32].reversed().joined()) else { return nil }
        return IPAddress(bytes: bytes)
    }
}

/// One BEGIN on its way to a TCP connection: name, policy, connect. The stream owns it until then.
final class ExitConnection {
    /// Every lifetime told to clients is this, whatever DNS said: real ones would tell when a name was first asked (tor 0.4.9.4).
    static let timeToLiveSeconds: UInt32 = 60

    private let router: OnionRouter
    /// That BEGIN came on: with linked circuits the stream may outlive it.
    private weak var circuit: RelayCircuit?
    private unowned let stream: OnionStream
    private let request: BeginMessage
    private var dialer: SocketDialer?

    init(circuit: RelayCircuit, stream: OnionStream, request: BeginMessage) {
        self.circuit = circuit
        self.stream = stream
        self.request = request
        router = circuit.router
        stream.connection = self
        circuit.connecting += 1
    }

    func start() {
        if let address = IPAddress(request.host) { return choose([address]) }
        router.names.addresses(of: request.host) { [weak self] result in
            switch result {
            case .success(let addresses): self?.choose(addresses)
            case .failure: self?.fail(.resolveFailed)
            }
        }
    }

    /// The stream ended before the connection stood.
    func cancel() {
        circuit?.connecting -= 1
        dialer?.cancel()
    }

    private func choose(_ addresses: [IPAddress]) {
        guard let address = preferred(addresses) else { return fail(.resolveFailed) }
        guard router.policy.isExitAllowed(address, request.port) else {
            stream.end(EndMessage(reason: .exitPolicy, address: address, ttlSeconds: Self.timeToLiveSeconds))
            return
        }
        guard !router.policy.isReentry(address, request.port) else { return fail(.connectionRefused) }
        let source = router.settings.outbound.forExit(to: address)
        dialer = SocketDialer.dial(loop: router.loop, SocketAddress(ip: address, port: request.port), from: source, timeout: router.settings.exitConnectTimeout) {
            [weak self] result in
            switch result {
            case .success(let fd): if let self { connected(fd, address) } else { Sockets.close(fd) }
            case .failure(let error): self?.fail(error.endReason)
            }
        }
    }

    /// BEGIN's flags say which family the client can take and which it likes better.
    private func preferred(_ addresses: [IPAddress]) -> IPAddress? {
        let v4 = request.flags & 2 == 0 ? addresses.first { $0.isIPv4 } : nil
        let v6 = request.flags & 1 == 1 ? addresses.first { !$0.isIPv4 } : nil
        return request.flags & 4 != 0 ? v6 ?? v4 : v4 ?? v6
    }

    private func connected(_ fd: Int32, _ address: IPAddress) {
        guard !stream.isEnded else { return Sockets.close(fd) }
        SocketLedger.note(fd, .exit, .initiated, address)
        stream.connection = nil
        stream.count(asOf: request.port)
        circuit?.connecting -= 1
        // Not over the circuit that BEGIN came on: it may be gone, and another leg have the stream.
        stream.circuit?.send(RelayCommand.connected, stream: stream.id, ConnectedMessage(address: address, ttlSeconds: Self.timeToLiveSeconds).encoded)
        stream.splice(fd: fd, early: [], peer: address)
    }

    private func fail(_ reason: EndReason) { stream.end(EndMessage(reason: reason)) }

    static func answers(_ result: Result<[IPAddress], Resolver.Failure>) -> [ResolvedAnswer] {
        switch result {
        case .success(let addresses): addresses.prefix(16).map { .address($0, ttlSeconds: timeToLiveSeconds) }
        case .failure(let failure): [failure.answer]
        }
    }

    static func answers(_ result: Result<[String], Resolver.Failure>) -> [ResolvedAnswer] {
        switch result {
        case .success(let names): names.prefix(1).map { .name($0, ttlSeconds: timeToLiveSeconds) }
        case .failure(let failure): [failure.answer]
        }
    }
}

extension Resolver.Failure {
    fileprivate var answer: ResolvedAnswer { self == .permanent ? .permanentError : .transientError }
}

internal import Ambience
internal import Loops
internal import Onion
internal import OnionServices
internal import Sealing

/// What a circuit that ends here does for an onion service.
enum ServiceDuty {
    case none
    /// A service takes introductions over it.
    case introductions(key: Ed25519Identity, IntroductionGate)
    /// A client waits for its service.
    case waiting(RendezvousCookie)
    /// Client and service have met: what is not for us goes over to the other's circuit.
    case joined
}

/// The relay's part in onion services of version 3: introduction point and rendezvous point (rend-spec-v3).
extension RelayCircuit {
    /// Takes the message if it is one of theirs.
    func receiveService(_ command: UInt8, _ data: [UInt8]) -> Bool {
        switch command {
        case RelayCommand.establishIntro: establishIntroduction(data)
        case RelayCommand.introduce1: introduce(data)
        case RelayCommand.establishRendezvous: establishRendezvous(data)
        case RelayCommand.rendezvous1: meet(data)
        default: return false
        }
        return true
    }

    private typealias Messages = WritableKeyPath<RouterStatistics, Counts<ServiceOutcome>>

    private func note(_ messages: Messages, _ outcome: ServiceOutcome) { router.statistics[keyPath: messages][outcome] += 1 }

    /// The message breaks the protocol, in this way.
    private func violated(_ messages: Messages, _ outcome: ServiceOutcome) {
        note(messages, outcome)
        violated()
    }

    // MARK: Introduction point

    private func establishIntroduction(_ data: [UInt8]) {
        let messages: Messages = \.introductionPoints
        guard isUncommitted else { return violated(messages, .unsuitable) }
        guard let message = try? EstablishIntroMessage(data), message.isProven(circuitNonce: circuitNonce.bytes) else { return violated(messages, .malformed) }
        guard case .admitted(let replaced) = router.servicePoints.add(service: message.authKey, at: ServicePlace(self)) else { return close(.resourceLimit) }
        commit(to: .introductions(key: message.authKey, IntroductionGate(message.defence)))
        // The service has come back on a new circuit; it does not use the old one any more.
        replaced?.visit(from: router) { $0?.close(.finished) }
        note(messages, send(RelayCommand.introEstablished, stream: 0, EstablishIntroMessage.established) ? .success : .circuitDead)
    }

    /// One introduction per circuit, so that no client hammers a service over one circuit; and no circuit of one hop, for the service
    /// must be able to trust that we do not know whom we introduce.
    private func introduce(_ data: [UInt8]) {
        let messages: Messages = \.introductions
        guard !hasIntroduced else { return violated(messages, .circuitReused) }
        guard isFromRelay else { return violated(messages, .singleHop) }
        // Stock has no count for a circuit that does something else.
        guard isUncommitted else { return violated() }
        hasIntroduced = true
        guard let header = try? Introduce1Header(data) else { return acknowledge(.badFormat, .malformed) }
        guard let service = router.servicePoints.service(header.authKey) else { return acknowledge(.unknownService, .unknownService) }
        let asker = ServicePlace(self)
        service.visit(from: router) { service in
            let outcome = service?.passOn(introduction: data) ?? .unknownService
            asker.visit(onLoop: service?.router.index) { $0?.acknowledge(outcome == .success ? .delivered : .unknownService, outcome) }
        }
    }

    private func acknowledge(_ status: IntroduceStatus, _ outcome: ServiceOutcome) {
        note(\.introductions, outcome)
        send(RelayCommand.introduceAck, stream: 0, status.encoded)
    }

    /// Sends a client's introduction to the service, unless it has had enough of them.
    private func passOn(introduction data: [UInt8]) -> ServiceOutcome {
        guard case .introductions(let key, var gate) = duty else { return .unknownService }
        let isAdmitted = gate.admits(at: router.loop.now, network: router.policy.services.introductionLimits)
        duty = .introductions(key: key, gate)
        guard isAdmitted else { return .rateLimited }
        // What fits one kind of relay cell may be too long for the other.
        return data.withUnsafeBufferPointer { transmit(RelayCommand.introduce2, stream: 0, $0.baseAddress, $0.count) } ? .success : .circuitDead
    }

    // MARK: Rendezvous point

    private func establishRendezvous(_ data: [UInt8]) {
        let messages: Messages = \.rendezvousPoints
        guard isUncommitted else { return violated(messages, .unsuitable) }
        // Dropped without a word: the client finds out by waiting, which costs those most who try it often.
        if router.policy.services.refusesSingleHopRendezvous, !isFromRelay { return note(messages, .singleHop) }
        guard let cookie = RendezvousCookie(data) else { return violated(messages, .malformed) }
        switch router.servicePoints.add(client: cookie, at: ServicePlace(self)) {
        case .duplicate: violated(messages, .duplicateCookie)
        case .full: close(.resourceLimit)
        case .admitted:
            commit(to: .waiting(cookie))
            note(messages, send(RelayCommand.rendezvousEstablished, stream: 0, []) ? .success : .circuitDead)
        }
    }

    /// The service has come to meet the client that waits.
    private func meet(_ data: [UInt8]) {
        let messages: Messages = \.meetings
        guard isUncommitted else { return violated(messages, .unsuitable) }
        guard let message = try? Rendezvous1Message(data) else { return violated(messages, .malformed) }
        guard let client = router.servicePoints.take(client: message.cookie) else {
            // It can be the client that gave up, which is no violation; but there is nothing else that this circuit could be for.
            note(messages, .unknownCookie)
            return close(.protocolViolation)
        }
        if let passage = router.passage(toLoop: client.loop) { return meet(client, through: passage, message) }
        guard let client = client.live else {
            note(messages, .unknownCookie)
            return close(.protocolViolation)
        }
        client.send(RelayCommand.rendezvous2, stream: 0, message.handshake)
        note(messages, client.isClosed ? .circuitDead : .success)
        guard !client.isClosed else { return close(.destroyed) }
        client.join(self)
        join(client)
    }

    /// The client's circuit ends on another loop.
    private func meet(_ client: ServicePlace, through passage: Passage, _ message: Rendezvous1Message) {
        guard let id = passage.freeCircuitID() else { return close(.resourceLimit) }
        join(through: passage, id: id, isAnswered: false)
        note(\.meetings, .success)
        passage.peer.post { [index = router.index] router in
            guard let back = router.passage(toLoop: index) else { return }
            guard let client = client.live else { return back.sendDestroy(id, .destroyed) }
            client.send(RelayCommand.rendezvous2, stream: 0, message.handshake)
            guard !client.isClosed else { return back.sendDestroy(id, .destroyed) }
            client.join(through: back, id: id, isAnswered: true)
            back.sendControl(id, CellCommand.created2, [])
        }
    }

    private func join(_ other: RelayCircuit) {
        commit(to: .joined)
        partner = other
    }

    // MARK: Ending

    /// The circuit is closed: nobody finds it any more, and whoever was joined to it has nobody left.
    func leaveService() {
        switch duty {
        case .none: return
        case .introductions(let key, _): router.servicePoints.remove(service: key, at: ServicePlace(self))
        case .waiting(let cookie): router.servicePoints.remove(client: cookie)
        case .joined:
            let other = partner
            partner = nil
            other?.close(.destroyed)
        }
        duty = .none
    }

    /// Whether the cells of this circuit come from another relay, rather than straight from the client.
    var isFromRelay: Bool { peer?.isAuthenticated == true }
}

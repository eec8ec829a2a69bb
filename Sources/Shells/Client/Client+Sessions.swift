internal import Ambience
internal import Confidential
internal import Logging
internal import Loops
internal import Onion
internal import Paths
internal import Relaying
internal import Socks

// MARK: - Applications

extension Client {
    func accept(_ fd: Int32, from client: IPAddress, on port: SocksPortSettings, group: Int) {
        guard !isHibernating, sessions.count < settings.sessionLimit else { return SocketLedger.reject(fd, .socks, client) }
        SocketLedger.note(fd, .socks, .received, client)
        lastStream += 1
        let key = StreamKey(rawValue: lastStream)
        let connection = TCPConnection(loop: loop, fd: fd)
        sessions[key] = SocksSession(key, owner: self, connection: connection, port: port, group: group, client: client)
        // An application that does not finish its handshake has as long as a stream that nobody answers.
        loop.after(settings.pool.streamTimeout) { [weak self] in
            guard let session = self?.sessions[key], session.request == nil else { return }
            session.abort()
            self?.sessions[key] = nil
        }
    }

    /// An application has said what it wants.
    func requested(_ session: SocksSession, _ request: SocksRequest) {
        if request.bypassesNames { warnOfBareAddress(request) }
        if let failure = refusal(request) { return session.fail(failure) }
        if request.command == .resolve, case .address(let ip) = request.target { return session.reply(SocksReply.resolved(request.version, .address(ip))) }
        let isolation = request.isolation(session.port, group: session.group, client: session.client)
        let keepsAlive = session.port.keepsAuthenticatedAlive && request.credentials != nil
        guard pool.streamArrived(session.key, request.purpose, isolation: isolation, keepsCircuitAlive: keepsAlive, at: moment) else {
            return session.fail(StreamFailure.tooMany.socks)
        }
        tellStream(session) { .streamArrived($0) }
        log.debug("Stream \(session.key.rawValue) wants \(Sensitive(request.target))")
        settleSoon()
    }

    /// What is not even tried.
    private func refusal(_ request: SocksRequest) -> SocksFailure? {
        if request.isOnion {
            quietLog.say(.notice, "onion", now: loop.now, "An application asked for an onion service. Those are not supported yet.")
            return .hostUnreachable
        }
        if request.namesExit {
            quietLog.say(.warning, "exit", now: loop.now, "The \".exit\" notation is disabled: it would let web pages choose exits.")
            return .general
        }
        if request.isLostName { return .hostUnreachable }
        if request.bypassesNames, settings.isSafeSocks { return .general }
        if request.command == .connect, case .address(let ip) = request.target, isForbidden(ip) {
            quietLog.say(.warning, "internal", now: loop.now, "Refusing requests for private addresses: no exit can reach what they mean here.")
            return .general
        }
        return nil
    }

    /// Whether the address is private and those are not wanted.
    func isForbidden(_ ip: IPAddress) -> Bool { settings.rejectsInternalAddresses && ip.isPrivate }

    private func warnOfBareAddress(_ request: SocksRequest) {
        let dialect = request.version == .socks5 ? "SOCKS5" : "SOCKS4"
        quietLog.say(
            .warning, "bare-\(dialect)", now: loop.now,
            "An application (using \(dialect)) gives only an IP address. If it resolves names by itself, it tells your name servers where you go. "
                + "Let it use SOCKS4a, or SOCKS5 with host names.\(settings.isSafeSocks ? " Rejected, because of SafeSocks." : "")")
    }

    func refused(_ refusal: SocksRefusal) {
        switch refusal {
        case .http: quietLog.say(.warning, "http", now: loop.now, "An application speaks HTTP to the SocksPort, which is no HTTP proxy.")
        default: quietLog.say(.info, "socks", now: loop.now, "Refused a SOCKS request: \(refusal)")
        }
    }

    /// The application's connection is over, or its request was answered for good.
    func sessionEnded(_ session: SocksSession) {
        if pool.streams[session.key] != nil { tellStream(session) { .streamClosed($0, .done) } }
        pool.streamGone(session.key)
        sessions[session.key] = nil
        settleSoon()
    }
}

// MARK: - Streams

extension Client {
    func attach(_ stream: StreamKey, to circuit: CircuitKey) {
        guard let session = sessions[stream] else { return pool.streamGone(stream) }
        guard let circuit = circuits[circuit] else { return streamEnded(session, .destroyed) }
        session.attach(to: circuit)
        tellStream(session) { .streamSent($0) }
    }

    func streamConnected(_ session: SocksSession) {
        pool.streamConnected(session.key)
        tellStream(session) { .streamConnected($0) }
    }

    /// A lookup has its answer; the session goes when its connection closes.
    func lookedUp(_ session: SocksSession, _ answers: [ResolvedAnswer]) {
        for answer in answers { if let view = view(of: session) { onEvent(.lookedUp(view, answer)) } }
        tellStream(session) { .streamClosed($0, .done) }
        pool.streamGone(session.key)
        settleSoon()
    }

    func streamEnded(_ session: SocksSession, _ reason: EndReason) {
        let wasConnected = pool.streams[session.key]?.isConnected ?? true
        tellStream(session) { wasConnected ? .streamClosed($0, reason) : .streamDetached($0, reason) }
        if let failure = pool.streamEnded(session.key, reason, at: moment) {
            if wasConnected { sessions[session.key] = nil } else { fail(session.key, failure) }
        }
        settleSoon()
    }

    /// Tells the application; its session goes when the connection closes.
    func fail(_ stream: StreamKey, _ failure: StreamFailure) {
        log.info("Stream \(stream.rawValue) failed: \(failure)")
        if let session = sessions[stream] { tellStream(session) { .streamFailed($0) } }
        if failure == .timeout {
            let seconds = settings.pool.streamTimeout.inMilliseconds / 1000
            quietLog.say(.notice, "timeout", now: loop.now, "Tried for \(seconds) seconds to get a connection to [scrubbed]. Giving up.")
        }
        sessions[stream]?.detach()
        sessions[stream]?.fail(failure.socks)
    }
}

internal import Ambience
internal import Directory
package import DirectoryService
internal import Logging
package import Loops
internal import Onion
package import Relaying
internal import Sealing
internal import Voting

/// A directory authority: takes descriptors, tests links, votes, and publishes the consensus.
///
/// 1. A relay posts its descriptor: `DescriptorGate` checks it and makes it durable, then the relay is told (`AuthorityAnswers`).
/// 2. `LinkWatch` opens links to relays and sees whether they prove their identities.
/// 3. When a round's vote is due, an `Opinion` of all relays becomes a vote; its microdescriptors go into the store.
/// 4. Votes and signatures are exchanged with other authorities, if there are any (`AuthorityPeers`).
/// 5. When the consensus is due it is computed and signed in both flavours, and put into the store when it becomes valid.
///
/// The caller serves the store through the `DirectoryServer`, over BEGIN_DIR and DirPort.
package final class Authority {
    private static let watchTurn = Instant.Span.seconds(Int64(2))
    private static let shortestWait = Instant.Span.milliseconds(100)
    private static let longestWait = Instant.Span.seconds(Int64(10))
    /// Descriptors are kept this long after they stop being voted for.
    private static let descriptorLimitSeconds: Int64 = 48 * 3600

    private let loop: EventLoop
    private let store: DirectoryStore
    private let server: DirectoryServer
    private let settings: AuthoritySettings
    private let keys: AuthorityKeys
    let room: VotingRoom
    let gate: DescriptorGate
    private let watch: LinkWatch
    /// `nil`: nobody is tested over IPv6.
    private let watch6: LinkWatch?
    private var sharedRandom: SharedRandomRun?
    private let peers: AuthorityPeers
    private var histories = RelayHistories()
    private var rounds: VotingRounds
    private var timer: Timer?
    private var watchTimer: Timer?
    private var hasPublished = false
    private let log = Logger(label: "authority")

    /// Reads the pins and prepares everything; `start` begins to test and vote.
    ///
    /// - Parameters:
    ///   - router: opens the links of reachability tests.
    ///   - store: loaded, believing (at least) this authority.
    ///   - tunnels: reaches other authorities; `nil` for an authority that is alone.
    package init(
        loop: EventLoop, router: OnionRouter, store: DirectoryStore, server: DirectoryServer, tunnels: DirectoryTunnels?, keys: AuthorityKeys,
        settings: AuthoritySettings
    ) throws(AuthorityFailure) {
        guard let signer = AuthoritySigner(identity: keys.identity, signingKey: keys.signingKey) else { throw AuthorityFailure("the signing key has no digest") }
        let pins: KeyPins?
        do throws(FileError) {
            pins = settings.pinsKeys ? try KeyPins(path: "\(settings.dataFolder)/key-pinning-journal") : nil
        } catch { throw AuthorityFailure("\(error)") }
        self.loop = loop
        self.store = store
        self.server = server
        self.settings = settings
        self.keys = keys
        room = VotingRoom(signer: signer, authorities: settings.authorities.map(\.identity))
        gate = DescriptorGate(store: store, pins: pins, demands: .init(allowsPrivateAddresses: settings.allowsPrivateAddresses))
        let test: (LinkWatch.Target, @escaping (Bool) -> Void) -> Void = { target, done in
            router.testLink(LinkTarget(rsa: target.rsa, ed25519: target.ed25519, addresses: [target.address])) { peer in
                done(peer?.rsa == target.rsa && peer?.ed25519 == target.ed25519)
            }
        }
        watch = LinkWatch(time: loop, period: .seconds(settings.linkTestPeriodSeconds), test: test)
        watch6 = settings.testsIPv6 ? LinkWatch(time: loop, period: .seconds(settings.linkTestPeriodSeconds), address: { $0.ipv6 }, test: test) : nil
        peers = AuthorityPeers(tunnels: tunnels, others: settings.authorities.filter { $0.identity != keys.identity })
        rounds = VotingRounds(schedule: .next(after: loop.wall, times: settings.times, live: nil))
    }

    /// Hooks the directory server, tests all relays that are known and begins the first round.
    package func start() {
        store.put([keys.certificate])
        let certificate = keys.certificate
        server.ownCertificate = { certificate }
        server.requestLimits = .authorityRequest
        server.onPost = { [weak self] request, _ in self?.answer(post: request) }
        server.onOtherGet = { [weak self] path, _ in self?.answer(get: path) }
        gate.rulings = .load("\(settings.dataFolder)/approved-routers")
        gate.onDescriptor = { [weak self] descriptor in self?.noteDescriptor(descriptor) }
        noteKnownRelays()
        watchTimer = loop.every(Self.watchTurn) { [weak self] in
            self?.watch.turn()
            self?.watch6?.turn()
        }
        if settings.sharesRandomness { resumeSharedRandom() }
        beginRound()
    }

    package func stop() {
        timer?.cancel()
        watchTimer?.cancel()
    }

    /// Takes this node's own descriptor and extra-info, as any relay's.
    @discardableResult
    package func submit(_ upload: [UInt8]) -> Acceptance { gate.admit(upload, now: loop.wall) }

    /// - Parameters:
    ///   - reached: when it was last reached at its first address, as far as an earlier process knew.
    ///   - reached6: likewise at its IPv6 address.
    private func noteDescriptor(_ descriptor: RouterDescriptor, reached: WallTime? = nil, reached6: WallTime? = nil) {
        guard descriptor.rsa != settings.ownRelay, settings.rules.testsReachability else { return }
        watch.note(descriptor, reached: reached)
        watch6?.note(descriptor, reached: reached6)
    }

    /// Relays that the last consensus lists at the addresses that they have now were reached there before it: a restart must not drop everybody from
    /// the next one because it comes before their tests, and not those either that have told something new meanwhile.
    private func noteKnownRelays() {
        let last = store.consensus(.ns)
        let listed = Dictionary(last?.entries.filter { $0.flags.contains(.running) }.map { ($0.rsa, $0) } ?? [], uniquingKeysWith: { first, _ in first })
        for descriptor in store.descriptors {
            let entry = listed[descriptor.rsa]
            let isThere = entry.map { SocketAddress(ip: $0.address, port: $0.orPort) } == descriptor.address4
            let isThere6 = descriptor.ipv6.map { entry?.otherAddresses.contains($0) ?? false } ?? false
            noteDescriptor(descriptor, reached: isThere ? last?.validAfter : nil, reached6: isThere6 ? last?.validAfter : nil)
        }
    }
}

// MARK: - Rounds

extension Authority {
    /// When the round under way becomes valid.
    var validAfter: WallTime { rounds.schedule.validAfter }
    var now: WallTime { loop.wall }

    private func beginRound() {
        rounds.begin(.next(after: loop.wall, times: settings.times, live: liveIntervals))
        beginSharedRandom()
        wait()
    }

    private var liveIntervals: VotingIntervals? {
        guard let live = store.consensus(.ns), live.validAfter <= loop.wall, live.isValid(at: loop.wall) else { return nil }
        return VotingIntervals(
            intervalSeconds: live.freshUntil - live.validAfter, voteDelaySeconds: live.voteDelaySeconds, distDelaySeconds: live.distributionDelaySeconds)
    }

    /// The wall clock has whole seconds and may be set: short waits near the step, never long ones.
    private func wait() {
        let seconds = rounds.deadline - loop.wall - 1
        let span = seconds <= 0 ? Self.shortestWait : min(Self.longestWait, .seconds(seconds))
        timer = loop.after(span) { [weak self] in self?.turn() }
    }

    private func turn() {
        while let step = rounds.step(now: loop.wall) { act(step) }
        if rounds.isOver(now: loop.wall) { beginRound() } else { wait() }
    }

    private func act(_ step: VotingRounds.Step) {
        switch step {
        case .vote: castVote()
        case .fetchMissingVotes: fetchVotes()
        case .computeConsensus: compute()
        case .fetchMissingSignatures: peers.fetchSignatures { [weak self] text in _ = self?.room.receive(signatures: text) }
        case .publish: publish()
        }
    }

    private func castVote() {
        gate.rulings = .load("\(settings.dataFolder)/approved-routers")
        tidy()
        let opinion = opinion()
        store.put(opinion.microdescriptors, now: loop.wall)
        guard let signed = room.cast(vote(opinion)) else { return }
        log.info("Voted about \(opinion.entries.count) relays for \(validAfter)")
        peers.send(vote: signed.text)
    }

    private func fetchVotes() {
        peers.fetchVotes(of: room.missingVoters) { [weak self] text in
            guard let reason = self?.receive(vote: text) else { return }
            self?.log.info("A fetched vote is not taken: \(reason)")
        }
    }

    /// Takes another authority's vote, and its certificate for the clients who will need it; the reason when it does not.
    func receive(vote text: [UInt8]) -> String? {
        if let reason = room.receive(vote: text, validAfter: validAfter, now: loop.wall) { return reason }
        store.put(room.votes.values.map(\.certificate))
        for (voter, vote) in room.votes { sharedRandom?.receive(vote.vote.sharedRandom, of: voter) }
        return nil
    }

    private func compute() {
        guard room.compute(isSharedRandomFresh: sharedRandom?.isFresh ?? false), let detached = room.detached else { return }
        peers.send(signatures: detached.text)
    }

    private func publish() {
        let consensuses = room.finish()
        guard !consensuses.isEmpty else { return log.warning("No consensus for \(validAfter): too few votes or signatures") }
        for consensus in consensuses { store.put(consensus, now: loop.wall) }
        if let consensus = consensuses.first { sharedRandom?.adopt(consensus) }
        let count = consensuses.first { $0.flavour == .ns }?.entries.count ?? 0
        if hasPublished { log.info("Published the consensus of \(validAfter) with \(count) relays") } else {
            log.notice("Published the first consensus, of \(validAfter), with \(count) relays")
        }
        hasPublished = true
    }
}

// MARK: - Votes

extension Authority {
    private func opinion() -> Opinion {
        let now = loop.wall
        let rules = rules
        let relays = store.descriptors.map { descriptor in
            var facts = facts(of: descriptor)
            histories.sample(descriptor.rsa, isUp: rules.isRunning(facts, now: now), now: now)
            facts.history = histories.history(of: descriptor.rsa)
            return Opinion.Relay(descriptor: descriptor, facts: facts)
        }
        return Opinion(relays, rules: rules, now: now)
    }

    private func facts(of descriptor: RouterDescriptor) -> RelayFacts {
        var facts = RelayFacts(descriptor, allowsPrivate: settings.allowsPrivateAddresses)
        facts.isOurselves = descriptor.rsa == settings.ownRelay
        facts.isAuthority = facts.isOurselves || settings.authorities.contains { $0.relay == descriptor.rsa }
        facts.lastReachable = watch.lastReachable(descriptor.rsa)
        if let watch6, let ipv6 = descriptor.ipv6 { (facts.lastReachable, facts.ipv6) = both(facts.lastReachable, watch6.lastReachable(descriptor.rsa), ipv6) }
        let rulings = gate.rulings.rulings(about: descriptor.rsa, descriptor.ed25519)
        facts.isInvalid = rulings.contains(.invalid)
        facts.isBadExit = rulings.contains(.badExit)
        facts.isMiddleOnly = rulings.contains(.middleOnly)
        for (ruling, flag) in [(RelayRulings.Ruling.stripGuard, RelayFlags.guard), (.stripHSDir, .hsDir), (.stripV2Dir, .v2Dir)] where rulings.contains(ruling) {
            facts.withheld.insert(flag)
        }
        return facts
    }

    /// A relay that tells two addresses must be reached at both; the second is told to others once it was.
    private func both(_ four: WallTime?, _ six: WallTime?, _ address: SocketAddress) -> (WallTime?, SocketAddress?) {
        guard let six else { return (nil, nil) }
        return (four.map { min($0, six) }, address)
    }

    /// An authority whose operator rules about bad exits votes about them.
    private var rules: FlagRules {
        var rules = settings.rules
        rules.listsBadExits = rules.listsBadExits || gate.rulings.kinds.contains(.badExit)
        rules.listsMiddleOnly = rules.listsMiddleOnly || gate.rulings.kinds.contains(.middleOnly)
        return rules
    }

    private func vote(_ opinion: Opinion) -> Vote {
        let source = AuthoritySource(
            nickname: settings.nickname, identity: keys.identity, address: settings.address, directoryPort: settings.directoryPort, orPort: settings.orPort)
        var vote = Vote(
            published: loop.wall, validAfter: validAfter, times: settings.times, knownFlags: rules.knownFlags.sortedNames, source: source,
            certificate: keys.certificate.text)
        vote.clientVersions = settings.clientVersions
        vote.serverVersions = settings.serverVersions
        vote.protocols = settings.protocols
        vote.flagThresholds = opinion.thresholds.line
        vote.parameters = parameters
        vote.contact = settings.contact
        vote.entries = opinion.entries
        if let sharedRandom { vote.sharedRandom = sharedRandom.opinion }
        return vote
    }

    /// Sorted, and of a name that is given twice the later value: votes with a name twice are malformed.
    private var parameters: [ConsensusParameter] {
        Dictionary(settings.parameters.map { ($0.name, $0) }) { $1 }.values.sorted { "\($0)".utf8.lexicographicallyPrecedes("\($1)".utf8) }
    }

    /// Drops relays that have ended, have not published for long, or are rejected.
    private func tidy() {
        let now = loop.wall
        store.removeDescriptors { descriptor in
            gate.rulings.rulings(about: descriptor.rsa, descriptor.ed25519).contains(.reject) || now - descriptor.published > Self.descriptorLimitSeconds || descriptor.expires.map { $0 <= now } ?? false
        }
        watch.keep { store.descriptor(of: $0) != nil }
        watch6?.keep { store.descriptor(of: $0) != nil }
        histories.keep { store.descriptor(of: $0) != nil }
    }
}

// MARK: - Shared randomness

extension Authority {
    private var sharedRandomPath: String { "\(settings.dataFolder)/sr-state" }

    /// Takes up the run that an earlier process was in, so that what it committed to is revealed.
    private func resumeSharedRandom() {
        var run = SharedRandomRun(own: keys.identity, authorities: settings.authorities.map(\.identity))
        if let text = try? Files.readText(sharedRandomPath) {
            run.resume(text, now: rounds.schedule.validAfter, intervalSeconds: liveIntervals?.intervalSeconds ?? rounds.schedule.intervalSeconds)
        }
        if let consensus = store.consensus(.ns), consensus.isValid(at: loop.wall) { run.adopt(consensus) }
        sharedRandom = run
    }

    private func beginSharedRandom() {
        guard sharedRandom != nil else { return }
        sharedRandom?.begin(validAfter: validAfter, intervalSeconds: rounds.schedule.intervalSeconds) { SecureRandom.bytes(32) }
        do throws(FileError) {
            try Files.replace(sharedRandomPath, with: sharedRandom?.stateText ?? "")
        } catch { log.warning("Cannot keep the state of shared randomness: \(error)") }
    }
}

internal import Ambience
internal import ControlProtocol
internal import Directory
internal import DirectoryService
internal import Limits
internal import Logging
internal import Loops
internal import Onion
internal import Paths
internal import Relaying
internal import Sealing
internal import Torrc

/// A node's life as a relay: its keys, links, policy and descriptor.
final class RelayRole {
    private let loop: EventLoop
    private let router: OnionRouter
    private let store: DirectoryStore
    private let log = Logger(label: "relay")
    private(set) var content: RelayContent
    private let started: WallTime
    let records: RelayRecords
    private var linksSince: WallTime?
    /// Relays of the newest consensus; `nil` before there is one.
    private var known: KnownRelays?
    /// Which consensus the doors that exit streams may not enter are from.
    private var doorsOf: WallTime?
    private var probes: NameProbes?
    let paths: SelfPaths
    private let selfTests: SelfTests
    let keys: KeyRing
    let publisher: DescriptorPublisher
    var life: LifeSpan?
    /// Lines about pluggable transports for the extra-info document.
    var transportLines: () -> [String] = { [] }
    /// Our key on the exchange, for the descriptor.
    var marketKey: () -> [UInt8]? = { nil }
    /// What we are on the mix, likewise.
    var mixLine: () -> MixLine? = { nil }
    /// Told of what the relay finds out about itself.
    var onEvent: (RelayEvent) -> Void = { _ in } {
        didSet {
            publisher.onEvent = onEvent
            selfTests.onEvent = onEvent
        }
    }
    /// The quota is used up, or nearly.
    var isHibernating = false {
        didSet { if isHibernating != oldValue { publisher.change() } }
    }
    /// No new circuits are wanted: the descriptor says `hibernating 1`.
    var isDraining = false {
        didSet { if isDraining != oldValue { publisher.change() } }
    }

    init(loop: EventLoop, router: OnionRouter, store: DirectoryStore, keys: KeyRing, publisher: DescriptorPublisher, content: RelayContent, life: LifeSpan?, records: RelayRecords) {
        self.loop = loop
        self.router = router
        self.store = store
        self.keys = keys
        self.publisher = publisher
        self.content = content
        self.life = life
        started = loop.wall
        self.records = records
        paths = SelfPaths(router: router, store: store)
        selfTests = SelfTests(router: router, paths: paths, address: content.address, isTestingNetwork: content.configuration.general.isTestingNetwork)
        selfTests.follow(content.configuration)
        publisher.content = { [unowned self] in descriptorContent() }
        if isBridge { publisher.route = { [unowned self] in route(to: $0) } }
        store.observe { [weak self] _ in self?.noteConsensus() }
        noteConsensus()
        renewLinks()
        applyPolicy()
    }

    /// New options after a reload; ports and keys stay.
    func adopt(_ configuration: NodeConfiguration) {
        content = RelayContent(configuration: configuration, address: content.address)
        selfTests.follow(configuration)
        applyPolicy()
        rereadKeys()
        applyLimits(newestConsensus)
        publisher.change()
    }

    private func rereadKeys() {
        do throws(NodeFailure) {
            if try keys.reread(now: loop.wall, families: content.configuration.relay.families) { renewLinks() }
        } catch { log.error("\(error); the old keys stay") }
    }

    /// Once a second: keys, links, bandwidth, reachability, publication.
    func look() {
        records.note(router.totals, content.configuration, at: loop.wall)
        renewKeys()
        let own = HopTarget(rsa: keys.rsaIdentity, ed25519: keys.ed25519Identity, addresses: [], ntorKey: keys.ntor.publicKey)
        if selfTests.look(own, observed: records.observed, rate: content.rates.rate) { publisher.change() }
        let isListed = isBridge ? nil : known.map { $0.contains(keys.rsaIdentity) }
        publisher.look(
            keys: keys.descriptorKeys, isListed: isListed, observed: observed,
            mayUpload: selfTests.isReachable && content.configuration.relay.isPublishing)
    }

    private var observed: UInt64 { content.observed(records.observed, isMeasured: selfTests.isMeasured) }

    private var isBridge: Bool { content.configuration.bridge.isBridge }

    /// Whether the newest consensus lists us. No consensus lists a bridge.
    var hasJoined: Bool { known.map { isBridge || $0.contains(keys.rsaIdentity) } ?? false }

    /// What we would publish now; it is not kept.
    func freshDescriptors() throws(ControlRefusal) -> (descriptor: RouterDescriptor, extraInfo: ExtraInfo) {
        do throws(DocumentError) {
            return try RouterDescriptor.make(descriptorContent(), keys: keys.descriptorKeys)
        } catch { throw ControlRefusal(551, "Cannot make a descriptor: \(error)") }
    }

    private func descriptorContent() -> DescriptorContent {
        var said = content.descriptor(at: loop.wall, upSince: started, observed: observed, isHibernating: isDraining || isHibernating, life: life)
        said.market = marketKey()
        said.mix = mixLine()
        if said.mix != nil { said.protocols.insert(PathNeed.mixProtocol, PathNeed.mixVersion) }
        if probes?.isBroken == true { said.policy = .rejectAll }
        if !selfTests.isReachableOverIPv6 { said.ipv6 = nil }
        said.ntorKeyLifetimeSeconds = onionKeyLives.rotationSeconds
        if let consensus = store.consensus(.microdesc), consensus.param("publish-family-list", default: 1) == 0 { said.family = [] }
        let options = content.configuration.operating
        said.statistics += records.lines(at: loop.wall, content.configuration) + transportLines()
        said.overload = records.overloadLine(at: loop.wall, options)
        return said
    }

    // MARK: Bridges

    /// A bridge tells its authority of itself over other relays, which do not learn that it is one.
    private func route(to authority: DirectorySource) -> [HopTarget]? {
        store.consensus(.microdesc)?.entries.first { $0.rsa == authority.rsa }.flatMap { HopTarget($0, store) }.flatMap(paths.path)
    }

    // MARK: Policy

    private func applyPolicy() {
        let relay = content.configuration.relay
        let policy = content.policy
        var rules = router.policy
        rules.isExit = !policy.isRejectAll
        rules.isExitAllowed = { policy.allows($0, $1) }
        rules.isIPv6Exit = !policy.isRejectAll(isIPv4: false)
        rules.isExtendAllowed = { relay.isExtendToPrivateAllowed || !$0.ip.isPrivate }
        rules.isRelayKnown = knowledge()
        rules.ownAddresses = content.address.all
        rules.counted = CountedThings(content.configuration)
        rules.services = ServicePolicy(store.consensus(.microdesc) ?? store.consensus(.ns), content.configuration.services)
        router.policy = rules
        applyHandshakeWait(store.consensus(.microdesc) ?? store.consensus(.ns))
        beginProbing()
    }

    /// An exit finds out whether its name server lies.
    private func beginProbing() {
        guard router.policy.isExit, probes == nil else { return }
        let options = content.configuration.exit
        if !router.names.isConfigured { log.warning("No name server is configured (\(router.settings.resolver.resolvConf)): 127.0.0.1 is asked") }
        guard options.isHijackingDetected else { return }
        probes = NameProbes(router: router, sites: options.testSites)
        probes?.onChange = { [weak self] in self?.namesChanged() }
    }

    private func namesChanged() {
        publisher.change()
        if probes?.isBroken == true { onEvent(.namesAreHijacked) }
    }

    /// RefuseUnknownExits: exit streams only from relays that the consensus lists.
    private func knowledge() -> @Sendable (LinkPeer, WallTime) -> Bool {
        let consensus = store.consensus(.microdesc) ?? store.consensus(.ns)
        switch content.configuration.relay.refuseUnknownExits {
        case .no: return { _, _ in true }
        case .automatic where consensus?.param("refuseunknownexits", default: 1) == 0: return { _, _ in true }
        case .yes, .automatic: return { [known] peer, now in peer.isAuthenticated && peer.rsa.map { known?.admits($0, at: now) == true } ?? false }
        }
    }

    private var newestConsensus: Consensus? {
        [store.consensus(.ns), store.consensus(.microdesc)].compactMap(\.self).max { $0.validAfter < $1.validAfter }
    }

    private func noteConsensus() {
        guard let consensus = newestConsensus else { return applyLimits(nil) }
        if consensus.validAfter != known?.validAfter { known = KnownRelays(consensus) }
        if consensus.validAfter != doorsOf { closeDoors(consensus) }
        router.policy.patience = NamePatience(
            attempts: consensus.param("exit_dns_num_attempts", default: 2, in: 0...255),
            timeoutMilliseconds: consensus.param("exit_dns_timeout", default: 1000, in: 1...120_000))
        router.policy.flow = FlowParameters(consensus)
        records.follow(consensus)
        router.policy.relayAddresses = Set(consensus.entries.lazy.map(\.socketAddress.ip))
        applyLimits(consensus)
        router.policy.isRelayKnown = knowledge()
        router.policy.padding.follow(consensus)
        router.policy.services = ServicePolicy(consensus, content.configuration.services)
        applyHandshakeWait(consensus)
    }

    /// How long an onion skin may wait: MaxOnionQueueDelay, else what the consensus says, and never longer than its cutoff.
    private func applyHandshakeWait(_ consensus: Consensus?) {
        let asked = content.configuration.relay.maxOnionQueueDelay
        let delay = asked > .seconds(0) ? asked : .milliseconds(Int64(max(1, consensus?.param("MaxOnionQueueDelay", default: 1750) ?? 1750)))
        let cutoff = Instant.Span.seconds(Int64(max(0, consensus?.param("onion_queue_wait_cutoff", default: 5) ?? 5)))
        router.handshakes?.drop(after: min(delay, cutoff))
    }

    /// What the consensus and the operator say about queues and about clients that ask for too much.
    private func applyLimits(_ consensus: Consensus?) {
        let limits = content.configuration.limits
        let said: QueueParameters.Lookup = { consensus?.param($0, default: $1, in: $2) ?? $1 }
        router.policy.queues = QueueParameters(halfLife: limits.circuitPriorityHalfLife, said)
        router.policy.denial = DenialParameters(overrides: limits.denial, said)
        router.policy.bandwidth = BandwidthPolicy(content.configuration, said)
        router.settings.memory.use(limitBytes: limits.memoryLimitBytes)
    }

    /// No exit stream leads back into the network unless the authorities allow it.
    private func closeDoors(_ consensus: Consensus) {
        doorsOf = consensus.validAfter
        guard consensus.param("allow-network-reentry", default: 0) == 0 else { return router.policy.isReentry = { _, _ in false } }
        let doors = NetworkDoors(consensus, authorities: content.configuration.general.authorities)
        router.policy.isReentry = { doors.contains($0, $1) }
    }

    // MARK: Keys and links

    private var onionKeyLives: OnionKeyLives {
        guard let consensus = store.consensus(.microdesc) ?? store.consensus(.ns) else { return .usual }
        return OnionKeyLives(
            rotationDays: consensus.param("onion-key-rotation-days", default: 28), graceDays: consensus.param("onion-key-grace-period-days", default: 7))
    }

    private func renewKeys() {
        do throws(NodeFailure) {
            let lives = onionKeyLives
            if let warning = keys.warning(now: loop.wall) { log.warning("\(warning)") }
            if try keys.renew(now: loop.wall, onionKeys: lives) {
                log.notice("Renewed onion or signing keys")
                renewLinks()
                publisher.change()
            } else if let linksSince, loop.wall - linksSince >= LinkIdentity.renewalSeconds || loop.wall < linksSince {
                renewLinks()
            } else if router.policy.onionKeys.count != keys.ntorKeys.count {
                router.policy.onionKeys = keys.ntorKeys
            }
        } catch { log.error("Cannot renew keys: \(error)") }
    }

    /// A fresh TLS certificate and the certificates that bind it to our identities; existing links keep theirs.
    private func renewLinks() {
        let now = loop.wall
        let lifeSeconds = content.configuration.relay.linkCertificateLifetime.inMilliseconds / 1000
        let tls = TLSContext(notBefore: (now - 86400).secondsSinceEpoch, notAfter: (now + max(lifeSeconds, 2 * LinkIdentity.renewalSeconds)).secondsSinceEpoch)
        let identity = LinkIdentity(
            rsaIdentity: keys.identity, ed25519Identity: keys.ed25519Identity, signingKey: keys.signing, signingCertificate: keys.signingCertificate,
            tlsCertificate: tls.certificate, now: now)
        router.policy.useLink(tls: tls, identity: identity)
        router.policy.onionKeys = keys.ntorKeys
        linksSince = now
    }
}

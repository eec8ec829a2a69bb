package import Ambience
internal import Authority
internal import Client
internal import ControlProtocol
internal import Directory
internal import DirectoryService
internal import Glibc
internal import Limits
internal import Logging
package import Loops
internal import Relaying
internal import Sealing
package import Torrc

/// A mote's way through its life: prepared (folder, keys, sockets), running (roles of its torrc), draining, gone.
///
/// 1. `init` reads keys and checks that the life is not over; nothing is heard or said yet.
/// 2. `run` binds the ports, starts the roles, and enters the loop, in which a look each second moves everything that is due.
/// 3. SIGTERM, SIGINT or the drain window set the phase; expiry, an empty drained node or a second signal end the loop.
package final class Node {
    private enum Phase: Equatable {
        case running
        /// Told to stop: over when the last circuit is gone, at the latest at this instant.
        case stopping(by: Instant)
    }

    private static let lookInterval = Instant.Span.seconds(1)
    private static let stopLookInterval = Instant.Span.milliseconds(100)
    private static let statusInterval = Instant.Span.seconds(2)
    /// How long a stopping node without circuits waits for its last descriptor to be taken.
    private static let farewellTime = Instant.Span.seconds(2)

    /// The node's own; what is made on it runs with the node.
    package let loop = EventLoop()
    private let log = Logger(label: "node")
    private let directory: DataDirectory
    private let source: TorrcSource
    private let logs: LogOutlets
    private var reading: Torrc.Reading
    private var configuration: NodeConfiguration { reading.configuration }
    private var life: LifeSpan?
    private let started: WallTime
    private var phase = Phase.running
    private let router: OnionRouter
    private let documents: DirectoryRole
    private let keys: KeyRing?
    private var relay: RelayRole?
    private var transports: ServerTransports?
    /// `nil` without MoteMarket.
    private var market: MarketRole?
    /// `nil` without MoteMail.
    private var mail: MailRole?
    private var mailServices: MailServices?
    private var authority: Authority?
    private var client: Client?
    /// `nil` without AccountingMax.
    private var accounting: AccountingRole?
    private var control: ControlRole?
    private let status: StatusFile
    private let manager = ServiceManager()
    private var heartbeat: Loops.Timer?
    private var isOver = false

    /// - Parameters:
    ///   - home: the data directory when the torrc names none.
    ///   - source: reads the torrc again, for SIGHUP and controllers.
    ///   - logs: where log lines go.
    package init(_ reading: Torrc.Reading, home: String, source: TorrcSource, logs: LogOutlets) throws(NodeFailure) {
        let configuration = reading.configuration
        self.reading = reading
        self.source = source
        self.logs = logs
        started = loop.wall
        guard !configuration.isClient || !configuration.general.authorities.isEmpty else {
            throw NodeFailure(.configuration, "DirAuthority: a client needs at least one such line, for no network is built in")
        }
        directory = try DataDirectory(path: configuration.general.dataDirectory ?? home, keys: configuration.general.keyDirectory)
        try directory.hold()
        life = try LifeRecord(directory).life(configuration.mote, at: loop.wall, loop.now)
        var settings = RouterSettings()
        settings.isBridge = configuration.bridge.isBridge
        settings.memory.use(limitBytes: configuration.limits.memoryLimitBytes)
        settings.adopt(configuration)
        router = OnionRouter(loop: loop, tls: TLSContext(), settings: settings)
        router.policy.padding.adopt(configuration.padding)
        keys = configuration.isRelay ? try KeyRing(directory, now: loop.wall, policy: KeyPolicy(configuration.relay)) : nil
        documents = DirectoryRole(loop: loop, router: router, configuration: configuration, directory: directory, own: keys?.rsaIdentity)
        status = StatusFile(path: directory.file("mote-status"))
    }

    /// Runs to the end of the node; the exit status of the process.
    ///
    /// - Parameter surroundings: the process as the torrc wants it.
    package func run(in surroundings: Surroundings? = nil) throws(NodeFailure) -> Int32 {
        log.notice("\(ProductVersion.line) running on \(directory.path)")
        try raiseOpenFiles()
        catchSignals()
        documents.load()
        let control = makeControl()
        self.control = control
        if let keys { try startRelay(keys, in: surroundings) }
        if configuration.isClient { try startClient() }
        followAccounting()
        try control.start()
        documents.start()
        try writePid()
        loop.every(Self.lookInterval) { [unowned self] in look() }
        loop.every(Self.statusInterval) { [unowned self] in writeStatus() }
        loop.soon { [unowned self] in look() }
        followLife()
        followHeartbeat()
        try surroundings?.settle()
        manager.ready(loop)
        loop.run()
        return depart()
    }

    // MARK: Roles

    private func startRelay(_ keys: KeyRing, in surroundings: Surroundings?) throws(NodeFailure) {
        let processors = configuration.relay.processors ?? RelayLoops.processors
        router.spread(over: RelayLoops(count: processors, main: loop.mailbox, handshakeThreads: processors))
        let ports = NodePorts(loop: loop, router: router, directory: documents.port)
        let open = { [configuration] () throws(NodeFailure) in try ports.open(configuration.relay) }
        let address = if let surroundings { try surroundings.bind(open) } else { try open() }
        control?.openPorts = ports.bound
        let content = RelayContent(configuration: configuration, address: address)
        try Fingerprints.write(keys, nickname: content.nickname, to: directory)
        let publisher = DescriptorPublisher(
            loop: loop, tunnels: documents.tunnels, authorities: configuration.bridge.isBridge ? documents.bridgeAuthorities : documents.sources, isTesting: configuration.general.isTestingNetwork)
        let records = RelayRecords(router: router, server: documents.server, state: StateFile(path: directory.file("state")), at: loop.wall)
        let role = RelayRole(
            loop: loop, router: router, store: documents.store, keys: keys, publisher: publisher, content: content, life: life, records: records)
        relay = role
        role.onEvent = { [weak control] in control?.relayDid($0) }
        guard configuration.exit.isBrokenConfigurationAllowed || !router.policy.isExit || router.names.isConfigured else {
            throw NodeFailure(.configuration, "ServerDNSAllowBrokenConfig 0: \(router.settings.resolver.resolvConf) names no server that an exit could ask")
        }
        documents.serve(for: role)
        if configuration.authority.isAuthoritative { try startAuthority(role, address) }
        try startTransports(role, address)
        startMarket(role)
        try startMail(role, keys)
        log.notice("Your relay's identity key fingerprint is '\(content.nickname) \(keys.rsaIdentity)'")
        log.notice("Your relay's identity ed25519 key fingerprint is '\(content.nickname) \(keys.ed25519Identity)'")
        if configuration.bridge.isBridge { introduceBridge(keys, content) }
    }

    private func raiseOpenFiles() throws(NodeFailure) {
        let count = ProcessHardening.raiseOpenFiles()
        log.info("Up to \(count) files may be open")
        guard count >= UInt64(configuration.exit.connectionLimit) else {
            throw NodeFailure(.system, "ConnLimit: only \(count) files may be open, \(configuration.exit.connectionLimit) are needed: raise the limit (ulimit -n) or lower ConnLimit")
        }
    }

    private func introduceBridge(_ keys: KeyRing, _ content: RelayContent) {
        let hashed = Fingerprints.hashed(keys)
        log.notice("Your Tor bridge's hashed identity key fingerprint is '\(content.nickname) \(hashed)'")
        log.notice("Without a pluggable transport clients use this bridge by: Bridge \(content.address.ip):\(content.address.orPort) \(keys.rsaIdentity)")
        if configuration.relay.isPublishing { log.notice("You can check the status of your bridge relay at https://bridges.torproject.org/status?id=\(hashed)") }
    }

    private func startTransports(_ role: RelayRole, _ address: OwnAddress) throws(NodeFailure) {
        let options = configuration.bridge
        guard let orPort = address.local, !options.plugins.isEmpty || !options.extORPorts.isEmpty else { return }
        let transports = try ServerTransports(
            loop: loop, router: router, options: options, directory: directory, orPort: orPort, ownAddresses: address.all, fingerprint: "\(role.keys.rsaIdentity)",
            outbound: configuration.exit.outboundTransport + configuration.exit.outbound)
        transports.onChange = { [weak role] in role?.publisher.change() }
        role.transportLines = { [weak transports] in transports?.extraInfoLines ?? [] }
        transports.onLaunch = { [weak control] in control?.transportLaunched($0) }
        control?.openPorts.extended = transports.extendedAddress
        self.transports = transports
    }

    private func startMarket(_ role: RelayRole) {
        guard let folder = configuration.mote.marketFolder else { return }
        let market = MarketRole(folder: folder, router: router)
        role.marketKey = { [weak market] in market?.key }
        market.onChange = { [weak role] in role?.publisher.change() }
        market.look(at: loop.wall)
        self.market = market
    }

    private func startMail(_ role: RelayRole, _ keys: KeyRing) throws(NodeFailure) {
        guard configuration.mail.isMixing else { return }
        let mail = try MailRole(loop: loop, options: configuration.mail, drainWindow: configuration.mote.drainWindow, directory: directory, identity: keys, documents: documents, paths: role.paths)
        mail.ends = { [unowned self] in life?.expires }
        role.mixLine = { [weak mail] in mail?.line }
        self.mail = mail
        mailServices = try MailServices(
            mail, store: documents.store, server: documents.server, own: keys.rsaIdentity, allowsPrivate: configuration.general.isTestingNetwork,
            resolvConf: configuration.relay.resolvConfFile ?? "/etc/resolv.conf")
    }

    private func startAuthority(_ role: RelayRole, _ address: OwnAddress) throws(NodeFailure) {
        do throws(AuthorityFailure) {
            let keys = try AuthorityKeys.load(keysFolder: directory.keys, now: loop.wall)
            if !documents.store.authorities.contains(keys.identity) { log.warning("No DirAuthority line has our v3ident \(keys.identity): nobody will believe our consensus") }
            let settings = AuthoritySettings(configuration, folder: directory.path, address: address, own: role.keys.rsaIdentity)
            let authority = try Authority(
                loop: loop, router: router, store: documents.store, server: documents.server, tunnels: documents.sources.isEmpty ? nil : documents.tunnels,
                keys: keys, settings: settings)
            authority.start()
            role.publisher.onDescriptor = { [weak authority] in _ = authority?.submit($0.text + $1.text) }
            self.authority = authority
        } catch { throw NodeFailure(.badData, "\(error)") }
    }

    private func startClient() throws(NodeFailure) {
        let client = Client(
            loop: loop, router: router, store: documents.store, fetcher: documents.fetcher,
            settings: ClientSettings(configuration, stateFile: directory.file("state")))
        client.onEvent = { [weak control] in control?.clientDid($0) }
        do throws(FileError) { try client.start() } catch { throw NodeFailure(error) }
        self.client = client
    }

    private func followAccounting() {
        guard let quota = configuration.limits.quota else {
            accounting?.end()
            return accounting = nil
        }
        if let accounting { return accounting.adopt(quota) }
        let relay = configuration.relay
        accounting = AccountingRole(
            loop: loop, router: router, file: AccountingFile(state: StateFile(path: directory.file("state"))), quota: quota,
            topRate: relay.relayBandwidthRate > 0 ? relay.relayBandwidthRate : relay.bandwidthRate, identity: keys?.rsaIdentity.bytes ?? SecureRandom.bytes(20)
        ) { [unowned self] in hibernate($0) }
    }

    private func hibernate(_ phase: Accounting.Phase) {
        relay?.isHibernating = phase != .awake
        client?.isHibernating = phase != .awake
        documents.port.isClosed = phase != .awake
        control?.hibernates(phase)
    }

    private func look() {
        accounting?.look()
        market?.look(at: loop.wall)
        relay?.look()
        mail?.look(isDraining: relay?.isDraining == true)
        if relay?.hasJoined == true { documents.joined() }
        control?.look()
    }

    // MARK: The end

    /// Drains and ends by its own timers, whatever else happens.
    private func followLife() {
        guard let life else { return }
        switch life.phase(at: loop.wall, loop.now) {
        case .over:
            log.notice("The time of this mote is over (\(life.expires) UTC)")
            isOver = true
            return loop.stop()
        case .draining where relay?.isDraining == false:
            log.notice("Draining: this mote ends at \(life.expires) UTC and takes no new circuits")
            relay?.isDraining = true
            look()
        default: break
        }
        Watchdog.arm(beyond: life.remaining(at: loop.wall, loop.now))
        loop.after(life.nextLook(at: loop.wall, loop.now)) { [unowned self] in followLife() }
    }

    private func catchSignals() {
        for number in [SIGTERM, SIGINT] { loop.onSignal(number) { [unowned self] in askedToStop(number) } }
        let others: [(Int32, ControlSignal)] = [(SIGHUP, .reload), (SIGUSR1, .dump), (SIGUSR2, .debug)]
        for (number, signal) in others {
            loop.onSignal(number) { [unowned self] in
                control?.tellSignal(signal)
                try? obey(signal)
            }
        }
    }

    private func followHeartbeat() {
        heartbeat?.cancel()
        let period = configuration.operating.heartbeatPeriod
        heartbeat = period > .seconds(0) ? loop.every(period) { [unowned self] in control.map { Heartbeat($0.interior).beat() } } : nil
    }

    // MARK: Controllers

    private func makeControl() -> ControlRole {
        let interior = NodeInterior(
            loop: loop, router: router, documents: documents, directory: directory, source: source, started: started, relay: { [unowned self] in relay },
            client: { [unowned self] in client }, accounting: { [unowned self] in accounting }, reading: { [unowned self] in reading },
            adopt: { [unowned self] new throws(ControlRefusal) in try adopt(new) },
            signal: { [unowned self] signal throws(ControlRefusal) in try obey(signal) })
        return ControlRole(interior, logs: logs)
    }

    /// What a controller asks with SIGNAL.
    private func obey(_ signal: ControlSignal) throws(ControlRefusal) {
        switch signal {
        case .reload: reload()
        case .halt: loop.stop()
        case .shutdown: askedToStop(SIGINT)
        case .heartbeat: if let control { Heartbeat(control.interior).beat() }
        case .dump: if let control { Heartbeat(control.interior).dump() }
        case .debug:
            logs.debug()
            log.notice("Going to loglevel debug. Send HUP to change back.")
        default: throw ControlRefusal(551, "SIGNAL \(signal.rawValue) is not supported here")
        }
    }

    private func askedToStop(_ number: Int32) {
        let wait = configuration.general.shutdownWait
        guard phase == .running, relay != nil, wait > .seconds(0) else {
            log.notice("Asked to stop: exiting at once")
            return loop.stop()
        }
        log.notice("Asked to stop: finishing circuits for up to \(wait.inMilliseconds / 1000) seconds; ask again to exit at once")
        phase = .stopping(by: loop.now + wait)
        router.stopListening()
        relay?.isDraining = true
        look()
        let earliest = loop.now + min(wait, Self.farewellTime)
        loop.every(Self.stopLookInterval) { [unowned self] in lookForEnd(notBefore: earliest) }
    }

    private func lookForEnd(notBefore earliest: Instant) {
        guard case .stopping(let deadline) = phase else { return }
        let isIdle = router.totals.relayedCircuits == 0 && mail?.isEmpty != false && mailServices?.isHandedOver != false && (relay?.publisher.isBusy != true || loop.now >= earliest)
        if isIdle || loop.now >= deadline { loop.stop() }
    }

    private func depart() -> Int32 {
        manager.stopping()
        Watchdog.disarm()
        accounting?.save()
        transports?.stop()
        mailServices?.stop()
        mail?.stop()
        authority?.stop()
        if !isOver { relay?.records.save(at: loop.wall) }
        control?.stop()
        client?.stop()
        documents.stop()
        router.closeAll()
        if let path = configuration.general.pidFile { try? Files.remove(path) }
        if isOver { forgetKeys() }
        status.remove()
        log.notice("Clean exit")
        directory.release()
        return 0
    }

    private func forgetKeys() {
        for path in KeyRemains.wipe(directory) { log.warning("Cannot wipe \(path)") }
        do throws(FileError) { try mail?.keys.forget() } catch { log.warning("Cannot forget the keys of mail: \(error)") }
        LifeRecord(directory).forget()
    }

    // MARK: Reload

    private func reload() {
        manager.reloading()
        defer { manager.reloaded() }
        do throws(TorrcError) {
            let new = try source.read(nil)
            for warning in new.warnings { log.warning("\(warning)") }
            do throws(ControlRefusal) {
                try adopt(new)
                log.notice("Read the torrc again")
            } catch { log.warning("The torrc was read again, but nothing was changed: \(error.reason)") }
        } catch { log.error("The torrc cannot be used, the old one stays: \(error)") }
        reopenLogs()
    }

    /// Rotated files are left even when the torrc did not change.
    private func reopenLogs() {
        do throws(NodeFailure) { try logs.open(source.logs(configuration.general.logs), LogStyle(configuration.operating)) } catch { log.error("\(error); the old places stay") }
    }

    /// Makes the new options hold, or says why they cannot.
    private func adopt(_ new: Torrc.Reading) throws(ControlRefusal) {
        if let option = Torrc.firstNeedingRestart(configuration, new.configuration) {
            throw ControlRefusal(553, "Unable to set option: a change of \(option) needs a restart")
        }
        if new.configuration.mote != configuration.mote { adoptLife(new.configuration.mote) }
        let isLogChanged = new.configuration.general.logs != configuration.general.logs
        reading = new
        if isLogChanged { reopenLogs() }
        relay?.life = life
        relay?.adopt(new.configuration)
        router.policy.padding.adopt(new.configuration.padding)
        followHeartbeat()
        followAccounting()
        documents.readFrontPage(new.configuration)
        documents.limitServices(new.configuration.services)
    }

    private func adoptLife(_ options: MoteOptions) {
        let hadTimer = life != nil
        do throws(NodeFailure) {
            life = try LifeRecord(directory).changed(from: configuration.mote, to: options, startedAt: started, now: loop.wall, loop.now)
            if life == nil { Watchdog.disarm() }
            if life != nil, !hadTimer { followLife() }
        } catch { log.error("\(error); the old end stays") }
    }

    // MARK: For a coordinator

    /// How the node is now.
    package var report: NodeReport {
        let totals = router.totals
        return NodeReport(
            bootstrapped: client?.snapshot.bootstrap.percent ?? documents.bootstrapped, isDraining: relay?.isDraining ?? (phase != .running), circuits: totals.circuits,
            streams: Int(clamping: totals.statistics.streamsOpened), bytesRead: Int64(clamping: totals.statistics.bytesRead),
            bytesWritten: Int64(clamping: totals.statistics.bytesWritten), rsaIdentity: keys?.rsaIdentity.bytes ?? [], ed25519Identity: keys?.ed25519Identity.bytes ?? [])
    }

    /// Takes no new circuits, and ends once those it has are finished. Once; a drain that is under way goes on.
    package func drain() { if phase == .running { askedToStop(SIGTERM) } }

    /// Ends now.
    package func stop() { loop.stop() }

    /// Ends earlier than it would have; a later end changes nothing.
    package func end(by expires: WallTime) {
        guard life.map({ expires < $0.expires }) ?? true else { return }
        var options = configuration.mote
        (options.expires, options.lifetime) = (expires, nil)
        let hadTimer = life != nil
        life = LifeSpan(options, startedAt: loop.wall, loop.now)
        relay?.life = life
        relay?.publisher.change()
        if hadTimer { look() } else { followLife() }
    }

    // MARK: For others

    private func writePid() throws(NodeFailure) {
        guard let path = configuration.general.pidFile else { return }
        do throws(FileError) { try Files.replace(path, with: "\(getpid())\n", mode: 0o644) } catch { throw NodeFailure(error) }
    }

    private func writeStatus() {
        let isDraining = relay?.isDraining ?? (phase != .running)
        status.write(.object([
            ("pid", .number(Int64(getpid()))),
            ("started", .text(started.rfc3339)),
            ("expires", life.map { .text($0.expires.rfc3339) } ?? .null),
            ("draining", .bool(isDraining)),
            ("bootstrapped", .number(Int64(client?.snapshot.bootstrap.percent ?? documents.bootstrapped))),
            ("fingerprint", relay.map { .text("\($0.keys.rsaIdentity)") } ?? .null),
            ("circuits", .number(Int64(router.totals.circuits))),
            ("streams", .number(Int64(clamping: router.totals.statistics.streamsOpened))),
            ("circuitsCrossed", .number(Int64(clamping: router.totals.statistics.circuitsCrossed))),
            ("counterGaloisCircuits", .number(Int64(clamping: router.totals.statistics.counterGaloisCircuits))),
            ("confluxLegs", .number(Int64(clamping: router.totals.statistics.confluxLegs))),
            ("confluxLegsMoved", .number(Int64(clamping: router.totals.statistics.confluxLegsMoved))),
            ("confluxSwitches", .number(Int64(clamping: router.totals.statistics.confluxSwitches))),
            ("bytesRead", .number(Int64(clamping: router.totals.statistics.bytesRead))),
            ("bytesWritten", .number(Int64(clamping: router.totals.statistics.bytesWritten))),
            ("directory", documents.status),
            ("mail", mail?.status ?? .null),
            ("clientCircuits", client.map { StatusFile.circuits($0.snapshot) } ?? .null),
        ]))
    }
}

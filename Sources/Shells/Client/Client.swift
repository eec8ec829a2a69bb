package import Ambience
internal import Directory
package import DirectoryService
internal import Logging
package import Loops
internal import Onion
internal import Paths
package import Relaying
internal import Sealing

/// The client: applications' SOCKS requests become streams on circuits of three relays.
///
/// 1. A new consensus or microdescriptor makes a new view of the network; with enough of it, circuits are planned.
/// 2. An application connects to a SocksPort; its `SocksSession` reads the request (`Client+Sessions`).
/// 3. The request becomes a stream of the `CircuitPool`, which decides; `settle` does what it says (`Client+Circuits`).
/// 4. The stream is opened on a circuit; what the exit answers goes back to the application, or the pool tries another circuit.
/// 5. Connected, the application's socket is handed to the stream, and the engine moves its bytes.
package final class Client {
    let loop: EventLoop
    let router: OnionRouter
    let store: DirectoryStore
    let fetcher: DirectoryFetcher
    let settings: ClientSettings
    let log = Logger(label: "client")
    var quietLog: QuietLog
    var random = SecureRandom()
    var pool: CircuitPool
    var circuits: [CircuitKey: OriginCircuit] = [:]
    var sessions: [StreamKey: SocksSession] = [:]
    var lastStream = 0
    private var listeners: [TCPListener] = []
    private var phase: BootstrapPhase?
    private var listings = Listings()
    /// What the consensus says of how many guards to use.
    private var guardsWanted = 1
    private var isSettleDue = false
    private var isNetworkDue = false
    private var timer: Timer?
    private var savedGuards: [String] = []
    /// As controllers were told of them.
    var seenGuards: [GuardEntry] = []
    private var isRunning = false
    private var visits: GateVisits?
    /// The mote at which we are let in, if we have a ticket for one.
    var entrance: RSAIdentity? {
        didSet { pool.retire(notStartingAt: entrance, former: oldValue) }
    }

    /// What happens to circuits and streams, for controllers.
    package var onEvent: (ClientEvent) -> Void = { _ in }
    /// Whether the node saves or has used up its quota: applications' connections are closed, those that there are go on.
    package var isHibernating = false
    /// Called once, when the first circuit is built.
    package var onBootstrapped: () -> Void = {}

    /// The fetcher is the node's; the client takes its progress for the bootstrap lines and tells it which guards to fetch from.
    package init(loop: EventLoop, router: OnionRouter, store: DirectoryStore, fetcher: DirectoryFetcher, settings: ClientSettings) {
        self.loop = loop
        self.router = router
        self.store = store
        self.fetcher = fetcher
        self.settings = settings
        quietLog = QuietLog(log: log)
        pool = CircuitPool(settings: settings.pool, guards: Self.loadGuards(settings, log), now: loop.now)
        savedGuards = pool.guards.lines
    }

    private static func loadGuards(_ settings: ClientSettings, _ log: Logger) -> GuardSample {
        guard let path = settings.stateFile else { return GuardSample() }
        do throws(FileError) {
            return try GuardStateFile(path: path).load()
        } catch {
            log.warning("Cannot read guards: \(error)")
            return GuardSample()
        }
    }

    /// Listens on the SocksPorts and begins to follow the directory. Call it before the fetcher's `start`.
    package func start() throws(FileError) {
        isRunning = true
        report(.starting)
        fetcher.onProgress = { [weak self] in self?.report($0) }
        store.observe { [weak self] _ in self?.directoryChanged() }
        for (index, port) in settings.ports.enumerated() { try listen(port, group: port.sessionGroup ?? -1 - index) }
        directoryChanged()
        if let folder = settings.ticketsFolder { visits = GateVisits(self, folder: folder) }
    }

    private func listen(_ port: SocksPortSettings, group: Int) throws(FileError) {
        let listener = try TCPListener(loop: loop, address: port.address, kind: .socks) { [weak self] fd, peer in
            guard let self, settings.admits(peer.ip) else { return Sockets.close(fd) }
            accept(fd, from: peer.ip, on: port, group: group)
        }
        listeners.append(listener)
        log.notice("Opened Socks listener connection (ready) on \(listener.address)")
    }

    /// Where the SOCKS listeners are, in the order of the settings.
    package var addresses: [SocketAddress] { listeners.map(\.address) }

    /// Takes no new requests; streams that run go on.
    package func stopListening() {
        for listener in listeners { listener.close() }
        listeners = []
    }

    /// Ends everything at once and keeps the guards.
    package func stop() {
        isRunning = false
        stopListening()
        timer?.cancel()
        timer = nil
        visits?.stop()
        saveGuards()
        for session in Array(sessions.values) { session.abort() }
        sessions = [:]
        for circuit in Array(circuits.values) { circuit.close() }
    }

    package var snapshot: ClientSnapshot {
        ClientSnapshot(
            bootstrap: phase ?? .starting, circuits: pool.circuits.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) },
            waitingStreams: pool.streams.values.count { $0.state == .waiting }, connectedStreams: pool.streams.values.count { $0.isConnected })
    }

    var moment: CircuitPool.Moment { CircuitPool.Moment(now: loop.now, wall: loop.wall) }

    // MARK: The directory

    /// Documents come in bursts: they are looked at once per turn.
    private func directoryChanged() {
        guard !isNetworkDue else { return }
        isNetworkDue = true
        loop.soon { [weak self] in
            self?.isNetworkDue = false
            self?.readNetwork()
        }
    }

    /// A view that is not complete enough does not replace one that was: its microdescriptors are still to come.
    private func readNetwork() {
        guard isRunning, let consensus = store.consensus(.microdesc), consensus.isReasonablyLive(at: loop.wall) else { return }
        router.policy.flow = FlowParameters(consensus)
        router.policy.padding.follow(consensus)
        listings.note(consensus)
        let network = PathNetwork(consensus, earlier: listings.earlier) { store.microdescriptor($0) }
        let needed = settings.pathsNeeded ?? Double(consensus.param("min_paths_for_circs_pct", default: 60, in: 25...95)) / 100
        guard network.usableFraction >= needed else { return }
        if !pool.hasNetwork, !network.hasExits { log.notice("The consensus has no exits: nothing outside the network can be reached.") }
        guardsWanted = Int(consensus.param("guard-n-primary-guards-to-use", default: 1, in: 1...10))
        useNetwork(network)
        report(.enoughDirectory)
        settleSoon()
    }

    func useNetwork(_ network: PathNetwork) {
        var policy = settings.paths.entering(at: entrance)
        if policy.numEntryGuards == 0 { policy.numEntryGuards = guardsWanted }
        pool.useNetwork(PathSelector(network: network, policy: policy))
    }

    /// Tells each phase once, as stock does.
    func report(_ next: BootstrapPhase) {
        if let phase, next <= phase { return }
        phase = next
        log.notice("\(next)")
        onEvent(.progressed(next))
        if next == .done { onBootstrapped() }
    }

    // MARK: Deciding and doing

    /// Decisions are made once per turn, after everything that happened in it.
    func settleSoon() {
        guard !isSettleDue, isRunning else { return }
        isSettleDue = true
        loop.soon { [weak self] in
            self?.isSettleDue = false
            self?.settle()
        }
    }

    private func settle() {
        guard isRunning else { return }
        let effects = pool.settle(at: moment, using: &random)
        for effect in effects { perform(effect) }
        if let failure = pool.lastFailure { quietLog.say(.notice, "path", now: loop.now, "Cannot plan a circuit now: \(failure)") }
        if settings.paths.useEntryGuards { followGuards() }
        timer?.cancel()
        timer = loop.after(max(pool.deadline(at: moment) - loop.now, .milliseconds(1))) { [weak self] in self?.settle() }
    }

    /// Guards that serve directories are asked first, so that fewer relays learn of this client.
    private func followGuards() {
        let caches = pool.directoryGuards
        if fetcher.caches != caches { fetcher.caches = caches }
        if pool.guards.lines != savedGuards { saveGuards() }
        tellGuards()
    }

    private func saveGuards() {
        guard let path = settings.stateFile, settings.paths.useEntryGuards else { return }
        savedGuards = pool.guards.lines
        do throws(FileError) {
            try GuardStateFile(path: path).save(pool.guards, wall: loop.wall)
        } catch {
            log.warning("Cannot keep guards: \(error)")
        }
    }
}

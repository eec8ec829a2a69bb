internal import Ambience
internal import Directory
internal import DirectoryService
internal import Logging
internal import Loops
internal import OnionServices
internal import Relaying
internal import Sealing
internal import Torrc

/// The documents of a node: kept, fetched, and served to others if it is a relay.
final class DirectoryRole {
    let store: DirectoryStore
    let server: DirectoryServer
    let port: DirectoryPort
    let fetcher: DirectoryFetcher
    private let loop: EventLoop
    private let router: OnionRouter
    private let configuration: NodeConfiguration
    /// The authorities, without ourselves.
    let sources: [DirectorySource]
    let bridgeAuthorities: [DirectorySource]
    private let log = Logger(label: "directory")
    /// Whether others may fetch from us; a relay that is none keeps only what it needs itself.
    private let isCache: Bool
    /// How far we are, as the log tells it.
    private(set) var phase = BootstrapPhase.starting
    var bootstrapped: Int { phase.percent }

    init(loop: EventLoop, router: OnionRouter, configuration: NodeConfiguration, directory: DataDirectory, own: RSAIdentity?) {
        self.loop = loop
        self.router = router
        self.configuration = configuration
        let others = configuration.general.authorities.filter { $0.rsa != own }
        sources = others.filter { !$0.isBridgeAuthority || $0.v3Identity != nil }.map(DirectorySource.init)
        bridgeAuthorities = others.filter(\.isBridgeAuthority).map(DirectorySource.init)
        let isTesting = configuration.general.isTestingNetwork
        store = DirectoryStore(
            folder: configuration.general.cacheDirectory ?? directory.path, authorities: Set(configuration.general.authorities.compactMap(\.v3Identity)),
            log: Logger(label: "directory"))
        let worker = BackgroundWorker(loop: loop)
        server = DirectoryServer(store: store, press: DocumentPress(worker: worker))
        port = DirectoryPort(loop: loop, server: server)
        isCache = configuration.isRelay && (configuration.relay.isDirectoryCache || configuration.authority.isAuthoritative)
        var settings = isCache ? DirectoryFetcher.Settings.cache(isTesting: isTesting) : .client(isTesting: isTesting)
        settings.wantsExtraInfo = configuration.relay.isExtraInfoWanted
        fetcher = DirectoryFetcher(loop: loop, router: router, store: store, authorities: sources, settings: settings, worker: worker)
    }

    var tunnels: DirectoryTunnels { fetcher.tunnels }

    /// Reads what an earlier run left on disk.
    func load() { store.load(now: loop.wall) }

    /// Begins to fetch. The client, if there is one, tells of the progress; else it is told here.
    func start() {
        if !configuration.isClient { fetcher.onProgress = { [weak self] in self?.progressed($0) } }
        if !sources.isEmpty { fetcher.start() }
    }

    /// The relay is part of the network: it has its documents, and the consensus lists it.
    func joined() { if !configuration.isClient, bootstrapped < BootstrapPhase.done.percent { progressed(.done) } }

    func stop() { fetcher.stop() }

    /// Another bound after a reload; what is over it goes with the next descriptor that comes.
    func limitServices(_ options: ServiceOptions) { server.onionServices?.settings = HSDirCache.Settings(options, router.settings.memory) }

    /// Answers directory requests that come over the relay's links.
    func serve(for relay: RelayRole) {
        server.ownDescriptor = { [weak relay] in relay?.publisher.descriptor }
        server.ownExtraInfo = { [weak relay] in relay?.publisher.extraInfo }
        readFrontPage(configuration)
        port.meter = { [weak router] peer in router.map { DirectoryMeter($0, peer: peer) } }
        guard isCache else { return }
        let memory = router.settings.memory
        let services = OnionServiceDirectory(time: loop, settings: HSDirCache.Settings(configuration.services, memory), memory: memory)
        server.onionServices = services
        router.shrinkCaches = { [weak services] in services?.free($0) ?? 0 }
        router.onDirectoryStream = { [weak self] in self?.port.serve($0) }
        router.onDirectorySocket = { [weak self] fd, isFromRelay, address in
            if let self { port.serve(fd, isAnonymous: isFromRelay, from: address) } else { Sockets.close(fd) }
        }
        router.policy.isDirectory = true
    }

    /// Takes the page for browsers from its file, at the start and after a reload.
    func readFrontPage(_ configuration: NodeConfiguration) {
        guard let path = configuration.relay.frontPageFile else { return server.frontPage = nil }
        do throws(FileError) {
            server.frontPage = try Files.read(path)
        } catch { log.warning("Cannot read the DirPortFrontPage: \(error)") }
    }

    /// What was served and fetched, for the status file.
    var status: JSONText {
        let served = server.statistics
        return .object([
            ("requests", .number(Int64(clamping: served.requests))),
            ("consensuses", .number(Int64(clamping: served.consensuses))),
            ("diffs", .number(Int64(clamping: served.diffs))),
            ("bytesPlain", .number(Int64(clamping: served.bytesPlain))),
            ("bytesSent", .number(Int64(clamping: served.bytesSent))),
            ("consensusesFetched", .number(Int64(clamping: fetcher.wholeCount))),
            ("diffsFetched", .number(Int64(clamping: fetcher.diffCount))),
        ])
    }

    private func progressed(_ phase: BootstrapPhase) {
        guard phase.percent > bootstrapped else { return }
        self.phase = phase
        log.notice("\(phase)")
    }
}

extension DirectorySource {
    /// An authority without an ORPort is reached by nobody; it stays in the list for its v3 identity.
    init(_ line: AuthorityLine) {
        self.init(
            nickname: line.nickname ?? "\(line.rsa)", rsa: line.rsa, addresses: [line.relay, line.ipv6].compactMap(\.self), v3Identity: line.v3Identity ?? line.rsa)
    }
}

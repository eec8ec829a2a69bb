internal import Ambience
internal import Directory
internal import DirectoryService
internal import Logging
internal import Loops
internal import Onion
internal import Relaying
internal import Statistics
internal import Torrc

/// What a relay publishes of its own work beside its descriptor, kept up once a second.
///
/// Histories of bytes are kept over restarts in tor's state file; everything else is forgotten with the process.
final class RelayRecords {
    /// Between two writings of the state file, as in stock.
    private static let saveSeconds: Int64 = 600

    /// The histories in the order of the document, by the keyword there and the name in the state file.
    private enum Kind: Int, CaseIterable {
        case written, read, writtenIPv6, readIPv6, directoryWritten, directoryRead

        var keyword: String {
            ["write-history", "read-history", "ipv6-write-history", "ipv6-read-history", "dirreq-write-history", "dirreq-read-history"][rawValue]
        }
        var name: String { ["Write", "Read", "IPv6Write", "IPv6Read", "DirWrite", "DirRead"][rawValue] }
    }

    private let router: OnionRouter
    private let server: DirectoryServer
    private let state: StateFile
    private let log = Logger(label: "relay")
    private var histories: [TrafficHistory]
    private var saved: WallTime
    private var overload = Overload()
    private var shortages = (descriptors: Sockets.descriptorShortages, ports: Sockets.portShortages)
    private var memoryExhausted: WallTime?
    private var daily: DailyRecords

    init(router: OnionRouter, server: DirectoryServer, state: StateFile, at now: WallTime) {
        self.router = router
        self.server = server
        self.state = state
        saved = now
        daily = DailyRecords(since: now)
        histories = Kind.allCases.map { kind in
            var history = TrafficHistory(since: now)
            history.restore(kind.name, at: now) { state.value($0) }
            return history
        }
        server.onConsensus = { [weak self] in self?.daily.note($0, $1) }
    }

    /// Bytes per second that were both read and written.
    var observed: UInt64 { min(histories[Kind.written.rawValue].observed, histories[Kind.read.rawValue].observed) }

    func note(_ totals: RouterTotals, _ configuration: NodeConfiguration, at now: WallTime) {
        let (done, settings, served) = (totals.statistics, router.settings, server.statistics)
        let bytes = [done.bytesWritten, done.bytesRead, done.bytesWrittenIPv6, done.bytesReadIPv6, served.trafficWritten, served.trafficRead]
        for (index, total) in bytes.enumerated() { histories[index].note(total: total, at: now) }
        overload.note(limitsReached: settings.bandwidth.timesExhausted, at: now)
        overload.note(
            skinsAnswered: done.skinsAnswered[.ntor] + done.skinsAnswered[.ntorV3], dropped: done.skinsDropped[.ntor] + done.skinsDropped[.ntorV3], at: now)
        if Sockets.descriptorShortages != shortages.descriptors { overload.ranOutOfDescriptors(at: now) }
        if Sockets.portShortages != shortages.ports || settings.memory.lastExhausted != memoryExhausted { overload.wasGeneral(at: now) }
        memoryExhausted = settings.memory.lastExhausted
        shortages = (Sockets.descriptorShortages, Sockets.portShortages)
        daily.note(totals, settings, configuration, servicesPublished: { [server] in server.onionServices?.takePublished() ?? 0 }, at: now)
        if now - saved >= Self.saveSeconds || now < saved { save(at: now) }
    }

    /// What the consensus says.
    func follow(_ consensus: Consensus) {
        overload.tolerance.dropped = UInt64(consensus.param("overload_onionskin_ntor_scale_percent", default: 1000, in: 0...100_000))
        overload.tolerance.periodSeconds = Int64(consensus.param("overload_onionskin_ntor_period_secs", default: 6 * 3600, in: 0...Int32.max))
    }

    /// Lines of the extra-info document.
    func lines(at now: WallTime, _ configuration: NodeConfiguration) -> [String] {
        let (options, relay) = (configuration.operating, configuration.relay)
        guard options.tellsStatistics else { return [] }
        let rate = relay.relayBandwidthRate > 0 ? relay.relayBandwidthRate : nil
        let traffic = Kind.allCases.compactMap { histories[$0.rawValue].line($0.keyword, rate: rate) }
        return traffic + daily.lines + (options.tellsOverload ? overload.extraInfoLines(at: now, rate: relay.bandwidthRate, burst: relay.bandwidthBurst) : [])
    }

    /// The line of the descriptor.
    func overloadLine(at now: WallTime, _ options: OperatingOptions) -> String? { options.tellsOverload ? overload.descriptorLine(at: now) : nil }

    /// Keeps the histories for the next start.
    func save(at now: WallTime) {
        saved = now
        do throws(NodeFailure) {
            try state.set(Kind.allCases.flatMap { histories[$0.rawValue].state($0.name) })
        } catch { log.warning("Cannot keep the history of bandwidth: \(error)") }
    }
}

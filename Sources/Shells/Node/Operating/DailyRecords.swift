internal import Ambience
internal import DirectoryService
internal import Onion
internal import Relaying
internal import Sealing
internal import Statistics
internal import Torrc

/// What a relay counts from day to day and publishes when the day is over.
///
/// Addresses and keys are in memory only, and no longer than the day.
struct DailyRecords {
    private var clock: DayClock
    private var clients = ClientCensus()
    private var requests = DirectoryReport()
    private var exits: [UInt16: ExitReport.Traffic] = [:]
    /// As of the beginning of the day.
    private var before = RouterStatistics()
    private var mostPaddedLinks = 0
    private var services: ServiceReport
    private var isCountingRequests = false
    /// Of the last day that is over; of onion services, whose days are others, apart.
    private var lastDay: [String] = []
    private var lastServices: [String] = []

    init(since now: WallTime) {
        clock = DayClock(since: now)
        services = ServiceReport(since: now)
    }

    var lines: [String] { lastDay + lastServices }

    /// A consensus was asked for.
    mutating func note(_ event: DirectoryServer.ConsensusEvent, _ peer: DirectoryServer.Peer) {
        guard isCountingRequests else { return }
        switch event {
        case .answered(let status, let isUnsigned):
            requests.note(Self.outcome(status, isUnsigned), client: peer.isAnonymous ? nil : peer.address)
            if status == 200 { requests.began(isTunnelled: peer.isTunnelled) }
        case .delivered(let bytes, let milliseconds): requests.ended(isTunnelled: peer.isTunnelled, .complete(bytes: bytes, milliseconds: milliseconds))
        case .abandoned: requests.ended(isTunnelled: peer.isTunnelled, .timeout)
        }
    }

    private static func outcome(_ status: Int, _ isUnsigned: Bool) -> DirectoryReport.Outcome {
        switch status {
        case 200: .ok
        case 304: .notModified
        case 404: isUnsigned ? .notEnoughSignatures : .notFound
        case 503: .busy
        default: .unavailable
        }
    }

    mutating func note(_ totals: RouterTotals, _ settings: RouterSettings, _ configuration: NodeConfiguration, servicesPublished: () -> Int, at now: WallTime) {
        let options = configuration.operating
        isCountingRequests = options.tellsStatistics && options.countsDirectoryRequests && configuration.relay.isDirectoryCache
        noteServices(totals.statistics.rendezvousCells, isCounted: options.countsServices, servicesPublished, at: now)
        for arrival in settings.arrivals.take() { clients.note(arrival.address, transport: arrival.transport) }
        mostPaddedLinks = max(mostPaddedLinks, totals.paddedLinks)
        guard let day = clock.over(at: now) else { return }
        lastDay = close(day, totals.statistics, settings, configuration)
        before = totals.statistics
        clients.forget()
        mostPaddedLinks = 0
    }

    private mutating func noteServices(_ cells: UInt64, isCounted: Bool, _ published: () -> Int, at now: WallTime) {
        var random = SecureRandom()
        guard let lines = services.note(cells: cells, takeServices: published, at: now, using: &random) else { return }
        lastServices = isCounted ? lines : []
    }

    private mutating func close(_ day: Day, _ done: RouterStatistics, _ settings: RouterSettings, _ configuration: NodeConfiguration) -> [String] {
        let options = configuration.operating
        var random = SecureRandom()
        var lines: [String] = []
        let asked = requests.close(day)
        let ports = settings.exitTraffic.take().mapValues { ExitReport.Traffic(bytesWritten: $0.bytesWritten, bytesRead: $0.bytesRead, streams: $0.streams) }
        if isCountingRequests { lines += asked }
        if options.countsServices { lines += ServiceReport.obsoleteLines(day, using: &random) }
        if options.countsEntries, !configuration.bridge.isBridge { lines += clients.entryLines(day) }
        if options.countsExitPorts { lines += ExitReport.lines(day, ports) }
        if options.countsLinkDirections {
            lines += LinkReport.lines(day, directions(done, \.linkDirections), ipv6: directions(done, \.linkDirectionsIPv6))
        }
        if options.countsPadding { lines += LinkReport.lines(day, padding(done)) }
        if options.countsBridgeUsers, configuration.bridge.isBridge { lines += clients.bridgeLines(day) }
        return lines
    }

    private func directions(_ done: RouterStatistics, _ counts: KeyPath<RouterStatistics, Counts<LinkDirection>>) -> LinkReport.Directions {
        let (now, then) = (done[keyPath: counts], before[keyPath: counts])
        return LinkReport.Directions(
            below: now[.below] - then[.below], mostlyRead: now[.mostlyRead] - then[.mostlyRead], mostlyWritten: now[.mostlyWritten] - then[.mostlyWritten],
            both: now[.both] - then[.both])
    }

    /// Links carry cells and, but for their handshake, nothing else: how many follows from the bytes.
    private func padding(_ done: RouterStatistics) -> LinkReport.Padding {
        func since(_ count: KeyPath<RouterStatistics, UInt64>) -> UInt64 { done[keyPath: count] - before[keyPath: count] }
        func cells(_ count: KeyPath<RouterStatistics, UInt64>) -> UInt64 { since(count) / UInt64(CellLayout.fixedBytes) }
        var padding = LinkReport.Padding()
        padding.drops = (since(\.dropsSent), since(\.dropsReceived))
        padding.pads = (since(\.linkPaddingSent), since(\.linkPaddingReceived))
        padding.cells = (cells(\.cellBytesWritten), cells(\.cellBytesRead))
        padding.paddedPads = (since(\.linkPaddingSent), since(\.paddedPaddingReceived))
        padding.paddedCells = (cells(\.paddedBytesWritten), cells(\.paddedBytesRead))
        padding.mostPaddedLinks = UInt64(mostPaddedLinks)
        return padding
    }
}

extension CountedThings {
    /// What the operator wants told, and nothing beyond it.
    init(_ configuration: NodeConfiguration) {
        let (options, isBridge) = (configuration.operating, configuration.bridge.isBridge)
        self = []
        guard options.tellsStatistics else { return }
        if isBridge ? options.countsBridgeUsers : options.countsEntries { insert(.clients) }
        if options.countsExitPorts { insert(.exitPorts) }
        if options.countsLinkDirections { insert(.linkDirections) }
    }
}

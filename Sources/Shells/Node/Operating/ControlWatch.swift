internal import Ambience
internal import Client
internal import ControlProtocol
internal import ControlService
internal import Directory
internal import DirectoryService
internal import Limits
internal import Loops
internal import Relaying
internal import Sealing

/// What controllers asked to be told of beyond log lines, circuits and streams. Nothing is kept or compared for events that nobody wants.
final class ControlWatch {
    private unowned let role: ControlRole
    private let server: ControlServer
    /// What the consensus said of each relay, when somebody wants to know of changes.
    private var statuses: [RSAIdentity: Int]?
    private var descriptors: Set<Digest20>?
    private var clock: (wall: WallTime, now: Instant)?
    private var descriptorShortages = Sockets.descriptorShortages
    private var isLive: Bool?
    private var counted: [Int: ClientTraffic] = [:]
    private var isCounting = false

    init(_ role: ControlRole, _ server: ControlServer) {
        self.role = role
        self.server = server
    }

    private var interior: NodeInterior { role.interior }
    private var store: DirectoryStore { interior.documents.store }
    private var info: NodeInfo { NodeInfo(role) }

    /// Somebody wants to know of more or less than before.
    func wants(_ events: Set<ControlEvent>) {
        let tellsLinks = events.contains(.orConn)
        if interior.router.policy.tellsLinks != tellsLinks { interior.router.policy.tellsLinks = tellsLinks }
        statuses = events.contains(.networkStatus) ? statuses ?? info.visibleStatuses : nil
        descriptors = events.contains(.newDescriptors) ? descriptors ?? Set(store.descriptors.map(\.digest)) : nil
        count(tellsTraffic)
    }

    /// Once a second.
    func look() {
        followClock()
        if Sockets.descriptorShortages != descriptorShortages {
            descriptorShortages = Sockets.descriptorShortages
            server.tell(.statusGeneral, "WARN TOO_MANY_CONNECTIONS CURRENT=\(interior.router.totals.channels)")
        }
        let isLive = !interior.links.isEmpty
        if let before = self.isLive, before != isLive { server.tell(.networkLiveness, isLive ? "UP" : "DOWN") }
        self.isLive = isLive
        tellTraffic()
    }

    /// Stock tor takes so many seconds for a jump of the clock.
    private static let jumpSeconds: Int64 = 100

    private func followClock() {
        let moment = (wall: interior.loop.wall, now: interior.loop.now)
        defer { clock = moment }
        guard let clock else { return }
        let jumped = moment.wall - clock.wall - (moment.now - clock.now).inMilliseconds / 1000
        if abs(jumped) >= Self.jumpSeconds { server.tell(.statusGeneral, "WARN CLOCK_JUMPED TIME=\(jumped)") }
    }

    func documentsChanged(_ change: DirectoryStore.Change) {
        switch change {
        case .consensus(let flavour) where flavour == .microdesc || store.consensus(.microdesc) == nil: consensusChanged()
        case .descriptors: descriptorsChanged()
        default: break
        }
    }

    private func consensusChanged() {
        server.tell(.statusClient, "NOTICE CONSENSUS_ARRIVED")
        if let before = statuses {
            let now = info.visibleStatuses
            statuses = now
            let changed = info.statuses { now[$0.rsa] != before[$0.rsa] }
            if !changed.isEmpty { server.tell(.networkStatus, document: changed) }
        }
        server.tell(.newConsensus, document: info.statuses { _ in true })
    }

    private func descriptorsChanged() {
        guard let before = descriptors else { return }
        let now = store.descriptors
        descriptors = Set(now.map(\.digest))
        let new = now.filter { !before.contains($0.digest) }.map { "\(RelayName($0.rsa, nickname: $0.nickname))" }
        if !new.isEmpty { server.tell(.newDescriptors, new.joined(separator: " ")) }
    }

    func linkDid(_ event: LinkEvent) {
        let status: LinkReport.Status = switch event.status {
        case .launched: .launched
        case .new: .new
        case .connected: .connected
        case .failed: .failed
        case .closed: .closed
        }
        var extras = event.reason.map { ["REASON=\($0.controlName)"] } ?? []
        if event.circuits > 0 { extras.append("NCIRCS=\(event.circuits)") }
        extras.append("ID=\(event.link)")
        server.tell(.orConn, LinkReport(peer: info.name(event.identity, event.address), status: status, extras: extras.joined(separator: " ")).line)
    }

    // MARK: Bandwidth

    private var tellsTraffic: Bool { server.isWanted(.circuitBandwidth) || server.isWanted(.streamBandwidth) }

    /// From here on: what was moved before is nobody's news.
    private func count(_ isWanted: Bool) {
        guard isWanted != isCounting else { return }
        isCounting = isWanted
        counted = [:]
        guard isWanted, let client = interior.client() else { return }
        for circuit in client.circuitTraffic { counted[circuit.id] = circuit }
        for stream in client.streamTraffic { counted[-stream.id] = stream }
    }

    private func tellTraffic() {
        guard tellsTraffic, let client = interior.client() else { return }
        let (circuits, streams) = (client.circuitTraffic, client.streamTraffic)
        circuits.forEach(tell(circuit:))
        streams.forEach(tell(stream:))
        counted = counted.filter { number, _ in number > 0 ? client.circuitTraffic(number) != nil : client.streamTraffic(-number) != nil }
    }

    /// What was not told yet of a stream or a circuit that ends now.
    func ends(_ event: ClientEvent) {
        guard tellsTraffic, let client = interior.client() else { return }
        switch event {
        case .streamClosed(let view, _), .streamDetached(let view, _): client.streamTraffic(view.id).map(tell(stream:))
        case .circuitClosed(let view, _, _): client.circuitTraffic(view.id).map(tell(circuit:))
        case .circuitDropped(let id, _): client.circuitTraffic(id).map(tell(circuit:))
        default: break
        }
    }

    private var time: String { role.moment(interior.loop.now) }

    private func tell(circuit traffic: ClientTraffic) {
        guard let moved = traffic.since(counted.updateValue(traffic, forKey: traffic.id)) else { return }
        server.tell(.circuitBandwidth, "ID=\(traffic.id) READ=\(moved.read) WRITTEN=\(moved.written) TIME=\(time) DELIVERED_READ=\(moved.deliveredRead) "
            + "OVERHEAD_READ=\(moved.overheadRead) DELIVERED_WRITTEN=\(moved.deliveredWritten) OVERHEAD_WRITTEN=\(moved.overheadWritten)")
    }

    /// Circuits' and streams' numbers are apart: a stream counts under its negative.
    private func tell(stream traffic: ClientTraffic) {
        guard let moved = traffic.since(counted.updateValue(traffic, forKey: -traffic.id)) else { return }
        server.tell(.streamBandwidth, "\(traffic.id) \(moved.written) \(moved.read) \(time)")
    }
}

extension LinkEvent.Reason {
    /// control-spec.txt 4.1.3.
    var controlName: String {
        switch self {
        case .done: "DONE"
        case .wrongIdentity: "IDENTITY"
        case .connectionRefused: "CONNECTREFUSED"
        case .connectionReset: "CONNECTRESET"
        case .timeout: "TIMEOUT"
        case .noRoute: "NOROUTE"
        case .brokenIO: "IOERROR"
        case .resourceLimit: "RESOURCELIMIT"
        case .misc: "MISC"
        }
    }
}

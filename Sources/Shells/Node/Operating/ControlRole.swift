internal import Ambience
internal import Client
internal import ControlProtocol
internal import ControlService
internal import Directory
internal import DirectoryService
internal import Glibc
internal import Limits
internal import Logging
internal import Loops
internal import Onion
internal import Relaying
internal import Sealing
internal import Torrc
internal import Transports

/// The node as controllers see and steer it: answers what `ControlServer` asks, and tells it what happens.
final class ControlRole: ControlHost {
    /// How many seconds of traffic `bw-event-cache` remembers; stock's number.
    static let bandwidthCacheLimit = 300
    private static let ownerLookInterval = Instant.Span.seconds(15)

    let interior: NodeInterior
    private let logs: LogOutlets
    private(set) var server: ControlServer?
    private(set) var metrics: MetricsServer?
    private(set) var info = InfoTable()
    private let log = Logger(label: "control")
    /// Bytes read and written in each of the last seconds, oldest first.
    private(set) var bandwidths: [(read: UInt64, written: UInt64)] = []
    private var lastTotals: (read: UInt64, written: UInt64) = (0, 0)
    private var lastNewIdentity: Instant?
    private var hasCircuit = false
    private var watch: ControlWatch?
    var openPorts = OpenPorts()

    init(_ interior: NodeInterior, logs: LogOutlets) {
        self.interior = interior
        self.logs = logs
        info = NodeInfo(self).table
        interior.documents.store.observe { [weak self] in self?.documentsChanged($0) }
    }

    private var options: OperatingOptions { interior.reading().configuration.operating }

    // MARK: Starting

    /// Opens the control and metrics ports of the torrc.
    func start() throws(NodeFailure) {
        interior.loop.onTurnEnd { [weak self] in self?.tellLogLines() }
        metrics = try NodeMetrics.serve(interior)
        let options = options
        if let owner = options.owningProcess { follow(owner) }
        guard options.isControlled else { return }
        let server = ControlServer(loop: interior.loop, version: ProductVersion.controlVersion, authentication: try authentication(options), host: self)
        server.onInterest = { [weak self] in self?.interestChanged($0) }
        do throws(FileError) {
            var addresses: [SocketAddress] = []
            for line in options.controlPorts {
                let number: UInt16 = if case .fixed(let fixed) = line.port { fixed } else { 0 }
                addresses.append(try server.listen(on: SocketAddress(ip: line.ip ?? .v4(0x7F00_0001), port: number)))
            }
            for path in options.controlSockets { try server.listen(onPath: path, isGroupWritable: options.areControlSocketsGroupWritable) }
            try writePorts(addresses, options)
        } catch { throw NodeFailure(error) }
        self.server = server
        watch = ControlWatch(self, server)
        interior.router.onLinkEvent = { [weak self] in self?.watch?.linkDid($0) }
    }

    func stop() {
        server?.stop()
        metrics?.stop()
        if let path = options.controlPortFile { try? Files.remove(path) }
    }

    private func authentication(_ options: OperatingOptions) throws(NodeFailure) -> ControlAuthentication {
        guard options.isCookieAuthenticated else { return ControlAuthentication(passwords: options.passwords) }
        let path = options.cookieFile ?? interior.directory.file("control_auth_cookie")
        let cookie = SecureRandom.bytes(ControlAuthentication.cookieBytes)
        do throws(FileError) { try Files.replace(path, with: cookie, mode: options.isCookieGroupReadable ? 0o640 : 0o600) } catch { throw NodeFailure(error) }
        return ControlAuthentication(cookie: cookie, cookiePath: path, passwords: options.passwords)
    }

    private func writePorts(_ addresses: [SocketAddress], _ options: OperatingOptions) throws(FileError) {
        guard let path = options.controlPortFile else { return }
        let lines = addresses.map { "PORT=\($0)\n" } + options.controlSockets.map { "UNIX_PORT=\($0)\n" }
        try Files.replace(path, with: lines.joined(), mode: options.isControlPortFileGroupReadable ? 0o640 : 0o600)
    }

    /// `__OwningControllerProcess`: the node does not outlive it.
    private func follow(_ process: Int) {
        interior.loop.every(Self.ownerLookInterval) { [weak self] in
            guard kill(pid_t(truncatingIfNeeded: process), 0) != 0, errno == ESRCH else { return }
            self?.log.notice("Owning controller process has vanished; exiting")
            self?.ownerLeft()
        }
    }

    func ownerLeft() { try? interior.signal(.halt) }

    // MARK: Configuration

    func configuration(of option: String) -> (name: String, values: [String])? { interior.reading().values(of: option) }

    func configure(_ pairs: [ControlText.Pair]) throws(ControlRefusal) {
        var changes: [(option: String, values: [String])] = []
        for pair in pairs {
            guard let name = Torrc.implementedName(of: pair.key) else { throw unknown(pair.key) }
            let values = pair.value.map { $0.isEmpty ? [] : [$0] } ?? []
            if let index = changes.firstIndex(where: { $0.option == name }) { changes[index].values += values } else { changes.append((name, values)) }
        }
        let new: Torrc.Reading
        do throws(TorrcError) { new = try Torrc.changed(interior.reading(), changes) } catch { throw ControlRefusal(513, "Unacceptable option value: \(error)") }
        try interior.adopt(new)
        tellConfiguration(changes)
    }

    private func unknown(_ option: String) -> ControlRefusal {
        let isStock = interior.reading().values(of: option) != nil
        return isStock ? ControlRefusal(553, "Unable to set option: \(option) is not implemented here") : ControlRefusal(552, "Unrecognized option: Unknown option '\(option)'.  Failing.")
    }

    private func tellConfiguration(_ changes: [(option: String, values: [String])]) {
        server?.tell(.configurationChanged, lines: changes.flatMap { change in change.values.isEmpty ? [change.option] : change.values.map { "\(change.option)=\($0)" } })
    }

    func load(_ text: String) throws(ControlRefusal) {
        let new: Torrc.Reading
        do throws(TorrcError) { new = try interior.source.read(text) } catch { throw ControlRefusal(553, "Unacceptable option value: \(error)") }
        try interior.adopt(new)
    }

    func saveConfiguration(force: Bool) throws(ControlRefusal) {
        guard let path = interior.source.path else { throw ControlRefusal(551, "Unable to write configuration to disk.") }
        do throws(FileError) { try Files.replace(path, with: interior.reading().text, mode: 0o600) } catch { throw ControlRefusal(551, "Unable to write configuration to disk: \(error)") }
    }

    // MARK: Orders

    /// Between two NEWNYM that count; one in between waits for its turn.
    private static let newIdentityPause = Instant.Span.seconds(10)

    func receive(_ signal: ControlSignal) throws(ControlRefusal) {
        switch signal {
        case .newIdentity: newIdentity()
        case .clearDNSCache, .active: break
        case .dormant: throw ControlRefusal(551, "A node here is never dormant")
        default: try interior.signal(signal)
        }
        tellSignal(signal)
    }

    /// Whoever sent it: a controller or the system.
    func tellSignal(_ signal: ControlSignal) { server?.tell(.gotSignal, signal.rawValue) }

    private func newIdentity() {
        let now = interior.loop.now
        let due = lastNewIdentity.map { $0 + Self.newIdentityPause } ?? now
        lastNewIdentity = max(due, now)
        guard due > now else { return startAnew() }
        log.notice("Rate limiting NEWNYM request: delaying by \((due - now).inMilliseconds / 1000) second(s)")
        interior.loop.after(due - now) { [weak self] in self?.startAnew() }
    }

    private func startAnew() { interior.client()?.startAnew() }

    func closeCircuit(_ id: Int, onlyIfUnused: Bool) throws(ControlRefusal) {
        guard interior.client()?.closeCircuit(id, onlyIfUnused: onlyIfUnused) == true else { throw ControlRefusal(552, "Unknown circuit \"\(id)\"") }
    }

    func closeStream(_ id: Int) throws(ControlRefusal) {
        guard interior.client()?.closeStream(id) == true else { throw ControlRefusal(552, "Unknown stream \"\(id)\"") }
    }

    func dropGuards() throws(ControlRefusal) { throw ControlRefusal(551, "Guards are not dropped here: remove the Guard lines of the state file while the node is stopped") }

    // MARK: Events

    private func interestChanged(_ wanted: Set<ControlEvent>) {
        let severities: [(ControlEvent, LogLine.Severity)] = [(.debug, .debug), (.info, .info), (.notice, .notice), (.warn, .warn), (.err, .err)]
        watch?.wants(wanted)
        logs.tap(Set(severities.filter { wanted.contains($0.0) }.map(\.1)))
    }

    private func tellLogLines() {
        for (severity, text) in logs.takeTapped() {
            let event: ControlEvent = switch severity {
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warn: .warn
            case .err: .err
            }
            server?.tell(event, text)
        }
    }

    /// Once a second.
    func look() {
        let totals = interior.statistics
        let now = (read: totals.bytesRead, written: totals.bytesWritten)
        let second = (read: now.read &- lastTotals.read, written: now.written &- lastTotals.written)
        lastTotals = now
        bandwidths.append(second)
        if bandwidths.count > Self.bandwidthCacheLimit { bandwidths.removeFirst() }
        server?.tell(.bandwidth, "\(second.read) \(second.written)")
        watch?.look()
    }

    func hibernates(_ phase: Accounting.Phase) { server?.tell(.statusServer, "NOTICE HIBERNATION_STATUS STATUS=\(phase.rawValue.uppercased())") }

    func transportLaunched(_ transport: ServerTransport) {
        server?.tell(.transportLaunched, "server \(transport.name) \(transport.address.ip) \(transport.address.port)")
    }

    /// STATUS_SERVER: what the relay has found out about itself.
    func relayDid(_ event: RelayEvent) {
        switch event {
        case .descriptorMade: server?.tell(.descriptorChanged, "")
        default: server?.tell(.statusServer, event.controlText)
        }
    }

    private func documentsChanged(_ change: DirectoryStore.Change) { watch?.documentsChanged(change) }

    func clientDid(_ event: ClientEvent) {
        guard let server else { return }
        watch?.ends(event)
        switch event {
        case .progressed(let phase):
            server.tell(.statusClient, "NOTICE \(phase.controlText)")
            if phase == .enoughDirectory { server.tell(.statusClient, "NOTICE ENOUGH_DIR_INFO") }
        case .circuitLaunched(let view): server.tell(.circ, report(view, .launched).line)
        case .circuitBuilt(let view): circuitBuilt(view, server)
        case .circuitClosed(let view, let reason, let isRemote):
            let status: CircuitReport.Status = view.state == .building ? .failed : .closed
            server.tell(.circ, report(view, status, reason: isRemote ? "DESTROYED" : reason.controlName, remoteReason: isRemote ? reason.controlName : nil).line)
        case .circuitDropped(let id, let wasBuilt): server.tell(.circ, "\(id) \(wasBuilt ? "CLOSED" : "FAILED") PURPOSE=GENERAL REASON=\(wasBuilt ? "FINISHED" : "TIMEOUT")")
        case .streamArrived(let view): server.tell(.stream, report(view, view.isLookup ? .newResolve : .new).line)
        case .streamSent(let view): server.tell(.stream, report(view, view.isLookup ? .sentResolve : .sentConnect).line)
        case .streamConnected(let view): server.tell(.stream, report(view, .succeeded).line)
        case .streamDetached(let view, let reason): server.tell(.stream, report(view, .detached, "REASON=\(reason.controlName)").line)
        case .streamFailed(let view): server.tell(.stream, report(view, .failed, "REASON=TIMEOUT").line)
        case .lookedUp(let view, let answer): tellMapping(view, answer, server)
        case .guardChanged(let identity, let nickname, let change): server.tell(.guards, "ENTRY \(RelayName(identity, nickname: nickname)) \(change.rawValue)")
        case .streamClosed(let view, let reason): server.tell(.stream, report(view, .closed, "REASON=\(reason.controlName)").line)
        }
    }

    /// A name's address, or an address's name, as an exit told it.
    private func tellMapping(_ view: ClientSnapshot.StreamView, _ answer: ResolvedAnswer, _ server: ControlServer) {
        guard let colon = view.target.lastIndex(of: ":") else { return }
        let name = view.target[..<colon]
        func told(_ value: String, _ seconds: UInt32, isError: Bool = false) -> String {
            let end = interior.loop.wall + Int64(seconds)
            return "\(name) \(value) \"\(end.local)\" \(isError ? "error=yes " : "")EXPIRES=\"\(end)\" CACHED=\"NO\" STREAMID=\(view.id)"
        }
        switch answer {
        case .address(let ip, let seconds): server.tell(.addressMap, told("\(ip)", seconds))
        case .name(let found, let seconds): server.tell(.addressMap, told(found, seconds))
        default: server.tell(.addressMap, told("<error>", 60, isError: true))
        }
    }

    private func circuitBuilt(_ view: ClientSnapshot.CircuitView, _ server: ControlServer) {
        server.tell(.circ, report(view, .built).line)
        guard !hasCircuit else { return }
        hasCircuit = true
        server.tell(.statusClient, "NOTICE CIRCUIT_ESTABLISHED")
    }
}

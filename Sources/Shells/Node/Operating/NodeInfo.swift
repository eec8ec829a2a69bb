internal import Ambience
internal import Client
internal import ControlProtocol
internal import ControlService
internal import Directory
internal import DirectoryService
internal import Glibc
internal import Limits
internal import Loops
internal import Relaying
internal import Sealing
internal import Torrc

/// What GETINFO answers about this node; keys, meanings and forms are stock tor's.
struct NodeInfo {
    unowned let role: ControlRole

    init(_ role: ControlRole) { self.role = role }

    var interior: NodeInterior { role.interior }
    var now: WallTime { interior.loop.wall }

    var table: InfoTable {
        var table = InfoTable()
        addProcess(to: &table)
        addConfiguration(to: &table)
        addNames(to: &table)
        addTraffic(to: &table)
        addStatus(to: &table)
        addRelay(to: &table)
        addPolicy(to: &table)
        addDocuments(to: &table)
        addStatuses(to: &table)
        addClient(to: &table)
        return table
    }

    private func addProcess(to table: inout InfoTable) {
        table.add("version", "The current version of Tor.") { ProductVersion.controlVersion }
        table.add("process/pid", "Process id belonging to the main tor process.") { "\(getpid())" }
        table.add("process/uid", "User id running the tor process.") { "\(getuid())" }
        table.add("process/user", "Username under which the tor process is running.") { Self.userName }
        table.add("process/descriptor-limit", "File descriptor limit.") { Self.descriptorLimit }
        table.add("uptime", "Uptime of the Tor daemon in seconds.") { "\(max(0, now - interior.started))" }
        table.add("current-time/utc", "Current UTC time.") { String(now.rfc3339.dropLast()) }
        table.add("current-time/local", "Current time on the local system.") { String(now.local.rfc3339.dropLast()) }
        table.add("dormant", "Is Tor dormant (not building circuits because it's idle)?") { "0" }
        table.add(prefix: "ip-to-country/", "Perform a GEOIP lookup") { rest throws(ControlRefusal) in
            if rest == "ipv4-available" || rest == "ipv6-available" { return "0" }
            throw ControlRefusal(551, "GeoIP data not loaded")
        }
    }

    private static var userName: String? {
        // SAFETY: the entry is read before anything else asks for one; this thread is the only one that does.
        guard let entry = getpwuid(getuid()), let name = entry.pointee.pw_name else { return "" }
        return String(cString: name)
    }

    private static var descriptorLimit: String {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return "-1" }
        return "\(limit.rlim_cur)"
    }

    private func addConfiguration(to table: inout InfoTable) {
        table.add("config-file", "Current location of the \"torrc\" file.") { interior.source.path ?? "" }
        table.add("config-defaults-file", "Current location of the defaults file.") { interior.source.defaultsPath ?? "" }
        table.add("config-text", "Return the string that would be written by a saveconf command.") { interior.reading().text }
        table.add("config-can-saveconf", "Is it possible to save the configuration to the \"torrc\" file?") { interior.source.path == nil ? "0" : "1" }
        table.add("config/names", "List of configuration options, types, and documentation.") { Torrc.typedNames }
        table.add("config/defaults", "List of default values for configuration options. See also config/names") { Torrc.defaults }
    }

    private func addNames(to table: inout InfoTable) {
        table.add("info/names", "List of GETINFO options, types, and documentation.") { [role] in role.info.names }
        table.add("events/names", "Events that the controller can ask for with SETEVENTS.") { ControlEvent.names }
        table.add("signal/names", "Signal names recognized by the SIGNAL command") { ControlSignal.names }
        table.add("features/names", "What arguments can USEFEATURE take?") { "VERBOSE_NAMES EXTENDED_EVENTS" }
    }

    private func addTraffic(to table: inout InfoTable) {
        table.add("traffic/read", "Bytes read since the process was started.") { "\(interior.statistics.bytesRead)" }
        table.add("traffic/written", "Bytes written since the process was started.") { "\(interior.statistics.bytesWritten)" }
        table.add("bw-event-cache", "Cached BW events for a short interval.") { [unowned role] in
            role.bandwidths.map { "\($0.read),\($0.written)" }.joined(separator: " ")
        }
        table.add("orconn-status", "A list of current OR connections.") { interior.links.map { report($0).line }.joined(separator: "\n") }
        addAccounting(to: &table)
        table.add(prefix: "net/listeners/", "Bound addresses by type") { [unowned role] kind in role.listeners(kind) }
    }

    private func addAccounting(to table: inout InfoTable) {
        func role() -> AccountingRole? { interior.accounting() }
        func told(_ answer: (Accounting) -> String) -> String? { role().map { answer($0.accounting) } }
        table.add("accounting/enabled", "Is accounting currently enabled?") { role() == nil ? "0" : "1" }
        table.add("accounting/hibernating", "Are we hibernating or awake?") { (role()?.phase ?? .awake).rawValue }
        table.add("accounting/bytes", "Number of bytes read/written so far in the accounting interval.") {
            told { "\($0.record.read) \($0.record.written)" } ?? "0 0"
        }
        table.add("accounting/bytes-left", "Number of bytes left to write/read so far in the accounting interval.") {
            told { "\($0.left.read) \($0.left.written)" } ?? "0 0"
        }
        table.add("accounting/interval-start", "Time when the accounting period starts.") { told { "\($0.record.start)" } ?? Self.never }
        table.add("accounting/interval-end", "Time when the accounting period ends.") { told { "\($0.end)" } ?? Self.never }
        table.add("accounting/interval-wake", "Time to wake up in this accounting period.") { told { "\($0.wakeUp)" } ?? Self.never }
    }

    /// What stock tor tells of intervals that there are not.
    private static var never: String { "\(WallTime(secondsSinceEpoch: 0))" }

    /// Peers without a name in the consensus go by fingerprint, those without identity by address, as in stock tor.
    private func report(_ link: LinkView) -> LinkReport { LinkReport(peer: name(link.identity, link.address), status: .connected) }

    func name(_ identity: RSAIdentity?, _ address: SocketAddress) -> String {
        identity.map { "\(RelayName($0, nickname: entry(of: $0)?.nickname))" } ?? "\(address)"
    }
}

extension ControlRole {
    private static let otherListeners: Set = ["trans", "natd", "dns", "httptunnel"]

    /// Quoted addresses of one kind of listener; `nil` for a kind that there is not.
    func listeners(_ kind: String) -> String? {
        let names: [String]
        switch kind {
        case "or": names = openPorts.or.map { "\($0)" }
        case "dir": names = openPorts.directory.map { "\($0)" }
        case "extor": names = openPorts.extended.map { ["\($0)"] } ?? []
        case "socks": names = interior.client()?.addresses.map { "\($0)" } ?? []
        case "metrics": names = metrics?.addresses.map { "\($0)" } ?? []
        case "control": names = server?.listenerNames ?? []
        default:
            guard Self.otherListeners.contains(kind) else { return nil }
            names = []
        }
        return names.map { ControlText.quoted($0) }.joined(separator: " ")
    }
}

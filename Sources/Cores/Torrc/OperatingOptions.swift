package import Ambience
package import ControlProtocol
package import Directory

/// How operators look at a node and steer it, and what the process does to itself.
package struct OperatingOptions: Equatable, Sendable {
    /// `ControlPort` lines with an address.
    package var controlPorts: [PortLine] = []
    /// Paths of `ControlSocket` lines, and of `ControlPort unix:` ones.
    package var controlSockets: [String] = []
    package var areControlSocketsGroupWritable = false
    package var isCookieAuthenticated = false
    /// `nil`: `control_auth_cookie` in the data directory.
    package var cookieFile: String?
    package var isCookieGroupReadable = false
    package var passwords: [PasswordHash] = []
    /// A file to write the addresses of the control ports to.
    package var controlPortFile: String?
    package var isControlPortFileGroupReadable = false
    /// The node ends when this process is gone.
    package var owningProcess: Int?

    package var metricsPorts: [PortLine] = []
    /// Who may ask for metrics; whom no rule names is refused.
    package var metricsPolicy = ExitPolicy()
    package var tellsOverload = true
    package var tellsStatistics = true
    /// What is counted for the extra-info document; stock's defaults.
    package var countsDirectoryRequests = true
    package var countsEntries = false
    package var countsExitPorts = false
    package var countsLinkDirections = false
    package var countsServices = true
    package var countsPadding = true
    package var countsBridgeUsers = true
    /// Zero: no heartbeat.
    package var heartbeatPeriod = Instant.Span.seconds(Int64(6 * 3600))
    package var showsLogDomains = false
    package var truncatesLogFiles = false
    package var syslogTag: String?
    package var runsAsDaemon = false
    package var user: String?
    package var keepsBindCapabilities: Choice = .automatic
    package var isDebuggingForbidden = true
    package var isSandboxed = false

    package init() {}

    package var isControlled: Bool { !controlPorts.isEmpty || !controlSockets.isEmpty }
    private var isOpenToAll: Bool { !isCookieAuthenticated && passwords.isEmpty }

    /// Stock's least; a heartbeat more often is a slip of the pen.
    private static let shortestHeartbeat = Instant.Span.seconds(Int64(1800))

    /// A port that anybody on the network could steer the node by is not opened, as in stock tor.
    mutating func settle(_ warnings: inout [String]) {
        if heartbeatPeriod > .seconds(Int64(0)), heartbeatPeriod < Self.shortestHeartbeat {
            heartbeatPeriod = Self.shortestHeartbeat
            warnings.append("HeartbeatPeriod: is raised to 30 minutes")
        }
        if !metricsPorts.isEmpty, metricsPolicy.rules.isEmpty { warnings.append("MetricsPort: needs MetricsPortPolicy: without it nobody may ask") }
        guard isOpenToAll, !controlPorts.isEmpty else { return }
        warnings.append("ControlPort: is open, but no authentication method has been configured. Any program on this computer can reconfigure this node; set a password or CookieAuthentication.")
        let far = controlPorts.filter { $0.ip.map { !$0.isLoopback } ?? false }
        guard !far.isEmpty else { return }
        controlPorts.removeAll { far.contains($0) }
        warnings.append("ControlPort: accepts unauthenticated connections from a non-local address, which is not done here: those ports stay closed")
    }
}

extension IPAddress {
    var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}

extension OptionTable {
    static let operating: [OptionRow] = control + metrics + surroundings

    private static let control: [OptionRow] = [
        OptionRow(name: "ControlPort", isList: true, kind: "Dependent", apply: addControlPort),
        OptionRow(name: "__ControlPort", isList: true, kind: "Dependent", apply: addControlPort),
        OptionRow(name: "ControlSocket", isList: true, kind: "LineList") { configuration, text throws(ValueError) in
            guard let path = socketPath(text) else { return }
            configuration.operating.controlSockets.append(path)
        },
        .flag("ControlSocketsGroupWritable", \.operating.areControlSocketsGroupWritable),
        .flag("CookieAuthentication", \.operating.isCookieAuthenticated),
        .text("CookieAuthFile", \.operating.cookieFile),
        .flag("CookieAuthFileGroupReadable", \.operating.isCookieGroupReadable),
        OptionRow(name: "HashedControlPassword", isList: true, kind: "LineList", apply: addPassword),
        OptionRow(name: "__HashedControlSessionPassword", isList: true, kind: "LineList", apply: addPassword),
        .text("ControlPortWriteToFile", \.operating.controlPortFile),
        .flag("ControlPortFileGroupReadable", \.operating.isControlPortFileGroupReadable),
        OptionRow(name: "__OwningControllerProcess") { configuration, text throws(ValueError) in
            guard let pid = Int(text.prefix { $0 != ":" && $0 != " " }), pid > 1 else { throw ValueError("the number of a process") }
            configuration.operating.owningProcess = pid
        },
    ]

    private static let metrics: [OptionRow] = [
        .ports("MetricsPort", \.operating.metricsPorts, flags: []),
        .policy("MetricsPortPolicy", \.operating.metricsPolicy),
        .flag("OverloadStatistics", \.operating.tellsOverload),
        .flag("ExtraInfoStatistics", \.operating.tellsStatistics),
        .flag("DirReqStatistics", \.operating.countsDirectoryRequests),
        .flag("EntryStatistics", \.operating.countsEntries),
        .flag("ExitPortStatistics", \.operating.countsExitPorts),
        .flag("ConnDirectionStatistics", \.operating.countsLinkDirections),
        .flag("HiddenServiceStatistics", \.operating.countsServices),
        .flag("PaddingStatistics", \.operating.countsPadding),
        .flag("BridgeRecordUsageByCountry", \.operating.countsBridgeUsers),
    ]

    private static let surroundings: [OptionRow] = [
        .span("HeartbeatPeriod", \.operating.heartbeatPeriod),
        .flag("LogMessageDomains", \.operating.showsLogDomains),
        .flag("TruncateLogFile", \.operating.truncatesLogFiles),
        OptionRow(name: "SyslogIdentityTag") { configuration, text throws(ValueError) in
            guard !text.utf8.contains(where: { $0 <= 0x20 || $0 > 0x7E }) else { throw ValueError("one word") }
            configuration.operating.syslogTag = text
        },
        .flag("RunAsDaemon", \.operating.runsAsDaemon),
        .text("User", \.operating.user),
        .choice("KeepBindCapabilities", \.operating.keepsBindCapabilities),
        .flag("DisableDebuggerAttachment", \.operating.isDebuggingForbidden),
        .flag("Sandbox", \.operating.isSandboxed),
    ]

    /// As in tor(1): the path may have a `unix:` before it, quotes around it and flags behind it; `0` is none.
    private static func socketPath(_ text: String) -> String? {
        var path = text.prefix { $0 != " " }
        if path.hasPrefix("unix:") { path = path.dropFirst(5) }
        if path.hasPrefix("\""), path.hasSuffix("\""), path.count > 1 { path = path.dropFirst().dropLast() }
        return path == "0" || path.isEmpty ? nil : String(path)
    }

    @Sendable private static func addControlPort(_ configuration: inout NodeConfiguration, _ text: String) throws(ValueError) {
        if text.hasPrefix("unix:"), let path = socketPath(text) { return configuration.operating.controlSockets.append(path) }
        if let port = try PortLine.parse(text, allowing: ["groupwritable", "worldwritable", "relaxdirmodecheck"]) { configuration.operating.controlPorts.append(port) }
    }

    @Sendable private static func addPassword(_ configuration: inout NodeConfiguration, _ text: String) throws(ValueError) {
        guard let hash = PasswordHash(text) else { throw ValueError("the output of --hash-password") }
        configuration.operating.passwords.append(hash)
    }
}

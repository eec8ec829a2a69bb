/// What a controller may ask to be told of (control-spec.txt 4.1), by the names of the protocol. What a node here never has to tell is
/// not among them, so that nobody waits for it.
package enum ControlEvent: String, CaseIterable, Sendable {
    case circ = "CIRC"
    case stream = "STREAM"
    case orConn = "ORCONN"
    case bandwidth = "BW"
    case debug = "DEBUG"
    case info = "INFO"
    case notice = "NOTICE"
    case warn = "WARN"
    case err = "ERR"
    case newDescriptors = "NEWDESC"
    case addressMap = "ADDRMAP"
    case descriptorChanged = "DESCCHANGED"
    case networkStatus = "NS"
    case statusGeneral = "STATUS_GENERAL"
    case statusClient = "STATUS_CLIENT"
    case statusServer = "STATUS_SERVER"
    case guards = "GUARD"
    case streamBandwidth = "STREAM_BW"
    case newConsensus = "NEWCONSENSUS"
    case gotSignal = "SIGNAL"
    case configurationChanged = "CONF_CHANGED"
    case circuitBandwidth = "CIRC_BW"
    case transportLaunched = "TRANSPORT_LAUNCHED"
    case networkLiveness = "NETWORK_LIVENESS"

    package static var names: String { allCases.map(\.rawValue).joined(separator: " ") }

    /// Reads the arguments of SETEVENTS; `EXTENDED` is accepted and says nothing (control-spec.txt 3.4).
    package static func subscription(_ words: [Substring]) throws(ControlRefusal) -> Set<ControlEvent> {
        var events: Set<ControlEvent> = []
        for word in words where word.uppercased() != "EXTENDED" {
            guard let event = ControlEvent(rawValue: word.uppercased()) else { throw ControlRefusal(552, "Unrecognized event \"\(word)\"") }
            events.insert(event)
        }
        return events
    }
}

/// What a controller may ask for with SIGNAL (control-spec.txt 3.7).
package enum ControlSignal: String, CaseIterable, Sendable {
    case reload = "RELOAD"
    case shutdown = "SHUTDOWN"
    case dump = "DUMP"
    case debug = "DEBUG"
    case halt = "HALT"
    case newIdentity = "NEWNYM"
    case clearDNSCache = "CLEARDNSCACHE"
    case heartbeat = "HEARTBEAT"
    case active = "ACTIVE"
    case dormant = "DORMANT"

    private static let aliases: [String: ControlSignal] = ["HUP": .reload, "INT": .shutdown, "USR1": .dump, "USR2": .debug, "TERM": .halt]

    /// `nil` for a signal that nobody knows.
    package init?(name: String) {
        guard let signal = Self(rawValue: name.uppercased()) ?? Self.aliases[name.uppercased()] else { return nil }
        self = signal
    }

    /// As `GETINFO signal/names` lists them.
    package static var names: String {
        "RELOAD HUP SHUTDOWN DUMP USR1 DEBUG USR2 HALT TERM INT NEWNYM CLEARDNSCACHE HEARTBEAT ACTIVE DORMANT"
    }
}

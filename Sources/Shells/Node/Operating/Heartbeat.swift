internal import Ambience
internal import Client
internal import Logging
internal import Loops
internal import Relaying

/// What the node tells of itself in its log: the heartbeat (HeartbeatPeriod, SIGNAL HEARTBEAT) and the dump of SIGUSR1.
struct Heartbeat {
    let interior: NodeInterior
    private let log = Logger(label: "heartbeat")

    init(_ interior: NodeInterior) { self.interior = interior }

    func beat() {
        let uptime = max(0, interior.loop.wall - interior.started)
        let totals = interior.statistics
        let links = interior.links
        log.notice("Heartbeat: Tor's uptime is \(Self.span(uptime)), with \(interior.circuitCount) circuits open. I've sent \(Self.size(totals.bytesWritten)) and received \(Self.size(totals.bytesRead)).")
        log.notice("Heartbeat: \(links.count) links are open, \(links.count { $0.isInitiator }) of them made by us; \(links.count { $0.identity != nil }) lead to relays.")
        guard interior.relay() != nil else { return }
        log.notice("Heartbeat: \(totals.circuitsCreated) circuits of others were made, \(totals.cellsRelayed) cells relayed, \(totals.protocolErrors) protocol errors seen.")
    }

    /// Everything that is counted.
    func dump() {
        beat()
        log.notice("Statistics: \(interior.statistics)")
        for link in interior.links {
            log.notice("Statistics: link \(link.isInitiator ? "to" : "from") \(link.identity.map { "$\($0)" } ?? "[scrubbed]")")
        }
        for circuit in interior.client()?.snapshot.circuits ?? [] {
            log.notice("Statistics: circuit \(circuit.id) \(circuit.state.rawValue) \(circuit.streams) streams over \(circuit.path.map(\.nickname).joined(separator: ", "))")
        }
    }

    private static func span(_ seconds: Int64) -> String {
        let days = seconds / 86400
        let minutes = seconds / 60 % 60
        return "\(days > 0 ? "\(days) day\(days == 1 ? "" : "s") " : "")\(seconds / 3600 % 24):\(minutes < 10 ? "0" : "")\(minutes) hours"
    }

    private static func size(_ bytes: UInt64) -> String {
        let hundredths = { (unit: UInt64) in
            let value = bytes / (unit / 100)
            return "\(value / 100).\(value % 100 < 10 ? "0" : "")\(value % 100)"
        }
        switch bytes {
        case ..<(1 << 20): return "\(bytes >> 10) kB"
        case ..<(1 << 30): return "\(hundredths(1 << 20)) MB"
        default: return "\(hundredths(1 << 30)) GB"
        }
    }
}

internal import Ambience
internal import Client
internal import ControlProtocol
internal import DirectoryService
internal import Loops
internal import Onion
internal import Sealing

extension ControlRole {
    func report(_ view: ClientSnapshot.CircuitView, _ status: CircuitReport.Status, reason: String? = nil, remoteReason: String? = nil) -> CircuitReport {
        CircuitReport(
            id: view.id, status: status, path: view.state == .building ? [] : view.path.compactMap(\.relayName), isInternal: false,
            created: moment(view.began), reason: reason, remoteReason: remoteReason)
    }

    func report(_ view: ClientSnapshot.StreamView, _ status: StreamReport.Status, _ extras: String = "") -> StreamReport {
        StreamReport(id: view.id, status: status, circuit: view.circuit ?? 0, target: view.target, extras: extras)
    }

    /// A moment of the monotonic clock as `TIME_CREATED` tells it.
    func moment(_ instant: Instant) -> String {
        let passed = (interior.loop.now - instant).nanoseconds / 1000
        let whole = (passed + 999_999) / 1_000_000
        let micros = whole * 1_000_000 - passed
        return "\((interior.loop.wall - whole).rfc3339.dropLast()).\(String(repeating: "0", count: max(0, 6 - "\(micros)".utf8.count)))\(micros)"
    }
}

extension ClientSnapshot.Hop {
    var relayName: RelayName? { RSAIdentity(hex: fingerprint).map { RelayName($0, nickname: nickname) } }
}

extension BootstrapPhase {
    /// As `status/bootstrap-phase` and STATUS_CLIENT have it.
    var controlText: String { "BOOTSTRAP PROGRESS=\(percent) TAG=\(tag) SUMMARY=\(ControlText.quoted(summary))" }
}

extension DestroyReason {
    /// control-spec.txt 4.1.1.
    var controlName: String {
        switch self {
        case .none: "NONE"
        case .protocolViolation: "TORPROTOCOL"
        case .internalError: "INTERNAL"
        case .requested: "REQUESTED"
        case .hibernating: "HIBERNATING"
        case .resourceLimit: "RESOURCELIMIT"
        case .connectFailed: "CONNECTFAILED"
        case .wrongIdentity: "OR_IDENTITY"
        case .channelClosed: "CHANNEL_CLOSED"
        case .finished: "FINISHED"
        case .timeout: "TIMEOUT"
        case .destroyed: "DESTROYED"
        case .noSuchService: "NOSUCHSERVICE"
        }
    }
}

extension EndReason {
    /// control-spec.txt 4.1.2.
    var controlName: String {
        switch self {
        case .misc: "MISC"
        case .resolveFailed: "RESOLVEFAILED"
        case .connectionRefused: "CONNECTREFUSED"
        case .exitPolicy: "EXITPOLICY"
        case .destroyed: "DESTROY"
        case .done: "DONE"
        case .timeout: "TIMEOUT"
        case .noRoute: "NOROUTE"
        case .hibernating: "HIBERNATING"
        case .internalError: "INTERNAL"
        case .resourceLimit: "RESOURCELIMIT"
        case .connectionReset: "CONNRESET"
        case .protocolViolation: "TORPROTOCOL"
        case .notDirectory: "NOTDIRECTORY"
        }
    }
}

internal import Ambience
package import Sealing

/// A relay as control replies name it: `$FINGERPRINT~nickname` (control-spec.txt 2.4, "LongName").
package struct RelayName: Equatable, Sendable, CustomStringConvertible {
    package let identity: RSAIdentity
    package let nickname: String?

    package init(_ identity: RSAIdentity, nickname: String?) {
        self.identity = identity
        self.nickname = nickname
    }

    package var description: String { nickname.map { "$\(identity)~\($0)" } ?? "$\(identity)" }
}

/// One of our circuits, as CIRC events and `circuit-status` tell it (control-spec.txt 4.1.1).
package struct CircuitReport: Sendable {
    package enum Status: String, Sendable { case launched = "LAUNCHED", built = "BUILT", extended = "EXTENDED", failed = "FAILED", closed = "CLOSED" }

    package let id: Int
    package let status: Status
    /// Guard first.
    package let path: [RelayName]
    package let isInternal: Bool
    /// `YYYY-MM-DDTHH:MM:SS` and microseconds.
    package let created: String
    /// `nil` unless failed or closed.
    package let reason: String?
    package let remoteReason: String?

    package init(id: Int, status: Status, path: [RelayName], isInternal: Bool, created: String, reason: String? = nil, remoteReason: String? = nil) {
        self.id = id
        self.status = status
        self.path = path
        self.isInternal = isInternal
        self.created = created
        self.reason = reason
        self.remoteReason = remoteReason
    }

    package var line: String {
        var words = ["\(id)", status.rawValue]
        if !path.isEmpty { words.append(path.map(\.description).joined(separator: ",")) }
        words += ["BUILD_FLAGS=\(isInternal ? "IS_INTERNAL,NEED_CAPACITY" : "NEED_CAPACITY")", "PURPOSE=GENERAL", "TIME_CREATED=\(created)"]
        if let reason { words.append("REASON=\(reason)") }
        if let remoteReason { words.append("REMOTE_REASON=\(remoteReason)") }
        return words.joined(separator: " ")
    }
}

/// One application's stream, as STREAM events and `stream-status` tell it (control-spec.txt 4.1.2).
package struct StreamReport: Sendable {
    package enum Status: String, Sendable {
        case new = "NEW", newResolve = "NEWRESOLVE", sentConnect = "SENTCONNECT", sentResolve = "SENTRESOLVE", succeeded = "SUCCEEDED"
        case detached = "DETACHED", failed = "FAILED", closed = "CLOSED"
    }

    package let id: Int
    package let status: Status
    /// 0 for none.
    package let circuit: Int
    /// `HOST:PORT`.
    package let target: String
    package let extras: String

    package init(id: Int, status: Status, circuit: Int, target: String, extras: String = "") {
        self.id = id
        self.status = status
        self.circuit = circuit
        self.target = target
        self.extras = extras
    }

    package var line: String { "\(id) \(status.rawValue) \(circuit) \(target)\(extras.isEmpty ? "" : " \(extras)")" }
}

/// One link to another relay, as ORCONN events and `orconn-status` tell it (control-spec.txt 4.1.3).
package struct LinkReport: Sendable {
    package enum Status: String, Sendable { case new = "NEW", launched = "LAUNCHED", connected = "CONNECTED", failed = "FAILED", closed = "CLOSED" }

    /// `$FINGERPRINT~nickname`, or `ADDRESS:PORT` of a peer without identity.
    package let peer: String
    package let status: Status
    package let extras: String

    package init(peer: String, status: Status, extras: String = "") {
        self.peer = peer
        self.status = status
        self.extras = extras
    }

    package var line: String { "\(peer) \(status.rawValue)\(extras.isEmpty ? "" : " \(extras)")" }
}

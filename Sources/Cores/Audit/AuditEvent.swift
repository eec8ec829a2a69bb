package import Leasing

/// What is audited: every call to a provider, every step of a mote's life, and what people ordered. Its cases are all that can be said, so that no
/// credential, secret, user data or address of a client can get into the log: there is no field for it, and no free text.
package enum AuditEvent: Equatable, Sendable {
    /// A step of a mote's life. `number` is its row in the durable record, by which a crash between the two loses no line.
    case step(number: Int64, MoteEvent)
    /// A provider is about to be asked for something that changes something there.
    case asks(ProviderCall)
    /// What became of a call.
    case answered(ProviderCall, CallResult)
    /// A machine proved to be the mote.
    case enrolled(MoteKey)
    /// Somebody may not enrol.
    case refused
    /// Somebody ordered that motes end at once and none come again, or took that back.
    case halted(HaltScope), lifted(HaltScope)

    /// How a call ended, as a class: providers' own words may hold anything.
    package enum CallResult: String, CaseIterable, Sendable {
        case ok, later, credentials, quota, capacity, invalid, unreachable, unknown
    }

    package struct ProviderCall: Hashable, Sendable {
        package enum Action: String, CaseIterable, Sendable {
            case create, end, list, regions, other
        }

        package let provider: String
        package let action: Action
        package let region: String?
        /// The mote it is about; lists are about all.
        package let key: MoteKey?

        package init(provider: String, action: Action, region: String? = nil, key: MoteKey? = nil) {
            self.provider = provider
            self.action = action
            self.region = region
            self.key = key
        }

        /// Whether it changes anything at the provider.
        package var isChange: Bool { action == .create || action == .end || action == .other }
    }
}

/// What a kill switch reaches.
package enum HaltScope: Hashable, Sendable, CustomStringConvertible {
    case all
    case policy(String)
    /// One mote; its replacement may come.
    case mote(MoteKey)

    /// `all`, `policy:NAME` or `mote:KEY`.
    package var description: String {
        switch self {
        case .all: "all"
        case .policy(let name): "policy:\(name)"
        case .mote(let key): "mote:\(key)"
        }
    }

    package init?(_ text: some StringProtocol) {
        if text == "all" { self = .all; return }
        let parts = String(text).split(separator: ":", maxSplits: 1).map { String($0) }
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "policy": self = .policy(parts[1])
        case "mote":
            guard let key = MoteKey(parts[1]) else { return nil }
            self = .mote(key)
        default: return nil
        }
    }
}

internal import Ambience
internal import Client
internal import ControlProtocol
internal import Directory
internal import DirectoryService
internal import Loops
internal import Paths
internal import Relaying
internal import Sealing

// MARK: - The node as relay and as client

extension NodeInfo {
    func addRelay(to table: inout InfoTable) {
        table.add("fingerprint", "") { () throws(ControlRefusal) in "\(try relay.keys.rsaIdentity)" }
        table.add("address", "IP address of this Tor host, if we can guess it.") { () throws(ControlRefusal) in try address(isIPv4: true) }
        table.add("address/v4", "IPv4 address of this Tor host, if we can guess it.") { () throws(ControlRefusal) in try address(isIPv4: true) }
        table.add("address/v6", "IPv6 address of this Tor host, if we can guess it.") { () throws(ControlRefusal) in try address(isIPv4: false) }
        table.add("status/fresh-relay-descs", "A fresh relay/ei descriptor pair for Tor's current state. Not stored.") { () throws(ControlRefusal) in
            let made = try relay.freshDescriptors()
            return String(decoding: made.descriptor.text + made.extraInfo.text, as: UTF8.self)
        }
    }

    private var relay: RelayRole {
        get throws(ControlRefusal) {
            guard let relay = interior.relay() else { throw ControlRefusal(551, "Not running in server mode") }
            return relay
        }
    }

    private func address(isIPv4: Bool) throws(ControlRefusal) -> String {
        guard let address = interior.relay()?.content.address else { throw ControlRefusal(551, "Address unknown") }
        if isIPv4 { return "\(address.ip)" }
        guard let ipv6 = address.ipv6 else { throw ControlRefusal(551, "Address unknown") }
        return "\(ipv6.ip)"
    }

    func addPolicy(to table: inout InfoTable) {
        table.add("exit-policy/default", "The default value appended to the configured exit policy.") { ExitPolicy.standard.torrcRules.joined(separator: ",") }
        table.add("exit-policy/reject-private/default", "The default rules appended to the configured exit policy by ExitPolicyRejectPrivate.") {
            ExitPolicy(rules: PolicyRule.Network.privateNetworks.map { PolicyRule(isAccept: false, network: $0, ports: PolicyRule.allPorts) })
                .torrcRules.joined(separator: ",")
        }
        table.add("exit-policy/full", "The entire exit policy of onion router") { () throws(ControlRefusal) in try policy { _ in true } }
        table.add("exit-policy/ipv4", "IPv4 parts of exit policy") { () throws(ControlRefusal) in try policy(\.isIPv4) }
        table.add("exit-policy/ipv6", "IPv6 parts of exit policy") { () throws(ControlRefusal) in try policy { !$0.isIPv4 } }
    }

    private func policy(_ isWanted: (PolicyRule.Network) -> Bool) throws(ControlRefusal) -> String {
        let policy = try relay.content.policy
        let rules = ExitPolicy(rules: policy.rules.filter { isWanted($0.network) })
        return policy.isRejectAll ? "reject *:*" : rules.torrcRules.joined(separator: "\n")
    }

    func addStatus(to table: inout InfoTable) {
        table.add("status/bootstrap-phase", "The last bootstrap phase status event that Tor sent.") { "NOTICE \(phase.controlText)" }
        table.add("status/circuit-established", "Whether we think client functionality is working.") { phase.percent == 100 ? "1" : "0" }
        table.add("status/enough-dir-info", "Whether we have enough up-to-date directory information to build circuits.") {
            phase.percent >= BootstrapPhase.enoughDirectory.percent ? "1" : "0"
        }
        table.add("network-liveness", "Current opinion on whether the network is live") { interior.links.isEmpty ? "down" : "up" }
        table.add("status/version/current", "Status of the current version.") { "unknown" }
        table.add("status/version/recommended", "List of currently recommended versions.") {
            (interior.documents.store.consensus(.microdesc) ?? interior.documents.store.consensus(.ns))?.serverVersions.joined(separator: ",") ?? ""
        }
    }

    private var phase: BootstrapPhase { interior.client()?.snapshot.bootstrap ?? interior.documents.phase }

    func addClient(to table: inout InfoTable) {
        table.add("circuit-status", "List of current circuits originating here.") { [unowned role] in
            (interior.client()?.snapshot.circuits ?? []).map { role.report($0, $0.state == .building ? .launched : .built).line }.joined(separator: "\n")
        }
        table.add("stream-status", "List of current streams.") { [unowned role] in
            (interior.client()?.streamViews ?? []).map { role.report($0, Self.status($0)).line }.joined(separator: "\n")
        }
        table.add("entry-guards", "Which nodes are we using as entry guards?") { (interior.client()?.guardViews ?? []).map(Self.line).joined(separator: "\n") }
        for kind in ["all", "cache", "config", "control"] { table.add("address-mappings/\(kind)", "Address mappings.") { "" } }
        for kind in ["current", "detached"] { table.add("onions/\(kind)", "Onion services made by controllers.") { "" } }
    }

    private static func status(_ stream: ClientSnapshot.StreamView) -> StreamReport.Status {
        switch stream.state {
        case .waiting: stream.isLookup ? .newResolve : .new
        case .connecting: stream.isLookup ? .sentResolve : .sentConnect
        case .connected: .succeeded
        }
    }

    private static func line(_ view: Client.GuardView) -> String {
        let name = "\(RelayName(view.identity, nickname: view.nickname))"
        switch view.reachability {
        case .reachable: return "\(name) up"
        case .unreachable(let since): return "\(name) down \(since)"
        case .unknown: return "\(name) \(view.isConfirmed ? "up" : "never-connected")"
        }
    }
}

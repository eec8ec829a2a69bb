package import Ambience
internal import Sealing

/// Which servers take a domain's mail from everybody, and what they must show.
package enum DirectRoutes {
    /// Servers of one domain that are tried.
    package static let hostsLimit = 8
    /// Addresses of one server that are tried.
    package static let addressesLimit = 4

    /// Names of the domain's servers in the order to try (RFC 5321, 5.1; RFC 7505).
    package static func hosts(of domain: String, _ answer: DNSAnswer, _ random: inout some RandomNumberGenerator) throws(NoRoute) -> [String] {
        switch answer.outcome {
        case .missing: throw .ever("5.1.2", "there is no domain \(domain)")
        case .failed: throw .now
        case .empty: return [domain]
        case .found(let records):
            let servers = records.compactMap { record -> (preference: UInt16, host: String)? in if case .mail(let preference, let host) = record { (preference, host) } else { nil } }
            guard servers.contains(where: { !$0.host.isEmpty }) else { throw .ever("5.1.10", "\(domain) takes no mail") }
            // Those of one preference share their load.
            let ordered = servers.filter { !$0.host.isEmpty }.shuffled(using: &random).sorted { $0.preference < $1.preference }
            var seen: Set<String> = []
            return Array(ordered.map(\.host).filter { seen.insert($0).inserted }.prefix(hostsLimit))
        }
    }

    /// What was found of one server.
    package struct Host: Sendable {
        package var name: String
        package var addresses: [IPAddress]
        /// Its addresses and the list that it stands in were signed.
        package var isAuthentic: Bool
        /// Of `_25._tcp.NAME`; not asked for unless `isAuthentic`.
        package var associations: DNSAnswer?

        package init(name: String, addresses: [IPAddress], isAuthentic: Bool, associations: DNSAnswer? = nil) {
            (self.name, self.addresses, self.isAuthentic, self.associations) = (name, addresses, isAuthentic, associations)
        }
    }

    /// What the server must show; `nil` when it may not be used, at least now. DANE counts more than a policy (RFC 8461, 2).
    package static func trust(in host: Host, of domain: String, _ policy: STSPolicy?) -> MailHop.Trust? {
        if host.isAuthentic, let answer = host.associations {
            // Who can keep the records back must not get the letter without them (RFC 7672, 2.1.1).
            if answer.outcome == .failed { return nil }
            let records = answer.isAuthentic ? answer.records.compactMap { record -> TLSARecord? in if case .association(let record) = record { record } else { nil } } : []
            if !records.isEmpty {
                let usable = records.filter(isUsable)
                return usable.isEmpty ? .encrypted : .recorded(names: [host.name, domain], usable)
            }
        }
        guard let policy, policy.mode == .enforce else { return .opportunistic }
        return policy.allows(host.name) ? .named : nil
    }

    /// RFC 7672, 3.1: authorities that everybody believes say nothing about mail servers.
    private static func isUsable(_ record: TLSARecord) -> Bool {
        guard record.usage == 2 || record.usage == 3, record.selector <= 1 else { return false }
        switch record.matching {
        case 0: return !record.data.isEmpty
        case 1: return record.data.count == 32
        case 2: return record.data.count == 64
        default: return false
        }
    }

    /// Only addresses of the internet, unless the operator says otherwise: or letters could be sent into the machine's own network.
    package static func reachable(_ addresses: [IPAddress], allowsPrivate: Bool) -> [IPAddress] {
        Array(addresses.filter { allowsPrivate || !$0.isPrivate }.prefix(addressesLimit))
    }
}

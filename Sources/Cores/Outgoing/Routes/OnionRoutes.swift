/// Which onion services take a domain's mail: those that the operator wrote down, or that the domain announces as `_onion-mx._tcp`.
package struct OnionRoutes: Hashable, Sendable {
    package static let domainsLimit = 4_096
    package static let serviceName = "_onion-mx._tcp."

    fileprivate var services: [String: [Service]] = [:]

    fileprivate struct Service: Hashable {
        let host: String, port: UInt16
    }

    package init() {}

    package enum Flaw: Error, Hashable {
        /// In this line, counted from 1, is no `DOMAIN NAME.onion[:PORT]`.
        case line(Int)
        case tooLong
    }

    /// Lines of `DOMAIN NAME.onion[:PORT]`; a domain may have several, tried in their order. `#` begins a comment.
    package init(map text: String) throws(Flaw) {
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.map { $0.lowercased() }
            guard !words.isEmpty else { continue }
            guard words.count == 2, let service = Service(words[1]) else { throw .line(number + 1) }
            services[words[0], default: []].append(service)
            guard services.count <= Self.domainsLimit else { throw .tooLong }
        }
    }

    /// Nothing needs to be asked: the domain is an onion service itself or is in the map.
    package func known(_ domain: String) -> [MailHop] {
        if let listed = services[domain] { return listed.map(\.hop) }
        return Self.isOnion(domain) ? [Service(host: domain, port: 25).hop] : []
    }

    /// What the domain announces, the best first (RFC 2782). Unless the answer was signed, somebody may have put a service of his own there, who would then
    /// be given letters that he could not have had: so it is not believed.
    package static func announced(_ answer: DNSAnswer, _ random: inout some RandomNumberGenerator) -> [MailHop] {
        guard answer.isAuthentic else { return [] }
        let services = answer.records.compactMap { record -> (priority: UInt16, order: Double, service: Service)? in
            guard case .service(let priority, let weight, let port, let host) = record, isOnion(host), port > 0 else { return nil }
            // The smallest of exponential times comes in proportion to the weights.
            let order = RetrySchedule.exponential(&random) / (Double(weight) + 0.1)
            return (priority, order, Service(host: host, port: port))
        }
        return services.sorted { ($0.priority, $0.order) < ($1.priority, $1.order) }.prefix(DirectRoutes.hostsLimit).map(\.service.hop)
    }

    /// A service of version 3: 56 letters of base 32.
    package static func isOnion(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, labels.last == "onion", let key = labels.dropLast().last else { return false }
        return key.utf8.count == 56 && key.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x32...0x37).contains($0) }
    }
}

extension OnionRoutes.Service {
    fileprivate init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard OnionRoutes.isOnion(String(parts[0])), parts.count <= 2, let port = parts.count == 1 ? 25 : UInt16(parts[1]), port > 0 else { return nil }
        self.init(host: String(parts[0]), port: port)
    }

    /// The service's name is its key: whoever answers there holds it, with TLS or without.
    fileprivate var hop: MailHop { MailHop(host: host, port: port, addresses: [], trust: .opportunistic) }
}

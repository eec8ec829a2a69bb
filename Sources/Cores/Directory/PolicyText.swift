internal import Ambience

/// What was wrong with a policy line, and where.
package struct PolicyError: Error, Equatable, CustomStringConvertible {
    package let entry: String
    package let reason: String

    package var description: String { "\"\(entry)\": \(reason)" }
}

extension ExitPolicy {
    /// Reads the value of an `ExitPolicy` option: entries between commas, as torrc has them.
    ///
    /// `*` means both families, `private` the networks of `PolicyRule.Network.privateNetworks`; `accept6` and `reject6` take only IPv6.
    package init(torrc text: String) throws(PolicyError) {
        self.init()
        for entry in text.split(separator: ",") {
            let words = entry.split { $0 == " " || $0 == "\t" }
            guard !words.isEmpty else { continue }
            guard words.count == 2 else { throw PolicyError(entry: String(entry), reason: "expected an action and an address pattern") }
            rules += try PolicyPattern(words.joined(separator: " "), action: words[0], pattern: words[1]).rules()
            guard rules.count <= Self.ruleLimit else { throw PolicyError(entry: String(entry), reason: "more than \(Self.ruleLimit) rules") }
        }
    }

    /// Reads the `accept` and `reject` lines of a descriptor, where `*` means IPv4 and an IPv6 address is an error.
    init(descriptorItems items: [NetDocument.Item]) throws(DocumentError) {
        self.init()
        guard items.count <= Self.ruleLimit else { throw .oversized(limit: Self.ruleLimit) }
        for item in items {
            let words = try item.words(atLeast: 1)
            do throws(PolicyError) {
                let pattern = PolicyPattern(item.rest, action: Substring(item.keyword), pattern: words[0])
                rules.append(try pattern.ipv4Rule())
            } catch {
                throw .invalid(item.keyword, error.description)
            }
        }
    }
}

/// `action address[/mask][:ports]`, not yet understood.
private struct PolicyPattern {
    private let entry: String
    private let action: Substring
    private let pattern: Substring

    init(_ entry: String, action: Substring, pattern: Substring) {
        self.entry = entry
        self.action = action
        self.pattern = pattern
    }

    func rules() throws(PolicyError) -> [PolicyRule] {
        let (isAccept, onlyIPv6) = try verdict()
        let (host, ports) = try parts()
        return try networks(host, onlyIPv6: onlyIPv6).map { PolicyRule(isAccept: isAccept, network: $0, ports: ports) }
    }

    func ipv4Rule() throws(PolicyError) -> PolicyRule {
        let (host, ports) = try parts()
        if host == "*" { return PolicyRule(isAccept: action == "accept", network: .anyIPv4, ports: ports) }
        let network = try network(host)
        guard network.isIPv4 else { throw failure("an IPv6 address in a descriptor's policy") }
        return PolicyRule(isAccept: action == "accept", network: network, ports: ports)
    }

    private func failure(_ reason: String) -> PolicyError { PolicyError(entry: entry, reason: reason) }

    private func verdict() throws(PolicyError) -> (isAccept: Bool, onlyIPv6: Bool) {
        switch action.lowercased() {
        case "accept": (true, false)
        case "reject": (false, false)
        case "accept6": (true, true)
        case "reject6": (false, true)
        default: throw failure("expected accept, reject, accept6 or reject6")
        }
    }

    /// Cuts the ports off; without them all ports are meant.
    private func parts() throws(PolicyError) -> (host: Substring, ports: ClosedRange<UInt16>) {
        let afterBracket = pattern.lastIndex(of: "]") ?? pattern.startIndex
        guard let colon = pattern[afterBracket...].lastIndex(of: ":"), pattern.hasPrefix("[") || pattern[..<colon].firstIndex(of: ":") == nil else {
            return (pattern, PolicyRule.allPorts)
        }
        guard let ports = PolicyRule.ports(pattern[pattern.index(after: colon)...]) else { throw failure("bad ports") }
        return (pattern[..<colon], ports)
    }

    private func networks(_ host: Substring, onlyIPv6: Bool) throws(PolicyError) -> [PolicyRule.Network] {
        switch host.lowercased() {
        case "*": return onlyIPv6 ? [.anyIPv6] : [.anyIPv4, .anyIPv6]
        case "*4":
            guard !onlyIPv6 else { throw failure("*4 in an IPv6 rule") }
            return [.anyIPv4]
        case "*6": return [.anyIPv6]
        case "private": return PolicyRule.Network.privateNetworks.filter { !onlyIPv6 || !$0.isIPv4 }
        default:
            let network = try network(host)
            guard !onlyIPv6 || !network.isIPv4 else { throw failure("an IPv4 address in an IPv6 rule") }
            return [network]
        }
    }

    private func network(_ host: Substring) throws(PolicyError) -> PolicyRule.Network {
        let cut = host.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var name = cut.first ?? ""
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        guard let address = IPAddress(name) else { throw failure("bad address") }
        let bits = try bits(cut.count == 2 ? cut[1] : nil, isIPv4: address.isIPv4)
        switch address {
        case .v4(let value): return .ipv4(value, bits: bits)
        case .v6(let high, let low): return .ipv6(high, low, bits: bits)
        }
    }

    /// A prefix length, or for IPv4 a dotted netmask.
    private func bits(_ text: Substring?, isIPv4: Bool) throws(PolicyError) -> UInt8 {
        let limit: UInt8 = isIPv4 ? 32 : 128
        guard let text else { return limit }
        if let bits = Decimal.parse(text, in: 0...limit) { return bits }
        guard isIPv4, case .v4(let mask)? = IPAddress(text), (~mask & (~mask &+ 1)) == 0 else { throw failure("bad mask") }
        return UInt8(mask.nonzeroBitCount)
    }
}

extension ExitPolicy {
    /// The rules as a torrc has them: `*` stands for both families where both are told the same.
    package var torrcRules: [String] {
        var lines: [String] = []
        var rest = rules[...]
        while let rule = rest.popFirst() {
            let verb = rule.isAccept ? "accept" : "reject"
            let ports = rule.ports == PolicyRule.allPorts ? "*" : PolicySummary.text([rule.ports])
            guard rule.network.bits == 0, rule.network.isIPv4 else {
                lines.append(rule.description)
                continue
            }
            let twin = PolicyRule(isAccept: rule.isAccept, network: .anyIPv6, ports: rule.ports)
            lines.append("\(verb) \(rest.first == twin ? "*" : "*4"):\(ports)")
            if rest.first == twin { rest.removeFirst() }
        }
        return lines
    }
}

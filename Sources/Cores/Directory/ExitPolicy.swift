package import Ambience

/// To which addresses and ports an exit opens streams: rules tried in order, the first that matches decides (dir-spec.txt 2.1.3).
package struct ExitPolicy: Hashable, Sendable {
    /// A longer policy is refused.
    package static let ruleLimit = 10_000

    package var rules: [PolicyRule]

    package init(rules: [PolicyRule] = []) { self.rules = rules }

    package static let rejectAll = ExitPolicy(rules: [
        PolicyRule(isAccept: false, network: .anyIPv4, ports: PolicyRule.allPorts), PolicyRule(isAccept: false, network: .anyIPv6, ports: PolicyRule.allPorts),
    ])
    package static let acceptAll = ExitPolicy(rules: [
        PolicyRule(isAccept: true, network: .anyIPv4, ports: PolicyRule.allPorts), PolicyRule(isAccept: true, network: .anyIPv6, ports: PolicyRule.allPorts),
    ])

    /// Whether a stream may be opened. Port 0 never; what no rule matches is accepted, as the specification has it.
    package func allows(_ address: IPAddress, _ port: UInt16) -> Bool {
        guard port != 0 else { return false }
        return rules.first { $0.matches(address, port) }?.isAccept ?? true
    }

    /// Whether not a single stream over IPv4 or IPv6 can ever be opened.
    package var isRejectAll: Bool { isRejectAll(isIPv4: true) && isRejectAll(isIPv4: false) }

    /// Whether every address of one family is refused before anything is accepted.
    package func isRejectAll(isIPv4: Bool) -> Bool {
        for rule in rules where rule.network.isIPv4 == isIPv4 {
            if rule.isAccept { return false }
            if rule.network.bits == 0, rule.ports == PolicyRule.allPorts { return true }
        }
        return false
    }

    /// Whether at least a whole /8 of IPv4 accepts this port: what an authority asks before it gives the Exit flag.
    ///
    /// As in stock, a /8 counts as refused as soon as any rule before the accepting one refuses a part of it.
    /// Private networks count only where `allowsPrivate`, which is stock's `DirAllowPrivateAddresses`.
    package func acceptsSomeSlash8(port: UInt16, allowsPrivate: Bool) -> Bool {
        var isBlocked = (0..<256).map { !allowsPrivate && IPAddress.v4(UInt32($0) << 24).isPrivate }
        for rule in rules where rule.network.isIPv4 && rule.ports.contains(port) {
            guard rule.network.bits <= 8 || !rule.isAccept else { continue }
            for block in 0..<256 where rule.network.touches(slash8: UInt32(block)) {
                if !rule.isAccept { isBlocked[block] = true } else if !isBlocked[block] { return true }
            }
        }
        return false
    }

    /// The lines of a server descriptor: IPv4 only, `reject *:*` when nothing is accepted.
    package var descriptorLines: [String] {
        if isRejectAll(isIPv4: true) { return ["reject *:*"] }
        let lines = rules.filter(\.network.isIPv4).map(\.description)
        return lines.isEmpty ? ["reject *:*"] : lines
    }
}

extension PolicyRule.Network {
    fileprivate func touches(slash8 block: UInt32) -> Bool {
        switch self {
        case .anyIPv4: true
        case .ipv4(let network, let bits):
            bits >= 8 ? network >> 24 == block : (network >> 24 ^ block) >> (8 - UInt32(bits)) == 0
        case .anyIPv6, .ipv6: false
        }
    }
}

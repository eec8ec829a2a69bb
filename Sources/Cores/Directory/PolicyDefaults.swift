package import Ambience

extension PolicyRule.Network {
    /// What `private` stands for in a policy: stock's list, in its order.
    package static let privateNetworks: [Self] = [
        .ipv4(0x0000_0000, bits: 8), .ipv4(0xA9FE_0000, bits: 16), .ipv4(0x7F00_0000, bits: 8), .ipv4(0xC0A8_0000, bits: 16), .ipv4(0x0A00_0000, bits: 8),
        .ipv4(0xAC10_0000, bits: 12),
        .ipv6(0, 0, bits: 8), .ipv6(0xFC00_0000_0000_0000, 0, bits: 7), .ipv6(0xFE80_0000_0000_0000, 0, bits: 10),
        .ipv6(0xFEC0_0000_0000_0000, 0, bits: 10), .ipv6(0xFF00_0000_0000_0000, 0, bits: 8), .ipv6(0, 0, bits: 127),
    ]
}

/// How the options of a torrc become a policy.
package struct ExitPolicyOptions: Equatable, Sendable {
    /// `ExitRelay`; without it nothing is accepted.
    package var isExit: Bool
    /// The lines of `ExitPolicy`, in order.
    package var rules: ExitPolicy
    /// `ExitPolicyRejectPrivate`: private networks and our own addresses are refused first.
    package var rejectsPrivate: Bool
    /// `ReducedExitPolicy`: the short list of well-known ports instead of the default policy.
    package var isReduced: Bool
    /// `IPv6Exit`; without it no IPv6 address is accepted.
    package var allowsIPv6: Bool
    package var ownAddresses: [IPAddress]

    package init(isExit: Bool, rules: ExitPolicy = ExitPolicy(), rejectsPrivate: Bool = true, isReduced: Bool = false, allowsIPv6: Bool = false, ownAddresses: [IPAddress] = []) {
        self.isExit = isExit
        self.rules = rules
        self.rejectsPrivate = rejectsPrivate
        self.isReduced = isReduced
        self.allowsIPv6 = allowsIPv6
        self.ownAddresses = ownAddresses
    }
}

extension ExitPolicy {
    /// The whole policy of a relay: refusals first, then the operator's rules, then the default or reduced policy.
    package init(_ options: ExitPolicyOptions) {
        guard options.isExit else {
            self = .rejectAll
            return
        }
        self.init()
        if !options.allowsIPv6 { rules.append(PolicyRule(isAccept: false, network: .anyIPv6, ports: PolicyRule.allPorts)) }
        if options.rejectsPrivate { rules += Self.privateRejections(own: options.ownAddresses) }
        rules += options.rules.rules
        rules += (options.isReduced ? Self.reduced : Self.standard).rules
        cutAfterCatchAll()
    }

    /// What stock lets an exit do unless told otherwise: all but mail, file sharing and Windows ports.
    package static let standard = ExitPolicy(isAccept: false, ports: [
        25...25, 119...119, 135...139, 445...445, 563...563, 1214...1214, 4661...4666, 6346...6429, 6699...6699, 6881...6999,
    ])

    /// Stock's `ReducedExitPolicy`.
    package static let reduced = ExitPolicy(isAccept: true, ports: [
        20...23, 43...43, 53...53, 79...81, 88...88, 110...110, 143...143, 194...194, 220...220, 389...389, 443...443, 464...464, 465...465,
        531...531, 543...544, 554...554, 563...563, 587...587, 636...636, 706...706, 749...749, 873...873, 902...904, 981...981, 989...995,
        1194...1194, 1220...1220, 1293...1293, 1500...1500, 1533...1533, 1677...1677, 1723...1723, 1755...1755, 1863...1863, 2082...2083,
        2086...2087, 2095...2096, 2102...2104, 3128...3128, 3389...3389, 3690...3690, 4321...4321, 4643...4643, 5050...5050, 5190...5190,
        5222...5223, 5228...5228, 5900...5900, 6660...6669, 6679...6679, 6697...6697, 8000...8000, 8008...8008, 8074...8074, 8080...8080,
        8082...8082, 8087...8088, 8232...8233, 8332...8333, 8443...8443, 8888...8888, 9418...9418, 9999...9999, 10000...10000, 11371...11371,
        18080...18081, 18089...18089, 19294...19294, 19638...19638, 50002...50002, 64738...64738,
    ])

    /// Rules for some ports of all addresses, and the opposite for all others.
    private init(isAccept: Bool, ports: [ClosedRange<UInt16>]) {
        self.init()
        for range in ports { rules += Self.everywhere(isAccept, range) }
        rules += Self.everywhere(!isAccept, PolicyRule.allPorts)
    }

    private static func everywhere(_ isAccept: Bool, _ ports: ClosedRange<UInt16>) -> [PolicyRule] {
        [PolicyRule(isAccept: isAccept, network: .anyIPv4, ports: ports), PolicyRule(isAccept: isAccept, network: .anyIPv6, ports: ports)]
    }

    private static func privateRejections(own: [IPAddress]) -> [PolicyRule] {
        let ownNetworks = own.map { address -> PolicyRule.Network in
            switch address {
            case .v4(let value): .ipv4(value, bits: 32)
            case .v6(let high, let low): .ipv6(high, low, bits: 128)
            }
        }
        return (PolicyRule.Network.privateNetworks + ownNetworks).map { PolicyRule(isAccept: false, network: $0, ports: PolicyRule.allPorts) }
    }

    /// Drops the rules of a family that stand behind one for all its addresses and ports: they never decide anything.
    private mutating func cutAfterCatchAll() {
        var isClosed: [Bool: Bool] = [:]
        rules.removeAll { rule in
            if isClosed[rule.network.isIPv4] == true { return true }
            if rule.network.bits == 0, rule.ports == PolicyRule.allPorts { isClosed[rule.network.isIPv4] = true }
            return false
        }
    }
}

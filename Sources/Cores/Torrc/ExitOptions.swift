package import Ambience

/// Options of exits about names, addresses and descriptors.
package struct ExitOptions: Equatable, Sendable {
    package var isHijackingDetected = true
    package var testSites = ["www.google.com", "www.mit.edu", "www.yahoo.com", "www.slashdot.org"]
    package var areOddNamesAllowed = false
    package var isSearching = false
    package var isCaseRandom = true
    package var isBrokenConfigurationAllowed = true
    /// `ExitPolicyRejectLocalInterfaces`.
    package var areOwnInterfacesRejected = false
    /// At most one of each family in each.
    package var outbound: [IPAddress] = []
    package var outboundExit: [IPAddress] = []
    package var outboundLink: [IPAddress] = []
    package var outboundTransport: [IPAddress] = []
    /// Open files that the node needs at least.
    package var connectionLimit = 1000
}

extension OptionTable {
    static let exit: [OptionRow] = [
        .flag("ServerDNSDetectHijacking", \.exit.isHijackingDetected),
        OptionRow(name: "ServerDNSTestAddresses") { configuration, text throws(ValueError) in configuration.exit.testSites = OptionRow.items(text) },
        .flag("ServerDNSAllowNonRFC953Hostnames", \.exit.areOddNamesAllowed),
        .flag("ServerDNSSearchDomains", \.exit.isSearching),
        .flag("ServerDNSRandomizeCase", \.exit.isCaseRandom),
        .flag("ServerDNSAllowBrokenConfig", \.exit.isBrokenConfigurationAllowed),
        .flag("ExitPolicyRejectLocalInterfaces", \.exit.areOwnInterfacesRejected),
        outbound("OutboundBindAddress", \.exit.outbound),
        outbound("OutboundBindAddressExit", \.exit.outboundExit),
        outbound("OutboundBindAddressOR", \.exit.outboundLink),
        outbound("OutboundBindAddressPT", \.exit.outboundTransport),
        .count("ConnLimit", \.exit.connectionLimit, 1...1_000_000),
    ]

    private static func outbound(_ name: String, _ path: any OptionRow.Path<[IPAddress]>) -> OptionRow {
        OptionRow(name: name, isList: true) { configuration, text throws(ValueError) in
            let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
            guard let ip = IPAddress(bare) else { throw ValueError("an IP address") }
            guard !configuration[keyPath: path].contains(where: { $0.isIPv4 == ip.isIPv4 }) else { throw ValueError("at most one IPv4 and one IPv6 address") }
            configuration[keyPath: path].append(ip)
        }
    }
}

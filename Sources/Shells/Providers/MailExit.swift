/// How letters for addresses outside leave the network, as motes of this machine are told.
package struct MailExit: Equatable, Codable, Sendable {
    package enum Way: String, Codable, CaseIterable, Sendable { case relay, direct, onion }

    /// In the order to try; at least one.
    package var ways: [Way]
    /// `HOST:PORT` that takes letters for everywhere from whom it knows.
    package var relay: String?
    /// Files, which each mote reads when it starts: name and password for the relay; certificates of authorities that are believed; onion services by domain.
    package var relayLogin: String?
    package var trust: String?
    package var onionMap: String?
    /// Where names are asked for, and a SOCKS port that leads outside; `ADDRESS:PORT`.
    package var resolver: String?
    package var socks: String?

    package init(ways: [Way]) { self.ways = ways }

    /// Of a mote's torrc.
    package var lines: [String] {
        let files = [("MoteMailRelayLogin", relayLogin), ("MoteMailTrust", trust), ("MoteMailOnionMap", onionMap)].compactMap { name, path in path.map { "\(name) \(Self.quoted($0))" } }
        let places = [("MoteMailRelay", relay), ("MoteMailResolver", resolver), ("MoteMailSOCKS", socks)].compactMap { name, place in place.map { "\(name) \($0)" } }
        return ["MoteMailExit \(ways.map(\.rawValue).joined(separator: ","))"] + places + files
    }

    /// As tor(1) has it: a path may have anything in it but a line's end.
    private static func quoted(_ path: String) -> String { "\"\(path.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined())\"" }
}

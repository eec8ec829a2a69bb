internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Exchange
internal import Market
internal import Witnessing

/// Calculates again, from what an exchange has published, whether it kept its rules. Anybody can.
struct MarketAuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Check an exchange by all that it has published.",
        discussion: """
            Reads the whole log and whatever belongs to it: keys, sealed orders, beacons, swaps, offers, witnesses' verdicts and reports; asks the witnesses \
            what they revealed; and runs everything again that can be run again: the beacons' order, the clearing of swaps, the throttle. With --database \
            also a copy of the exchange's ledger, of which only a copy may be given, for what is missing in its tables is made. Ends with status 0 if \
            everything holds and with 1 if something does not; with others it could not be found out.

              dustcloud market audit --terms terms
              dustcloud market audit --terms terms --database copy.sqlite
              dustcloud market audit --terms terms --database postgres://auditor@127.0.0.1/copy

            Listings and verdicts are handed out for 20 days at least. That older ones cannot be had is no finding.
            """)

    @Option(help: ArgumentHelp("The exchange's terms.", valueName: "file"), completion: .file()) var terms: String
    @Option(help: ArgumentHelp("Reach the exchange and its witnesses through this client.", valueName: "ip:port")) var socks: String?
    @Option(help: ArgumentHelp("A copy of the exchange's database, a file or postgres://USER@HOST/NAME; never the one that it uses.", valueName: "place"), completion: .file())
    var database: String?
    @Flag(help: "Print JSON.") var json = false

    private struct Line: Encodable {
        let rule: String
        let slice: Int64?
        let text: String
    }

    private struct Report: Encodable {
        let market: String
        let entries: Int
        let slices: Int
        let findings: [Line]
    }

    func validate() throws {
        if let socks, SocketAddress(socks) == nil { throw ValidationError("--socks needs an IP address and a port, such as 127.0.0.1:9150") }
    }

    func run() throws {
        let terms = try MarketWitness.terms(self.terms)
        let published = try MarketWitness.sorted { try PublicationReader(terms, socks: socks.flatMap { SocketAddress($0) }, Self.progress()).read() }
        let findings = MarketAudit.findings(published, terms) + (try database.map { try ledger($0, published, terms) } ?? [])
        if json {
            let lines = findings.map { Line(rule: $0.rule.rawValue, slice: $0.slice?.index, text: $0.text) }
            try JSON.say(Report(market: terms.origin, entries: published.entries.count, slices: published.beacons.count, findings: lines))
        } else {
            for finding in findings { Terminal.say("\(finding)") }
            Terminal.say("\(terms.origin): \(published.entries.count) entries of its log, \(published.beacons.count) slices, \(findings.isEmpty ? "nothing to object to" : "\(findings.count) findings")")
        }
        if !findings.isEmpty { throw ExitCode(1) }
    }

    private func ledger(_ path: String, _ published: Published, _ terms: MarketTerms) throws -> [MarketAudit.Finding] {
        guard PostgresDatabase.isAddress(path) || Files.exists(path) else { throw CoordinationError(.notFound, "there is no database at \(path): name a copy of the exchange's") }
        return try MarketWitness.sorted {
            let store = try PostgresDatabase.isAddress(path) ? MarketStore(PostgresDatabase(path)) : MarketStore(path: path)
            return MarketAudit.findings(try store.rows(), carriedOut: try store.carriedOut(), traded: try store.traded(), published, terms)
        }
    }

    /// Every two seconds, on the error output.
    private static func progress() -> (String) -> Void {
        var told = SystemTime().now
        return { line in
            guard SystemTime().now - told >= .seconds(2) else { return }
            told = SystemTime().now
            Terminal.complain("reading \(line)")
        }
    }
}

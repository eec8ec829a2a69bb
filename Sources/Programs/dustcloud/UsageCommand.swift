internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Prices
internal import Usage

struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what motes cost, how long they were there and whom they served.",
        discussion: """
            Times are machine-time: LIVED from when a machine is ordered until it is proven gone, PAID with the grains that providers bill in. \
            OWNER is an estimate: each byte of this cloud's client passes three motes, which read and write it, so its bytes are counted six times \
            against all bytes that motes report for the day; the owner has that share of each mote's time. GIVEN is the rest: other people's traffic, \
            and what the network itself needs. Costs are calculated from the prices that each lease was intended with, never below the bill as far as \
            those prices are right; of a machine that still runs, what it would cost if it ended now. Days are UTC.
            """)

    enum Grouping: String, CaseIterable, ExpressibleByArgument { case mote, day, provider, payer }

    @OptionGroup var state: StateOption
    @Option(help: ArgumentHelp("How many days back, today included; 1 to 400.", valueName: "n")) var days: Int64 = 30
    @Option(help: "What each line sums up.") var by: Grouping = .day
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Print comma-separated values with a header.") var csv = false

    func validate() throws {
        guard (1...400).contains(days) else { throw ValidationError("--days is 1 to 400") }
        guard !json || !csv else { throw ValidationError("--json or --csv, not both") }
    }

    func run() throws {
        guard let (_, store) = try state.existing() else { throw CoordinationError(.notFound, "there is no cloud in \(try state.place()); bring one up with: dustcloud up") }
        let now = SystemTime().wall
        let report = try store.usage(days: now.day - days + 1...now.day, by: UsageReport.Grouping(rawValue: by.rawValue) ?? .day, now: now)
        let lines = report.lines.map(UsageLine.init)
        if json { return try JSON.say(UsageAnswer(days: days, by: by.rawValue, lines: lines, total: UsageLine(report.total), excess: UsageLine.exact(report.excess))) }
        if csv { return Terminal.say(UsageLine.csv(lines, by.rawValue)) }
        guard !lines.isEmpty else { return Terminal.say("no mote lived within the last \(days) days") }
        Terminal.say(table(report).text)
        if !report.excess.amounts.isEmpty { Terminal.say("\nbeyond what leases were promised at, counted against the budget: \(report.excess.text)") }
    }

    private func table(_ report: UsageReport) -> Table {
        var table = Table([by.rawValue.uppercased(), "MOTES", "LIVED", "PAID", "OWNER", "GIVEN", "RELAYED", "OF IT OWNER", "COST"])
        for line in report.lines + [report.total] {
            table.add([
                by == .mote && line.label != "all" ? String(line.label.prefix(8)) : line.label, "\(line.motes)", Duration.text(line.livedSeconds),
                Duration.text(line.paidSeconds), Duration.text(line.ownerSeconds), Duration.text(line.givenSeconds), Table.size(line.relayedBytes),
                Table.size(line.ownerBytes), line.cost.text,
            ])
        }
        return table
    }
}

struct UsageAnswer: Encodable {
    let days: Int64
    let by: String
    let lines: [UsageLine]
    let total: UsageLine
    /// Beyond the ceilings of leases, by currency.
    let excess: [String: String]
}

/// Amounts are exact text, so that no reader makes floating point of them.
struct UsageLine: Encodable {
    let label: String
    let motes: Int
    let livedSeconds: Int64
    let paidSeconds: Int64
    let ownerSeconds: Int64
    let givenSeconds: Int64
    let relayedBytes: Int64
    let ownerBytes: Int64
    let givenBytes: Int64
    let cost: [String: String]

    init(_ line: UsageReport.Line) {
        (label, motes, livedSeconds, paidSeconds) = (line.label, line.motes, line.livedSeconds, line.paidSeconds)
        (ownerSeconds, givenSeconds, relayedBytes, ownerBytes, givenBytes) =
            (line.ownerSeconds, line.givenSeconds, line.relayedBytes, line.ownerBytes, line.givenBytes)
        cost = Self.exact(line.cost)
    }

    static func exact(_ purse: Purse) -> [String: String] { Dictionary(uniqueKeysWithValues: purse.amounts.map { ($0.key.rawValue, $0.value.description) }) }

    /// One column per currency that occurs.
    static func csv(_ lines: [UsageLine], _ name: String) -> String {
        let currencies = Set(lines.flatMap(\.cost.keys)).sorted()
        let header = [name, "motes", "lived_seconds", "paid_seconds", "owner_seconds", "given_seconds", "relayed_bytes", "owner_bytes", "given_bytes"]
        let rows = lines.map { line in
            [line.label, "\(line.motes)"]
                + [line.livedSeconds, line.paidSeconds, line.ownerSeconds, line.givenSeconds, line.relayedBytes, line.ownerBytes, line.givenBytes].map { "\($0)" }
                + currencies.map { line.cost[$0] ?? "0" }
        }
        return ([header + currencies.map { "cost_\($0)" }] + rows).map { $0.map(field).joined(separator: ",") }.joined(separator: "\n")
    }

    /// As RFC 4180 quotes, and so that no spreadsheet takes a name for a formula.
    private static func field(_ text: String) -> String {
        let safe = text.first.map { "=+-@\t".contains($0) } == true ? "'" + text : text
        return safe.contains { ",\"\r\n".contains($0) } ? "\"" + safe.replacing("\"", with: "\"\"") + "\"" : safe
    }
}

internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Prices

struct Cost: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Calculate published cost figures again, and what an hour of a mote costs. Calculates only.",
        discussion: """
            Paper mode gives the figures of two published cost models as they were printed. True mode corrects their formulas, at the \
            published prices or at those of a catalogue; a catalogue also shows what an hour of each machine costs by how long it lives.
            """)

    enum Mode: String, CaseIterable, ExpressibleByArgument { case paper, `true` }

    @Option(help: "Which formulas: those that were printed, or corrected ones.") var mode: Mode = .true
    @Option(help: ArgumentHelp("Prices for true mode; see Policies/prices. Default: the published ones.", valueName: "file"), completion: .file(extensions: ["json"]))
    var prices: String?
    @Flag(help: "Show how each figure comes about.") var explain = false
    @Flag(help: "Print JSON.") var json = false

    private static let lifetimesMinutes: [Int64] = [10, 30, 60, 240]

    func run() throws {
        guard mode == .true || prices == nil else {
            throw CoordinationError(.usage, "paper mode has the prices that were printed; for others: dustcloud cost --mode true --prices FILE")
        }
        let catalogue = try prices.map { try PolicyFile.catalogue($0) }
        if let catalogue, catalogue.services == nil { throw CoordinationError(.badData, "\(catalogue.name) has no prices of services; add \"services\"") }
        let services = catalogue?.services ?? .published
        let figures = mode == .paper ? Figures.paper : Figures.corrected(services)
        if json { return try JSON.say(CostReport(mode: mode.rawValue, prices: catalogue?.name ?? "published", figures: figures, hours: Self.hours(catalogue))) }
        Terminal.say(Self.table(figures).text)
        if explain { Terminal.say("\n" + figures.map { Table.wrapped("\($0.id) = \($0.formula)", indent: "  ") }.joined(separator: "\n")) }
        if let stale = catalogue.flatMap({ Staleness.warning($0) }) { Terminal.complain(stale) }
        Terminal.say("\n" + Table.wrapped("prices: \(catalogue.map { "\($0.name): " } ?? "")\(services.sources.joined(separator: "; "))", indent: "  "))
        if let catalogue { Terminal.say("\nan hour of one mote without traffic, by how long motes live:\n\n\(Self.table(Self.hours(catalogue)).text)") }
    }

    private static func table(_ figures: [Figure]) -> Table {
        var table = Table(["FIGURE", "VALUE", "UNIT", "WHAT"])
        for figure in figures { table.add([figure.id, figure.text, figure.unit.rawValue, figure.what]) }
        return table
    }

    private static func table(_ hours: [CostReport.Hour]) -> Table {
        var table = Table(["PROVIDER", "MACHINE", "REGIONS", ""] + lifetimesMinutes.map { "\($0 / 60 == 0 ? "\($0)m" : "\($0 / 60)h")" })
        for hour in hours { table.add([hour.provider, hour.machine, hour.regions.joined(separator: " "), hour.currency] + hour.costs) }
        return table
    }

    private static func hours(_ catalogue: Catalogue?) -> [CostReport.Hour] {
        (catalogue?.providers ?? []).flatMap { provider in
            provider.offers.map { offer in
                CostReport.Hour(
                    provider: provider.id, machine: offer.machine, regions: offer.regions, currency: offer.tariff.currency.rawValue,
                    lifetimesMinutes: lifetimesMinutes, costs: lifetimesMinutes.map { offer.tariff.hourly(lifetimeSeconds: $0 * 60).text(decimals: 4) })
            }
        }
    }
}

/// Amounts are text, so that no reader makes floating point of them.
struct CostReport: Encodable {
    let mode: String
    let prices: String
    let figures: [Line]
    let hours: [Hour]

    struct Line: Encodable {
        let id: String
        let what: String
        let how: String
        let value: String
        let exact: String
        let unit: String
    }

    struct Hour: Encodable {
        let provider: String
        let machine: String
        let regions: [String]
        let currency: String
        let lifetimesMinutes: [Int64]
        let costs: [String]
    }

    init(mode: String, prices: String, figures: [Figure], hours: [Hour]) {
        (self.mode, self.prices, self.hours) = (mode, prices, hours)
        self.figures = figures.map { Line(id: $0.id, what: $0.what, how: $0.formula, value: $0.text, exact: $0.exact.description, unit: $0.unit.rawValue) }
    }
}

/// Prices that nobody looked at for long.
enum Staleness {
    static func warning(_ catalogue: Catalogue) -> String? {
        guard let days = catalogue.staleDays(SystemTime().wall) else { return nil }
        let age = days == .max ? "does not say when its prices were read" : "was read \(days) days ago"
        return "warning: the price file \(catalogue.name) \(age): look at the providers' lists before money is spent, and correct it and its field \"read\""
    }
}

internal import ArgumentParser

/// The mote exchange: what its people run.
struct MarketCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "market", abstract: "The mote exchange, where motes are swapped so that who pays and who uses cannot be linked.",
        subcommands: [MarketServe.self, MarketWitness.self, MarketCashier.self])
}

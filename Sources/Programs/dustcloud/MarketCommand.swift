internal import ArgumentParser

/// The mote exchange: what its people run.
struct MarketCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "market", abstract: "The mote exchange, where motes are swapped so that who pays and who uses cannot be linked.",
        subcommands: [
            MarketJoin.self, MarketStatus.self, MarketList.self, MarketPrepay.self, MarketBuy.self, MarketOffer.self, MarketSwap.self,
            MarketRefund.self, MarketHistory.self, MarketBackup.self, MarketRestore.self, MarketAgent.self, MarketServe.self, MarketWitness.self, MarketAuditCommand.self, MarketCashier.self,
        ])
}

internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Exchange
internal import Wallet

struct MarketStatus: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show what is in the wallet. Asks nobody.")

    @OptionGroup var wallet: WalletOption
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let (_, store, terms) = try wallet.open()
        let report = try WalletFault.told { try store.report(at: terms.time.slice(at: SystemTime().wall.secondsSinceEpoch)) }
        if json { return try JSON.say(report) }
        Terminal.say("\(terms.origin) · slice \(report.slice) · credit \(report.credit) smm, of it \(report.creditSpendable) aged enough to be spent")
        Terminal.say("access \(report.tickets) tokens ready, \(report.ticketsUsed) used, \(report.unused) of past slices to be refunded · \(report.ordersUnderWay) orders under way")
        Terminal.say(GuessFigure(sources: report.sourcesPerSlice, isFresh: false).text)
        if report.lost > 0 { Terminal.say("\(report.lost) tokens were refused again and again and count for nothing") }
        if report.complaintsMade + report.fraudsProved > 0 {
            Terminal.say("complained \(report.complaintsMade) times of motes that took a token and did not serve; proved \(report.fraudsProved) frauds, for which stakes were burned")
        }
        for (wait, count) in report.purchasesWaiting.sorted(by: { $0.key < $1.key }) { Terminal.say("\(count) purchase\(count == 1 ? "" : "s") wait: \(wait)") }
        Terminal.say(report.backup.map { "backup: \($0)" } ?? "no backup is kept; make one with: dustcloud market backup FILE")
        Terminal.say("\n" + stock(report).text)
        if !report.motes.isEmpty { Terminal.say("\n" + motes(report).text) }
    }

    private func stock(_ report: WalletReport) -> Table {
        var table = Table(["TOKENS OF", "AGED", "FRESH", "IN ORDERS", "IN DOUBT"])
        for line in report.stock { table.add(["\(line.denomination) smm", "\(line.ripe)", "\(line.fresh)", "\(line.ordered)", "\(line.doubtful)"]) }
        return table
    }

    private func motes(_ report: WalletReport) -> Table {
        var table = Table(["OWN MOTE", "CLASS", "BUCKET", "STATE", "SLICES", "SHOWN", "DEPOSITED", "COMPLAINTS", "SWAP", "NOTE"])
        for mote in report.motes {
            let further = mote.permitsToCome > 0 ? "\(mote.permitsToCome) permits more" : nil
            table.add([
                mote.address, mote.size, "\(mote.bucket)", mote.state, mote.slices ?? "-", "\(mote.waiting)", "\(mote.deposited)", "\(mote.complaints)", mote.swap ?? "-",
                [further, mote.note].compactMap { $0 }.joined(separator: "; "),
            ])
        }
        return table
    }
}

struct MarketList: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Show which motes are to be had, as the wallet saw last.")

    @OptionGroup var wallet: WalletOption
    @Flag(help: "Print JSON.") var json = false

    struct Line: Encodable {
        let mote: String
        let address: String?
        let size: String
        let bucket: Int
        let region: String?
        let group: String?
        let slices: [Int64]
        /// Of its clients.
        let complaints: Int
        let isOwn: Bool
    }

    func run() throws {
        let (_, store, terms) = try wallet.open()
        let slice = terms.time.slice(at: SystemTime().wall.secondsSinceEpoch)
        let lines = try WalletFault.told {
            let own = Set(try store.lots().compactMap(\.lot.mote)), complaints = try store.complaints()
            return try store.listed(from: slice).map { offer, slices in
                let bucket = terms.buckets.first { $0.number == offer.bucket }
                return Line(
                    mote: Hex.lower(offer.mote), address: MoteAddress(offer.address)?.address, size: "\(offer.size)", bucket: Int(offer.bucket), region: bucket?.region, group: bucket?.group,
                    slices: slices.map(\.index), complaints: complaints[offer.mote] ?? 0, isOwn: own.contains(offer.mote))
            }
        }
        if json { return try JSON.say(lines) }
        guard !lines.isEmpty else { return Terminal.say("no mote is to be had in the next slices, as far as 'dustcloud market run' saw") }
        var table = Table(["MOTE", "ADDRESS", "CLASS", "BUCKET", "REGION", "GROUP", "SLICES", "COMPLAINTS", ""])
        for line in lines {
            table.add([
                String(line.mote.prefix(12)), line.address ?? "-", line.size, "\(line.bucket)", line.region ?? "-", line.group ?? "-",
                line.slices.first.map { "\($0)-\(line.slices.last!)" } ?? "-", "\(line.complaints)", line.isOwn ? "own" : "",
            ])
        }
        Terminal.say(table.text)
    }
}

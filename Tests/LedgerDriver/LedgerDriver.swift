import Exchange
import Foundation
import Market
import MarketHistories

/// Plays a history of the ledger in a real database, to be killed at any moment: ledgerdriver PLACE SEED STEPS.
///
/// Each line of its output is an order that is carried out and its answer, in hexadecimal, written only once that is durable.
@main
enum LedgerDriver {
    static func main() throws {
        let words = CommandLine.arguments
        guard words.count == 4, let seed = UInt64(words[2]), let steps = Int(words[3]) else { exit(64) }
        let market = try MarketStore.open(words[1]) { _ in exit(70) }
        var history = History(seed: seed, store: KilledStore(market, rows: { rows(market) })), told = 0
        say("ready")
        for _ in 0..<steps {
            history.run(steps: 1)
            for carried in history.carried(after: told) { say("\(hexadecimal(carried.order)) \(hexadecimal(carried.answer))") }
            told = history.carriedOut
            guard history.complaints.isEmpty else {
                FileHandle.standardError.write(Data((history.complaints.joined(separator: "\n") + "\n").utf8))
                exit(1)
            }
        }
        say("done")
    }

    /// A database that is gone ends the history: nothing can be said of it any more.
    private static func rows(_ market: MarketStore) -> LedgerRows {
        do { return try market.rows() } catch { exit(75) }
    }

    private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

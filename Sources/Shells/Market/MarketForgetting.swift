internal import Ambience
package import Exchange

/// Deletes what nobody needs any more, once a day. What is in the log stays, and so do the sums.
///
/// Orders go earlier, with their answers (`MarketDesk.forget`): an order's body is the last that ties a receipt, and so whoever paid, to it.
package struct MarketForgetting: Sendable {
    /// Slices that lists are handed out: a little longer than whoever audits asks for them, who may be behind. They are deleted still later.
    static let handedOut = EpochReport.List.swaps.slicesKept + Slice.perDay / 2
    package static let kept = EpochReport.List.swaps.slicesKept + Slice.perDay
    /// Days for which keys are kept on disk: access is paid back until the eighth day after its own.
    package static let keysKeptDays: Int64 = 8

    /// What was published of a slice, and what the ledger went by while tokens of it were taken; the column says until when a row was of use.
    private static let tables = [
        ("offer", "last"), ("verdict", "slice"), ("swap_request", "last"), ("swap", "last"), ("listing", "last"), ("cert", "slice"), ("hidden", "slice"), ("load", "slice"),
        ("allowance", "start"),
    ]

    private let store: MarketStore
    private let keys: String

    /// - Parameter keys: the folder of RSA keys.
    package init(_ store: MarketStore, keys: String) { (self.store, self.keys) = (store, keys) }

    /// When all of a slice is done, what is left of old keys burned among it. Doing it twice does nothing.
    package func run(at slice: Slice) throws {
        try store.write { database in
            for (table, column) in Self.tables { try database.run("DELETE FROM \(table) WHERE \(column) < ?", .slice(slice - Self.kept)) }
        }
        try store.scrub()
        for name in try Files.list(keys) {
            if let day = KeyVault.day(name), day < slice.day - Self.keysKeptDays { try Files.remove("\(keys)/\(name)") }
        }
    }
}

internal import Ambience
package import Exchange

/// Deletes what nobody needs any more, once a day. What is in the log stays, and so do the sums.
///
/// Orders go earlier, with their answers (`MarketDesk.forget`): an order's body is the last that ties a receipt, and so whoever paid, to it. What
/// the ledger has of an order goes when none of its keys is known any more, so that it can neither be answered nor be carried out again; of its
/// entries the sums are kept. For good there are a sealed order's identifier, and of a pack its receipt and its two entries (I1).
package struct MarketForgetting: Sendable {
    /// Slices that lists are handed out: a little longer than whoever audits asks for them, who may be behind. They are deleted still later.
    static let handedOut = EpochReport.List.swaps.slicesKept + Slice.perDay / 2
    package static let kept = EpochReport.List.swaps.slicesKept + Slice.perDay
    /// Days for which keys are kept on disk: access is paid back until the eighth day after its own.
    package static let keysKeptDays: Int64 = 8

    /// A key is known for three weeks after its own at most.
    package static let ordersKept = 5 * Slice.perWeek
    /// What entries of forgotten orders belong to: together they add up to nothing, as those of each did.
    static let carriedForward = [UInt8](repeating: 0, count: 32)

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
        for old in try slicesOfOrders(before: slice - Self.ordersKept) { try store.write { try Self.forgetOrders(of: old, $0) } }
        try store.scrub()
        for name in try Files.list(keys) {
            if let day = KeyVault.day(name), day < slice.day - Self.keysKeptDays { try Files.remove("\(keys)/\(name)") }
        }
    }

    // MARK: orders

    /// The rest of a key that was burned is noted like an order, so that it is burned once: that stays.
    private static let isOrder = "NOT (shape = \(Shape.refund.code.0) AND outcome = \(Outcome.lost.rawValue))"

    private func slicesOfOrders(before slice: Slice) throws -> [Slice] {
        try store.read { database in try database.rows("SELECT DISTINCT slice FROM request WHERE slice < ? AND \(Self.isOrder) ORDER BY slice", .slice(slice)).map { try $0.slice("slice") } }
    }

    private static func forgetOrders(of slice: Slice, _ database: any MarketConnection) throws {
        let old = "request_id = ? OR request_id IN (SELECT id FROM request WHERE slice = ? AND \(isOrder) AND shape <> \(Shape.prepay.code.0))"
        let arguments = [MarketValue.bytes(carriedForward), .slice(slice)]
        let sums = try database.rows("SELECT account, CAST(sum(delta) AS BIGINT) AS smm FROM entry WHERE \(old) GROUP BY account", arguments)
        _ = try database.run("DELETE FROM entry WHERE \(old)", arguments)
        for row in sums where try row.integer("smm") != 0 {
            try database.run(
                "INSERT INTO entry (request_id, account, delta) VALUES (?, ?, ?)", arguments[0], .text(try row.text("account")), .integer(try row.integer("smm")))
        }
        try database.run("DELETE FROM request WHERE slice = ? AND \(isOrder)", .slice(slice))
    }
}

internal import Exchange

/// How many tokens each key made and took, computed again from the rows of outputs and nullifiers; what is in each account, from its entries; and how many
/// orders each slice has.
enum MarketCounts {
    private struct Count {
        var noted: KeyCount?
        var made: Int64 = 0
        var taken: Int64 = 0
        var isRetired = false

        /// A retired key's rows are gone: what it made and took is known from its count alone.
        var right: KeyCount { isRetired ? noted ?? KeyCount() : KeyCount(issued: made, redeemed: taken) }
        /// Receipts and rights of swaps are kept as nullifiers of keys that make nothing.
        var isKey: Bool { noted != nil || made > 0 }
    }

    static func mend(_ connection: any MarketConnection) throws -> [KeyID] {
        var statements = MarketStatements(connection: connection), wrong: [KeyID] = []
        for (key, count) in try counts(connection) where count.isKey {
            guard count.right.redeemed <= count.right.issued else { throw MarketStoreError.damaged("more tokens of a key were taken than made (I2): restore another backup") }
            guard count.right != count.noted else { continue }
            try statements.setCount(key, count.right)
            wrong.append(key)
        }
        try mendBalances(connection)
        try MarketIntake.recount(connection)
        return wrong
    }

    private static func mendBalances(_ connection: any MarketConnection) throws {
        try connection.run("DELETE FROM balance")
        try connection.run("INSERT INTO balance (account, smm) SELECT account, CAST(sum(delta) AS BIGINT) FROM entry GROUP BY account")
    }

    private static func counts(_ connection: any MarketConnection) throws -> [KeyID: Count] {
        var counts: [KeyID: Count] = [:]
        for row in try connection.rows("SELECT key_id, issued, redeemed, retired FROM key_count") {
            counts[try row.key("key_id")] = Count(noted: KeyCount(issued: try row.integer("issued"), redeemed: try row.integer("redeemed")), isRetired: try row.flag("retired"))
        }
        for (key, made) in try MarketRows.counts(connection.rows(MarketRows.outputCounts)) { counts[key, default: Count()].made = Int64(made) }
        for (key, taken) in try MarketRows.counts(connection.rows(MarketRows.nullifierCounts)) { counts[key, default: Count()].taken = Int64(taken) }
        return counts
    }
}

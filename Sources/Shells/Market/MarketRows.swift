internal import Exchange

/// Rows as the core has them.
enum MarketRows {
    static func read(_ connection: any MarketConnection) throws -> LedgerRows {
        var rows = LedgerRows()
        for row in try connection.rows("SELECT request_id, account, delta FROM entry ORDER BY request_id, account, delta") {
            guard let account = Account(try row.text("account")) else { throw MarketStoreError.damaged("the account \(try row.text("account")) does not exist") }
            rows.entries[try row.bytes("request_id"), default: []].append(Entry(account, try row.integer("delta")))
        }
        for row in try connection.rows("SELECT * FROM key_count") {
            let key = try row.key("key_id")
            rows.counts[key] = KeyCount(issued: try row.integer("issued"), redeemed: try row.integer("redeemed"))
            if try row.flag("retired") { rows.retired.insert(key) }
        }
        rows.balances = try balances(connection)
        for row in try connection.rows("SELECT slice, parts FROM load") { rows.loads[try row.slice("slice")] = try row.integer("parts") }
        rows.nullifiers = try counts(connection.rows(nullifierCounts))
        rows.outputs = try counts(connection.rows(outputCounts))
        rows.listings = try connection.rows("SELECT * FROM listing ORDER BY mote, first").map(listing)
        rows.swaps = try connection.rows("SELECT * FROM swap ORDER BY id").map(swap)
        for row in try connection.rows("SELECT * FROM allowance") {
            rows.allowances[.permit(try row.slice("start"), try size(row), isStaked: try row.flag("staked"))] = try row.integer("permits")
        }
        for row in try connection.rows("SELECT * FROM cert") { rows.certificates[.init(try row.bytes("mote"), try row.slice("slice"))] = try row.flag("up") }
        return rows
    }

    /// What is in each account, without those that have nothing.
    static func balances(_ connection: any MarketConnection) throws -> [Account: Int64] {
        var balances: [Account: Int64] = [:]
        for row in try connection.rows("SELECT account, smm FROM balance WHERE smm <> 0") {
            guard let account = Account(try row.text("account")) else { throw MarketStoreError.damaged("the account \(try row.text("account")) does not exist") }
            balances[account] = try row.integer("smm")
        }
        return balances
    }

    static let nullifierCounts = "SELECT key_id, count(*) AS number FROM nullifier GROUP BY key_id"
    static let outputCounts = "SELECT key_id, count(*) AS number FROM output GROUP BY key_id"

    static func counts(_ rows: [MarketRow]) throws -> [KeyID: Int] {
        var counts: [KeyID: Int] = [:]
        for row in rows { counts[try row.key("key_id")] = Int(try row.integer("number")) }
        return counts
    }

    static func size(_ row: MarketRow) throws -> MoteClass {
        guard let size = MoteClass(rawValue: try row.byte("class")) else { throw MarketStoreError.damaged("there is no mote of class \(try row.byte("class"))") }
        return size
    }

    static func listing(_ row: MarketRow) throws -> Listing {
        Listing(
            mote: try row.bytes("mote"), size: try size(row), bucket: try row.byte("bucket"), first: try row.slice("first"), last: try row.slice("last"), permit: try row.key("permit"),
            isStaked: try row.flag("staked"))
    }

    static func swap(_ row: MarketRow) throws -> Swap {
        Swap(
            id: try row.bytes("id"), mote: try row.bytes("mote"), size: try size(row), bucket: try row.byte("bucket"), first: try row.slice("first"), last: try row.slice("last"),
            orderKey: try row.bytes("order_key"))
    }
}

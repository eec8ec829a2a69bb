package import Exchange

/// The exchange's ledger in a database. When a transaction returns, what it wrote survives a power cut; killed before, nothing of it happened.
package final class MarketStore: LedgerStore, Sendable {
    private let database: any MarketDatabase
    /// The column by which rows are in the order in which they came.
    let arrival: String

    /// Makes the tables that are missing.
    package init(_ database: any MarketDatabase) throws {
        arrival = database.dialect.arrival
        self.database = database
        try MarketSchema.apply(to: database)
    }

    /// In a file of SQLite's. Several processes may open the same one.
    package convenience init(path: String) throws { try self.init(SQLiteDatabase(path: path)) }

    /// At an address of PostgreSQL's or, as a path, in a file of SQLite's, its counts and balances computed again: what a backup gave back is
    /// served only once it adds up (I1, I2). `wrong` hears of keys whose counts were not what their rows say.
    package static func open(_ place: String, wrong: ([KeyID]) -> Void) throws -> MarketStore {
        let store = PostgresDatabase.isAddress(place) ? try MarketStore(PostgresDatabase(place)) : try MarketStore(path: place)
        let keys = try store.recount()
        if !keys.isEmpty { wrong(keys) }
        return store
    }

    /// The keys whose counts were wrong, which are now right. Throws `damaged` when rows show more tokens of a key taken than made: no
    /// history leads there, so nobody may be served from them.
    package func recount() throws -> [KeyID] { try write(MarketCounts.mend) }

    package func read<R>(_ body: (any MarketConnection) throws -> R) throws -> R { try database.read(body) }

    /// See `MarketDatabase.write`: `body` may be run again.
    package func write<R>(_ body: (any MarketConnection) throws -> R) throws -> R { try database.write(body) }

    package func scrub() throws { try database.scrub() }

    package func transaction<R>(_ body: (inout MarketStatements) throws -> R) throws -> R {
        try write { connection in
            var statements = MarketStatements(connection: connection)
            return try body(&statements)
        }
    }

    package func inspect<R>(_ body: (inout MarketStatements) throws -> R) throws -> R {
        try read { connection in
            var statements = MarketStatements(connection: connection)
            return try body(&statements)
        }
    }

    /// All rows that the ledger's rules speak of.
    package func rows() throws -> LedgerRows { try read(MarketRows.read) }
}

/// The ledger's statements, each one text for every database.
package struct MarketStatements: LedgerStatements {
    let connection: any MarketConnection

    package mutating func outcome(of request: [UInt8]) throws -> Outcome? {
        try connection.row("SELECT outcome FROM request WHERE id = ?", .bytes(request)).flatMap { Outcome(rawValue: try $0.byte("outcome")) }
    }

    package mutating func insertRequest(_ id: [UInt8], _ shape: Shape, at slice: Slice, _ outcome: Outcome) throws {
        let (code, detail) = shape.code
        try connection.run(
            "INSERT INTO request (id, shape, detail, slice, outcome) VALUES (?, ?, ?, ?, ?)", .bytes(id), .integer(Int64(code)), .integer(Int64(detail)), .slice(slice),
            .integer(Int64(outcome.rawValue)))
    }

    package mutating func isSpent(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool {
        try connection.has("SELECT key_id FROM nullifier WHERE key_id = ? AND nonce = ?", .key(key), .bytes(nonce))
    }

    package mutating func insertNullifier(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool {
        try connection.run("INSERT INTO nullifier (key_id, nonce) VALUES (?, ?) ON CONFLICT DO NOTHING", .key(key), .bytes(nonce)) == 1
    }

    package mutating func insertOutput(_ key: KeyID, _ digest: [UInt8], of request: [UInt8]) throws -> Bool {
        try connection.run("INSERT INTO output (key_id, blinded_hash, request_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", .key(key), .bytes(digest), .bytes(request)) == 1
    }

    package mutating func insertEntry(_ request: [UInt8], _ entry: Entry) throws {
        let account = MarketValue.text(entry.account.description)
        try connection.run("INSERT INTO entry (request_id, account, delta) VALUES (?, ?, ?)", .bytes(request), account, .integer(entry.delta))
        try connection.run("INSERT INTO balance (account, smm) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET smm = balance.smm + excluded.smm", account, .integer(entry.delta))
    }

    package mutating func count(_ key: KeyID) throws -> KeyCount {
        guard let row = try connection.row("SELECT issued, redeemed FROM key_count WHERE key_id = ?", .key(key)) else { return KeyCount() }
        return KeyCount(issued: try row.integer("issued"), redeemed: try row.integer("redeemed"))
    }

    package mutating func setCount(_ key: KeyID, _ count: KeyCount) throws {
        try connection.run(
            """
            INSERT INTO key_count (key_id, issued, redeemed) VALUES (?, ?, ?)
            ON CONFLICT (key_id) DO UPDATE SET issued = excluded.issued, redeemed = excluded.redeemed
            """, .key(key), .integer(count.issued), .integer(count.redeemed))
    }

    package mutating func listing(_ mote: [UInt8], at slice: Slice) throws -> Listing? {
        try connection.row("SELECT * FROM listing WHERE mote = ? AND first <= ? AND last >= ?", .bytes(mote), .slice(slice), .slice(slice)).map(MarketRows.listing)
    }

    package mutating func insertListing(_ listing: Listing) throws -> Bool {
        guard try !connection.has("SELECT mote FROM listing WHERE mote = ? AND first <= ? AND last >= ?", .bytes(listing.mote), .slice(listing.last), .slice(listing.first))
        else { return false }
        try connection.run(
            "INSERT INTO listing (mote, first, last, class, bucket, permit, staked) VALUES (?, ?, ?, ?, ?, ?, ?)", .bytes(listing.mote), .slice(listing.first), .slice(listing.last),
            .integer(Int64(listing.size.rawValue)), .integer(Int64(listing.bucket)), .key(listing.permit), .flag(listing.isStaked))
        return true
    }

    package mutating func isUp(_ mote: [UInt8], at slice: Slice) throws -> Bool? {
        try connection.row("SELECT up FROM cert WHERE mote = ? AND slice = ?", .bytes(mote), .slice(slice))?.flag("up")
    }

    package mutating func insertCertificate(_ mote: [UInt8], at slice: Slice, isUp: Bool) throws {
        try connection.run("INSERT INTO cert (mote, slice, up) VALUES (?, ?, ?)", .bytes(mote), .slice(slice), .flag(isUp))
    }

    package mutating func swap(_ id: [UInt8]) throws -> Swap? { try connection.row("SELECT * FROM swap WHERE id = ?", .bytes(id)).map(MarketRows.swap) }

    package mutating func insertSwap(_ swap: Swap) throws {
        try connection.run(
            "INSERT INTO swap (id, mote, class, bucket, first, last, order_key) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", .bytes(swap.id), .bytes(swap.mote),
            .integer(Int64(swap.size.rawValue)), .integer(Int64(swap.bucket)), .slice(swap.first), .slice(swap.last), .bytes(swap.orderKey))
    }

    package mutating func swapID(of mote: [UInt8], from first: Slice, to last: Slice) throws -> [UInt8]? {
        try connection.row("SELECT id FROM swap WHERE mote = ? AND first <= ? AND last >= ?", .bytes(mote), .slice(last), .slice(first))?.bytes("id")
    }

    package mutating func shares(at slice: Slice) throws -> [UInt8: Int64] {
        // No listing is longer than a permit, so those before need not be looked at.
        let rows = try connection.rows(
            "SELECT bucket, class, count(*) AS motes FROM listing WHERE first > ? AND first <= ? AND last >= ? GROUP BY bucket, class",
            .slice(slice - MoteClass.slicesPerPermit), .slice(slice), .slice(slice))
        return try Dictionary(rows.map { (try $0.byte("bucket"), try MarketRows.size($0).shares * $0.integer("motes")) }, uniquingKeysWith: +)
    }

    package mutating func classes(from first: Slice, to last: Slice) throws -> [Slice: [MoteClass: Int64]] {
        let rows = try connection.rows(
            "SELECT first, last, class, count(*) AS motes FROM listing WHERE first > ? AND first <= ? AND last >= ? GROUP BY first, last, class",
            .slice(first - MoteClass.slicesPerPermit), .slice(last), .slice(first))
        var shares: [Slice: [MoteClass: Int64]] = [:]
        for row in rows {
            let size = try MarketRows.size(row), own = size.shares * (try row.integer("motes"))
            for slice in max(first, try row.slice("first"))...min(last, try row.slice("last")) { shares[slice, default: [:]][size, default: 0] += own }
        }
        return shares
    }

    package mutating func loads(from first: Slice, to last: Slice) throws -> [Slice: Int64] {
        let rows = try connection.rows("SELECT slice, parts FROM load WHERE slice >= ? AND slice <= ?", .slice(first), .slice(last))
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.slice("slice"), try $0.integer("parts")) })
    }

    package mutating func addLoad(_ parts: Int64, at slice: Slice) throws {
        try connection.run("INSERT INTO load (slice, parts) VALUES (?, ?) ON CONFLICT (slice) DO UPDATE SET parts = load.parts + excluded.parts", .slice(slice), .integer(parts))
    }

    package mutating func allowance(_ start: Slice, _ size: MoteClass, isStaked: Bool) throws -> Int64 {
        try connection.row(
            "SELECT permits FROM allowance WHERE start = ? AND class = ? AND staked = ?", .slice(start), .integer(Int64(size.rawValue)), .flag(isStaked))?.integer("permits") ?? 0
    }

    package mutating func setAllowance(_ start: Slice, _ size: MoteClass, isStaked: Bool, _ count: Int64) throws {
        try connection.run(
            """
            INSERT INTO allowance (start, class, staked, permits) VALUES (?, ?, ?, ?)
            ON CONFLICT (start, class, staked) DO UPDATE SET permits = excluded.permits
            """, .slice(start), .integer(Int64(size.rawValue)), .flag(isStaked), .integer(count))
    }

    package mutating func forgetTokens(of key: KeyID) throws {
        try connection.run("DELETE FROM nullifier WHERE key_id = ?", .key(key))
        try connection.run("DELETE FROM output WHERE key_id = ?", .key(key))
        try connection.run("INSERT INTO key_count (key_id, issued, redeemed, retired) VALUES (?, 0, 0, 1) ON CONFLICT (key_id) DO UPDATE SET retired = 1", .key(key))
    }
}

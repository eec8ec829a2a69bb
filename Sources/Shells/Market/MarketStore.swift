package import Exchange
internal import Foundation
internal import GRDB

package enum MarketStoreError: Error {
    /// The database cannot be opened, read or written, and SQLite's words why.
    case unavailable(String)
}

/// The exchange's ledger in SQLite. When a transaction returns, what it wrote survives a power cut; killed before, nothing of it happened.
package final class MarketStore: LedgerStore {
    private let queue: DatabaseQueue

    /// Several processes may open the same file; their transactions follow one another.
    package init(path: String) throws {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in try database.execute(sql: "PRAGMA synchronous = FULL") }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(queue)
        } catch { throw MarketStoreError.unavailable("cannot open \(path): \(error)") }
    }

    /// The same statements are good for PostgreSQL.
    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("ledger") { database in
            try database.execute(
                sql: """
                    CREATE TABLE request (id BLOB PRIMARY KEY, shape INTEGER NOT NULL, detail INTEGER NOT NULL, slice INTEGER NOT NULL, outcome INTEGER NOT NULL);
                    CREATE TABLE nullifier (key_id BLOB NOT NULL, nonce BLOB NOT NULL, PRIMARY KEY (key_id, nonce)) WITHOUT ROWID;
                    CREATE TABLE output (key_id BLOB NOT NULL, blinded_hash BLOB NOT NULL, request_id BLOB NOT NULL, PRIMARY KEY (key_id, blinded_hash)) WITHOUT ROWID;
                    CREATE TABLE entry (id INTEGER PRIMARY KEY, request_id BLOB NOT NULL, account TEXT NOT NULL, delta INTEGER NOT NULL);
                    CREATE TABLE key_count (key_id BLOB PRIMARY KEY, issued INTEGER NOT NULL, redeemed INTEGER NOT NULL, retired INTEGER NOT NULL DEFAULT 0);
                    CREATE TABLE listing (mote BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, class INTEGER NOT NULL, bucket INTEGER NOT NULL,
                        permit BLOB NOT NULL, staked INTEGER NOT NULL, PRIMARY KEY (mote, first));
                    CREATE TABLE cert (mote BLOB NOT NULL, slice INTEGER NOT NULL, up INTEGER NOT NULL, PRIMARY KEY (mote, slice));
                    CREATE TABLE swap (id BLOB PRIMARY KEY, mote BLOB NOT NULL, class INTEGER NOT NULL, bucket INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                        order_key BLOB NOT NULL);
                    CREATE TABLE allowance (start INTEGER NOT NULL, class INTEGER NOT NULL, staked INTEGER NOT NULL, permits INTEGER NOT NULL, PRIMARY KEY (start, class, staked));
                    """)
        }
        migrator.registerMigration("desk") { database in
            try database.execute(
                sql: """
                    CREATE TABLE intake (id BLOB PRIMARY KEY, slice INTEGER NOT NULL, body BLOB NOT NULL, answer BLOB);
                    CREATE INDEX intake_slice ON intake (slice);
                    CREATE TABLE seal (slice INTEGER PRIMARY KEY, root BLOB NOT NULL);
                    """)
        }
        return migrator
    }

    func read<R>(_ body: (Database) throws -> R) throws -> R {
        do { return try queue.read(body) } catch let error as DatabaseError { throw MarketStoreError.unavailable(error.description) }
    }

    func write<R>(_ body: (Database) throws -> R) throws -> R {
        do { return try queue.write(body) } catch let error as DatabaseError { throw MarketStoreError.unavailable(error.description) }
    }

    package func transaction<R>(_ body: (inout MarketStatements) throws -> R) throws -> R {
        do {
            return try queue.writeWithoutTransaction { database in
                var result: R?
                // Alone from the beginning, though it reads before it writes.
                try database.inTransaction(.immediate) {
                    var statements = MarketStatements(database: database)
                    result = try body(&statements)
                    return .commit
                }
                return result!
            }
        } catch let error as DatabaseError { throw MarketStoreError.unavailable(error.description) }
    }

    /// All rows that the ledger's rules speak of.
    package func rows() throws -> LedgerRows { try read { database in try MarketRows.read(database) } }
}

package struct MarketStatements: LedgerStatements {
    let database: Database

    package mutating func outcome(of request: [UInt8]) throws -> Outcome? {
        try Int.fetchOne(database, sql: "SELECT outcome FROM request WHERE id = ?", arguments: [Data(request)]).flatMap { UInt8(exactly: $0) }.flatMap(Outcome.init)
    }

    package mutating func insertRequest(_ id: [UInt8], _ shape: Shape, at slice: Slice, _ outcome: Outcome) throws {
        try database.execute(
            sql: "INSERT INTO request (id, shape, detail, slice, outcome) VALUES (?, ?, ?, ?, ?)",
            arguments: [Data(id), Int(shape.code.0), Int(shape.code.1), slice.index, Int(outcome.rawValue)])
    }

    package mutating func isSpent(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool {
        try Int.fetchOne(database, sql: "SELECT 1 FROM nullifier WHERE key_id = ? AND nonce = ?", arguments: [Data(key.bytes), Data(nonce)]) != nil
    }

    package mutating func insertNullifier(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool {
        try insert("INSERT INTO nullifier (key_id, nonce) VALUES (?, ?) ON CONFLICT DO NOTHING", [Data(key.bytes), Data(nonce)])
    }

    package mutating func insertOutput(_ key: KeyID, _ digest: [UInt8], of request: [UInt8]) throws -> Bool {
        try insert("INSERT INTO output (key_id, blinded_hash, request_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [Data(key.bytes), Data(digest), Data(request)])
    }

    /// False when a row of that key was there.
    private func insert(_ sql: String, _ arguments: StatementArguments) throws -> Bool {
        try database.execute(sql: sql, arguments: arguments)
        return database.changesCount == 1
    }

    package mutating func insertEntry(_ request: [UInt8], _ entry: Entry) throws {
        try database.execute(
            sql: "INSERT INTO entry (request_id, account, delta) VALUES (?, ?, ?)", arguments: [Data(request), entry.account.description, entry.delta])
    }

    package mutating func count(_ key: KeyID) throws -> KeyCount {
        let row = try Row.fetchOne(database, sql: "SELECT issued, redeemed FROM key_count WHERE key_id = ?", arguments: [Data(key.bytes)])
        return row.map { KeyCount(issued: $0["issued"], redeemed: $0["redeemed"]) } ?? KeyCount()
    }

    package mutating func setCount(_ key: KeyID, _ count: KeyCount) throws {
        try database.execute(
            sql: """
                INSERT INTO key_count (key_id, issued, redeemed) VALUES (?, ?, ?)
                ON CONFLICT (key_id) DO UPDATE SET issued = excluded.issued, redeemed = excluded.redeemed
                """, arguments: [Data(key.bytes), count.issued, count.redeemed])
    }

    package mutating func listing(_ mote: [UInt8], at slice: Slice) throws -> Listing? {
        try Row.fetchOne(database, sql: "SELECT * FROM listing WHERE mote = ? AND first <= ? AND last >= ?", arguments: [Data(mote), slice.index, slice.index])
            .flatMap(MarketRows.listing)
    }

    package mutating func insertListing(_ listing: Listing) throws -> Bool {
        let isThere = try Int.fetchOne(
            database, sql: "SELECT 1 FROM listing WHERE mote = ? AND first <= ? AND last >= ?", arguments: [Data(listing.mote), listing.last.index, listing.first.index]) != nil
        guard !isThere else { return false }
        try database.execute(
            sql: "INSERT INTO listing (mote, first, last, class, bucket, permit, staked) VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                Data(listing.mote), listing.first.index, listing.last.index, Int(listing.size.rawValue), Int(listing.bucket), Data(listing.permit.bytes), listing.isStaked,
            ])
        return true
    }

    package mutating func isUp(_ mote: [UInt8], at slice: Slice) throws -> Bool? {
        try Bool.fetchOne(database, sql: "SELECT up FROM cert WHERE mote = ? AND slice = ?", arguments: [Data(mote), slice.index])
    }

    package mutating func insertCertificate(_ mote: [UInt8], at slice: Slice, isUp: Bool) throws {
        try database.execute(sql: "INSERT INTO cert (mote, slice, up) VALUES (?, ?, ?)", arguments: [Data(mote), slice.index, isUp])
    }

    package mutating func swap(_ id: [UInt8]) throws -> Swap? {
        try Row.fetchOne(database, sql: "SELECT * FROM swap WHERE id = ?", arguments: [Data(id)]).flatMap(MarketRows.swap)
    }

    package mutating func insertSwap(_ swap: Swap) throws {
        try database.execute(
            sql: "INSERT INTO swap (id, mote, class, bucket, first, last, order_key) VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [Data(swap.id), Data(swap.mote), Int(swap.size.rawValue), Int(swap.bucket), swap.first.index, swap.last.index, Data(swap.orderKey)])
    }

    package mutating func allowance(_ start: Slice, _ size: MoteClass, isStaked: Bool) throws -> Int64 {
        try Int64.fetchOne(
            database, sql: "SELECT permits FROM allowance WHERE start = ? AND class = ? AND staked = ?", arguments: [start.index, Int(size.rawValue), isStaked]) ?? 0
    }

    package mutating func setAllowance(_ start: Slice, _ size: MoteClass, isStaked: Bool, _ count: Int64) throws {
        try database.execute(
            sql: """
                INSERT INTO allowance (start, class, staked, permits) VALUES (?, ?, ?, ?)
                ON CONFLICT (start, class, staked) DO UPDATE SET permits = excluded.permits
                """, arguments: [start.index, Int(size.rawValue), isStaked, count])
    }

    package mutating func forgetNullifiers(of key: KeyID) throws {
        try database.execute(sql: "DELETE FROM nullifier WHERE key_id = ?", arguments: [Data(key.bytes)])
        try database.execute(
            sql: "INSERT INTO key_count (key_id, issued, redeemed, retired) VALUES (?, 0, 0, 1) ON CONFLICT (key_id) DO UPDATE SET retired = 1", arguments: [Data(key.bytes)])
    }
}

/// Rows as the core has them.
enum MarketRows {
    static func read(_ database: Database) throws -> LedgerRows {
        var rows = LedgerRows()
        for row in try Row.fetchAll(database, sql: "SELECT request_id, account, delta FROM entry") {
            guard let account = Account(row["account"] as String) else { continue }
            rows.entries[Array(row["request_id"] as Data), default: []].append(Entry(account, row["delta"]))
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM key_count") {
            guard let key = key(row["key_id"]) else { continue }
            rows.counts[key] = KeyCount(issued: row["issued"], redeemed: row["redeemed"])
            if row["retired"] { rows.retired.insert(key) }
        }
        rows.nullifiers = try counts(database, "nullifier")
        rows.outputs = try counts(database, "output")
        rows.listings = try Row.fetchAll(database, sql: "SELECT * FROM listing").compactMap(listing)
        rows.swaps = try Row.fetchAll(database, sql: "SELECT * FROM swap").compactMap(swap)
        for row in try Row.fetchAll(database, sql: "SELECT * FROM allowance") {
            guard let size = MoteClass(rawValue: row["class"]) else { continue }
            rows.allowances[.permit(Slice(row["start"]), size, isStaked: row["staked"])] = row["permits"]
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM cert") { rows.certificates[.init(Array(row["mote"] as Data), Slice(row["slice"]))] = row["up"] }
        return rows
    }

    private static func counts(_ database: Database, _ table: String) throws -> [KeyID: Int] {
        var counts: [KeyID: Int] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT key_id, count(*) AS number FROM \(table) GROUP BY key_id") {
            if let key = key(row["key_id"]) { counts[key] = row["number"] }
        }
        return counts
    }

    private static func key(_ data: Data) -> KeyID? { KeyID(Array(data)) }

    static func listing(_ row: Row) -> Listing? {
        guard let size = MoteClass(rawValue: row["class"]), let permit = key(row["permit"]) else { return nil }
        return Listing(
            mote: Array(row["mote"] as Data), size: size, bucket: row["bucket"], first: Slice(row["first"]), last: Slice(row["last"]), permit: permit, isStaked: row["staked"])
    }

    static func swap(_ row: Row) -> Swap? {
        guard let size = MoteClass(rawValue: row["class"]) else { return nil }
        return Swap(
            id: Array(row["id"] as Data), mote: Array(row["mote"] as Data), size: size, bucket: row["bucket"], first: Slice(row["first"]), last: Slice(row["last"]),
            orderKey: Array(row["order_key"] as Data))
    }
}

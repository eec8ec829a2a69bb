package import Exchange
internal import Bytes
internal import Foundation
internal import GRDB

/// What a wallet has, in SQLite. When a call returns, what it wrote survives a power cut. One process orders (`WalletLock`); others look and wish.
///
/// A table of tokens, one of orders, and what the owner wishes. Whatever moves value is one transaction: an order and the tokens that are in
/// it, an answer and the tokens that it made.
package final class WalletStore: Sendable {
    let queue: DatabaseQueue

    package init(_ path: String) throws(WalletError) {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in try database.execute(sql: "PRAGMA synchronous = FULL") }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(queue)
        } catch { throw WalletError(.unavailable, "cannot open \(path): \(error)") }
    }

    /// Of a token.
    enum TokenState: Int {
        case free = 0, ordered, spent
        /// Written as a ticket for the client.
        case ticket
        /// A permit of one of the owner's motes.
        case permit
        /// Refused so often that it counts as lost; kept, and shown.
        case lost
    }

    package enum OrderState: Int, Sendable {
        case planned = 0
        /// The exchange has it.
        case sent
        case done, refused
        /// It was never sent, and its time is over.
        case cancelled
    }

    /// Why an order that the exchange may have answered before is sent again.
    enum Again: Int {
        case not = 0
        /// The wallet was restored, and has no answer.
        case underWay
        /// Likewise, and it has: for company. Nothing comes of it.
        case finished
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("wallet") { database in
            try database.execute(
                sql: """
                    CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL);
                    CREATE TABLE token (nonce BLOB PRIMARY KEY, body BLOB NOT NULL, state INTEGER NOT NULL, order_id BLOB, tries INTEGER NOT NULL DEFAULT 0, is_decoy INTEGER NOT NULL DEFAULT 0);
                    CREATE INDEX token_state ON token (state);
                    CREATE TABLE market_order (id BLOB PRIMARY KEY, recipe BLOB NOT NULL, keys BLOB NOT NULL, body BLOB NOT NULL, purpose TEXT NOT NULL, state INTEGER NOT NULL,
                        send_at INTEGER NOT NULL, slice INTEGER, ask_at INTEGER, sends INTEGER NOT NULL DEFAULT 0, note TEXT, finished_at INTEGER,
                        rechecked INTEGER NOT NULL DEFAULT 0);
                    CREATE INDEX order_state ON market_order (state);
                    CREATE TABLE input (order_id BLOB NOT NULL, nonce BLOB NOT NULL, PRIMARY KEY (nonce, order_id)) WITHOUT ROWID;
                    CREATE TABLE pack (receipt BLOB PRIMARY KEY, signature BLOB NOT NULL, state INTEGER NOT NULL);
                    CREATE TABLE purchase (id INTEGER PRIMARY KEY, denomination INTEGER NOT NULL, urgent INTEGER NOT NULL, decoy INTEGER NOT NULL, not_before INTEGER NOT NULL,
                        state INTEGER NOT NULL, slice INTEGER, wait TEXT);
                    CREATE TABLE lot (id INTEGER PRIMARY KEY, folder TEXT NOT NULL, class INTEGER NOT NULL, bucket INTEGER NOT NULL, address TEXT NOT NULL, trial INTEGER NOT NULL,
                        wants INTEGER NOT NULL, state INTEGER NOT NULL, start INTEGER, permit BLOB, listed INTEGER NOT NULL DEFAULT 0,
                        swap_id BLOB, swap_bucket INTEGER, swap_counter INTEGER NOT NULL DEFAULT 0, note TEXT);
                    CREATE TABLE income (nonce BLOB PRIMARY KEY, lot INTEGER NOT NULL, body BLOB NOT NULL, state INTEGER NOT NULL, order_id BLOB, tries INTEGER NOT NULL DEFAULT 0);
                    CREATE TABLE keys (kind TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, number));
                    CREATE TABLE listing (slice INTEGER NOT NULL, mote BLOB NOT NULL, offer BLOB NOT NULL, PRIMARY KEY (slice, mote));
                    CREATE TABLE cert (slice INTEGER NOT NULL, mote BLOB NOT NULL, up INTEGER NOT NULL, PRIMARY KEY (slice, mote));
                    CREATE TABLE source (slice INTEGER PRIMARY KEY, count INTEGER NOT NULL);
                    CREATE TABLE history (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, text TEXT NOT NULL);
                    """)
        }
        migrator.registerMigration("orders sent again") { database in
            try database.execute(sql: "ALTER TABLE market_order ADD COLUMN again INTEGER NOT NULL DEFAULT 0")
        }
        migrator.registerMigration("grievances and further permits") { database in
            try database.execute(
                sql: """
                    CREATE TABLE grievance (nonce BLOB NOT NULL, kind INTEGER NOT NULL, body BLOB NOT NULL, send_at INTEGER NOT NULL, state INTEGER NOT NULL, PRIMARY KEY (nonce, kind));
                    CREATE TABLE complaint (taken INTEGER NOT NULL, mote BLOB NOT NULL, served INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (taken, mote, served));
                    ALTER TABLE lot ADD COLUMN more INTEGER NOT NULL DEFAULT 0;
                    """)
        }
        return migrator
    }

    /// What several statements find is of one moment. GRDB's own way forbids writing meanwhile, and for that has SQLite parse all statements again.
    func read<R>(_ body: (Database) throws -> R) throws -> R {
        do {
            return try queue.inDatabase { database in
                var found: R?
                try database.inTransaction(.deferred) {
                    found = try body(database)
                    return .commit
                }
                return found!
            }
        } catch let error as DatabaseError { throw WalletError(.unavailable, "the wallet cannot be read: \(error)") }
    }

    /// For what is found with one statement, which needs no transaction around it.
    func find<R>(_ body: (Database) throws -> R) throws -> R {
        do { return try queue.unsafeRead(body) } catch let error as DatabaseError { throw WalletError(.unavailable, "the wallet cannot be read: \(error)") }
    }

    func write<R>(_ body: (Database) throws -> R) throws -> R {
        do { return try queue.write(body) } catch let error as DatabaseError { throw WalletError(.unavailable, "the wallet cannot be written: \(error)") }
    }

    // MARK: settings

    package func setting(_ name: String) throws -> [UInt8]? {
        try find { try Data.fetchOne($0.kept("SELECT value FROM setting WHERE name = ?"), arguments: [name]).map { Array($0) } }
    }

    package func set(_ name: String, _ value: [UInt8]) throws { try write { try Self.set($0, name, value) } }

    package func unset(_ name: String) throws { try write { try $0.run("DELETE FROM setting WHERE name = ?", [name]) } }

    static func set(_ database: Database, _ name: String, _ value: [UInt8]) throws {
        try database.run("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", [name, Data(value)])
    }

    func number(_ name: String) throws -> Int64? { try setting(name).flatMap { Int64(String(decoding: $0, as: UTF8.self)) } }
    func set(_ name: String, _ value: Int64) throws { try set(name, Array("\(value)".utf8)) }

    /// Takes whole blocks of counters, written down before any of them is used: what was taken and not used is never used.
    func reserveCounters(_ count: UInt64) throws -> Range<UInt64> {
        try write { database in
            let text = try Data.fetchOne(database.kept("SELECT value FROM setting WHERE name = 'counter'")).map { String(decoding: $0, as: UTF8.self) }
            let first = text.flatMap { UInt64($0) } ?? 0, blocks = (count + WalletSeed.block - 1) / WalletSeed.block, next = first + blocks * WalletSeed.block
            try Self.set(database, "counter", Array("\(next)".utf8))
            return first..<next
        }
    }

    // MARK: history

    static let historyLimit = 10_000

    static func note(_ database: Database, _ text: String, at now: Int64) throws {
        try database.run("INSERT INTO history (at, text) VALUES (?, ?)", [now, text])
        try database.run("DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?", [historyLimit])
    }

    package func note(_ text: String, at now: Int64) throws { try write { try Self.note($0, text, at: now) } }

    /// The newest last.
    package func history(_ count: Int) throws -> [(at: Int64, text: String)] {
        try find { database in
            try Row.fetchAll(database.kept("SELECT at, text FROM history ORDER BY id DESC LIMIT ?"), arguments: [count]).map { ($0["at"], $0["text"]) }.reversed()
        }
    }

    // MARK: tokens

    static func decode(_ body: Data) throws -> WalletToken {
        var reader = ByteReader(Array(body))
        do { return try WalletToken(&reader) } catch { throw WalletError(.badData, "the wallet holds a token that cannot be read") }
    }

    static func encode(_ token: WalletToken) -> Data {
        var writer = ByteWriter(capacity: 512)
        token.write(&writer)
        return Data(writer.bytes)
    }

    static func tokens(_ database: Database, _ state: TokenState) throws -> [WalletToken] {
        try Data.fetchAll(database.kept("SELECT body FROM token WHERE state = ? ORDER BY nonce"), arguments: [state.rawValue]).map(decode)
    }

    static func insert(_ database: Database, _ token: WalletToken, _ state: TokenState, isDecoy: Bool = false) throws {
        try database.run("INSERT OR IGNORE INTO token (nonce, body, state, is_decoy) VALUES (?, ?, ?, ?)", [Data(token.nonce), encode(token), state.rawValue, isDecoy])
    }

    static func set(_ database: Database, _ nonce: [UInt8], _ state: TokenState) throws {
        try database.run("UPDATE token SET state = ? WHERE nonce = ?", [state.rawValue, Data(nonce)])
    }

    package func tokens() throws -> [WalletToken] { try find { try Self.tokens($0, .free) } }
}

extension Database {
    /// A statement that is parsed once: the same few are asked in every step.
    func kept(_ sql: String) throws -> Statement { try cachedStatement(sql: sql) }

    func run(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws { try cachedStatement(sql: sql).execute(arguments: arguments) }
}

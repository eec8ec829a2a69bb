package import Ambience
package import Audit
internal import Foundation
internal import GRDB
package import Leasing
package import Prices

/// The durable record: settings, motes, what happened to them, and wishes. When a call returns, what it wrote survives a power cut.
///
/// Several processes may open it: the coordinator writes motes and events; others write settings and wishes and read all.
package final class Store: Sendable {
    /// The events that are kept.
    private static let eventsLimit = 10_000

    private let queue: DatabaseQueue

    package init(_ folder: StateFolder) throws(CoordinationError) {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in try database.execute(sql: "PRAGMA synchronous = FULL") }
        do {
            queue = try DatabaseQueue(path: folder.database, configuration: configuration)
            try Self.migrator.migrate(queue)
        } catch { throw CoordinationError(.unavailable, "cannot open \(folder.database): \(error)") }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("motes") { database in
            try database.execute(
                sql: """
                    CREATE TABLE cloud (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;
                    CREATE TABLE mote (key TEXT PRIMARY KEY, state TEXT NOT NULL, expires INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
                    CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL) STRICT;
                    CREATE TABLE wish (key TEXT PRIMARY KEY, wish TEXT NOT NULL) STRICT;
                    """)
        }
        migrator.registerMigration("spent") { database in
            try database.execute(sql: "CREATE TABLE spent (currency TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT")
        }
        migrator.registerMigration("halts") { database in
            try database.execute(sql: "CREATE TABLE halt (scope TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT")
        }
        migrateUsage(&migrator)
        migrator.registerMigration("rentals") { database in
            try database.execute(
                sql: """
                    CREATE TABLE rental (name TEXT PRIMARY KEY, account TEXT NOT NULL, body TEXT NOT NULL) STRICT;
                    CREATE TABLE account (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
                    ALTER TABLE mote ADD COLUMN currency TEXT;
                    ALTER TABLE mote ADD COLUMN promised INTEGER NOT NULL DEFAULT 0;
                    """)
        }
        return migrator
    }

    // MARK: settings

    package func settings() throws(CoordinationError) -> CloudSettings? {
        try read { database in
            try String.fetchOne(database, sql: "SELECT body FROM cloud").map { try Self.decode(CloudSettings.self, $0) }
        }
    }

    package func save(_ settings: CloudSettings) throws(CoordinationError) {
        try write { database in
            try database.execute(sql: "INSERT OR REPLACE INTO cloud (id, body) VALUES (1, ?)", arguments: [try Self.encode(settings)])
        }
    }

    /// Changes the mode alone, whatever else another process has written meanwhile. False if there is no cloud.
    package func setMode(_ mode: Desire.Mode) throws(CoordinationError) -> Bool {
        try write { database in
            guard let body = try String.fetchOne(database, sql: "SELECT body FROM cloud") else { return false }
            var settings = try Self.decode(CloudSettings.self, body)
            settings.mode = mode
            try database.execute(sql: "UPDATE cloud SET body = ?", arguments: [try Self.encode(settings)])
            return true
        }
    }

    /// The cloud is down and forgotten, and with it its budget; what happened stays.
    package func clearCloud() throws(CoordinationError) {
        try write { database in
            try database.execute(sql: "DELETE FROM cloud; DELETE FROM wish; DELETE FROM mote; DELETE FROM spent; DELETE FROM rental; DELETE FROM account")
        }
    }

    // MARK: motes

    package func ledger() throws(CoordinationError) -> Ledger {
        try read { database in
            let records = try String.fetchAll(database, sql: "SELECT body FROM mote").map { try Self.decode(MoteRecord.self, $0) }
            return Ledger(records, spent: try Self.spent(database))
        }
    }

    /// Records a step and what the mote is after it, together or not at all. An intent that the budget does not hold is refused: whatever else went
    /// wrong, nothing is ordered that was not promised here first.
    package func record(_ event: MoteEvent, _ mote: MoteRecord) throws(CoordinationError) {
        try write { database in
            if case .intended(let lease) = event.change { try Self.checkBudget(lease, database) }
            try database.execute(
                sql: "INSERT OR REPLACE INTO mote (key, state, expires, currency, promised, body) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    mote.key.description, mote.state.name, mote.expires.secondsSinceEpoch, mote.committed?.currency.rawValue,
                    mote.committed?.amount.nanos ?? 0, try Self.encode(mote),
                ])
            try database.execute(
                sql: "INSERT INTO event (at, key, body) VALUES (?, ?, ?)",
                arguments: [event.at.secondsSinceEpoch, event.key.description, try Self.encode(event.change)])
            try Self.account(event, database)
        }
    }

    static func spent(_ database: Database) throws -> Purse {
        var purse = Purse()
        for row in try Row.fetchAll(database, sql: "SELECT currency, amount FROM spent") {
            guard let currency = Currency(rawValue: row["currency"]), let amount = Amount(row["amount"] as String) else {
                throw DatabaseError(message: "what was spent is not readable")
            }
            purse.add(amount, currency)
        }
        return purse
    }

    /// Forgets motes long gone, but not what all of those cost together, and the oldest events beyond the bound.
    package func forget(_ keys: [MoteKey], spent: Purse, now: WallTime) throws(CoordinationError) {
        try write { database in
            for (currency, amount) in spent.amounts {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO spent (currency, amount) VALUES (?, ?)", arguments: [currency.rawValue, amount.description])
            }
            for key in keys { try database.execute(sql: "DELETE FROM mote WHERE key = ?", arguments: [key.description]) }
            try database.execute(sql: "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?", arguments: [Self.eventsLimit])
            try Self.forgetUsage(before: now, database)
        }
    }

    /// The steps of a mote, or of all, the oldest first.
    package func events(of key: MoteKey? = nil) throws(CoordinationError) -> [MoteEvent] {
        try read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT at, key, body FROM event WHERE ?1 IS NULL OR key = ?1 ORDER BY id", arguments: [key?.description])
            return try rows.compactMap { row in
                guard let key = MoteKey(row["key"] as String) else { return nil }
                return MoteEvent(key: key, at: WallTime(secondsSinceEpoch: row["at"]), change: try Self.decode(MoteChange.self, row["body"]))
            }
        }
    }

    /// The steps after a row of the record, the oldest first, with their rows.
    package func events(after number: Int64) throws(CoordinationError) -> [(number: Int64, event: MoteEvent)] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT id, at, key, body FROM event WHERE id > ? ORDER BY id", arguments: [number]).compactMap { row in
                guard let key = MoteKey(row["key"] as String) else { return nil }
                let event = MoteEvent(key: key, at: WallTime(secondsSinceEpoch: row["at"]), change: try Self.decode(MoteChange.self, row["body"]))
                return (row["id"], event)
            }
        }
    }

    // MARK: wishes

    package func wishes() throws(CoordinationError) -> [MoteKey: Wish] {
        try read { database in
            var wishes: [MoteKey: Wish] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT key, wish FROM wish") {
                if let key = MoteKey(row["key"] as String), let wish = Wish(rawValue: row["wish"]) { wishes[key] = wish }
            }
            return wishes
        }
    }

    package func wish(_ wish: Wish, for key: MoteKey) throws(CoordinationError) {
        try write { database in
            try database.execute(sql: "INSERT OR REPLACE INTO wish (key, wish) VALUES (?, ?)", arguments: [key.description, wish.rawValue])
        }
    }

    package func fulfilled(_ key: MoteKey) throws(CoordinationError) {
        try write { database in try database.execute(sql: "DELETE FROM wish WHERE key = ?", arguments: [key.description]) }
    }

    // MARK: stops

    /// What somebody ordered to end and not to come again. It outlives the cloud: a new one in the same folder is stopped as well.
    package func halts() throws(CoordinationError) -> Set<HaltScope> {
        try read { database in Set(try String.fetchAll(database, sql: "SELECT scope FROM halt").compactMap { HaltScope($0) }) }
    }

    package func halt(_ scope: HaltScope, at now: WallTime) throws(CoordinationError) {
        try write { database in
            try database.execute(sql: "INSERT OR REPLACE INTO halt (scope, at) VALUES (?, ?)", arguments: [scope.description, now.secondsSinceEpoch])
        }
    }

    package func lift(_ scope: HaltScope) throws(CoordinationError) {
        try write { database in try database.execute(sql: "DELETE FROM halt WHERE scope = ?", arguments: [scope.description]) }
    }

    // MARK: plumbing

    func read<T>(_ body: (Database) throws -> T) throws(CoordinationError) -> T {
        do { return try queue.read(body) } catch { throw CoordinationError(.unavailable, "reading the state failed: \(error)") }
    }

    func write<T>(_ body: (Database) throws -> T) throws(CoordinationError) -> T {
        do { return try queue.write(body) } catch let error as CoordinationError { throw error } catch { throw CoordinationError(.unavailable, "writing the state failed: \(error)") }
    }

    static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode<T: Decodable>(_ type: T.Type, _ text: String) throws -> T { try JSONDecoder().decode(type, from: Data(text.utf8)) }
}

internal import Foundation
internal import GRDB

/// An exchange's tables in a file. When a transaction returns, what it wrote survives a power cut.
package struct SQLiteDatabase: MarketDatabase {
    private let queue: DatabaseQueue
    package let dialect = MarketDialect.sqlite

    /// Several processes may open the same file; their transactions follow one another.
    package init(path: String) throws {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        // Deleted rows are written over, not only unlinked.
        configuration.prepareDatabase { database in try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON") }
        do { queue = try DatabaseQueue(path: path, configuration: configuration) } catch { throw MarketStoreError.unavailable("cannot open \(path): \(error)") }
    }

    /// The log beside the file still has pages as they were. If somebody reads just then, the next time will do.
    package func scrub() throws {
        do { _ = try queue.writeWithoutTransaction { try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") } } catch let error as DatabaseError {
            throw MarketStoreError.unavailable(error.description)
        }
    }

    package func read<R>(_ body: (any MarketConnection) throws -> R) throws -> R {
        do { return try queue.read { try body(SQLiteConnection(database: $0)) } } catch let error as DatabaseError { throw MarketStoreError.unavailable(error.description) }
    }

    package func write<R>(_ body: (any MarketConnection) throws -> R) throws -> R {
        do {
            return try queue.writeWithoutTransaction { database in
                var result: R?
                // Alone from the beginning, though it reads before it writes.
                try database.inTransaction(.immediate) {
                    result = try body(SQLiteConnection(database: database))
                    return .commit
                }
                return result!
            }
        } catch let error as DatabaseError { throw MarketStoreError.unavailable(error.description) }
    }
}

private struct SQLiteConnection: MarketConnection {
    let database: Database

    func rows(_ sql: String, _ arguments: [MarketValue]) throws -> [MarketRow] {
        try Row.fetchAll(database.cachedStatement(sql: sql), arguments: Self.statementArguments(arguments)).map { row in
            MarketRow(columns: Array(row.columnNames), values: row.databaseValues.map(Self.value))
        }
    }

    func run(_ sql: String, _ arguments: [MarketValue]) throws -> Int {
        try database.cachedStatement(sql: sql).execute(arguments: Self.statementArguments(arguments))
        return database.changesCount
    }

    func script(_ sql: String) throws { try database.execute(sql: sql) }

    private static func statementArguments(_ values: [MarketValue]) -> StatementArguments {
        StatementArguments(values.map { value -> DatabaseValue in
            switch value {
            case .null: .null
            case .integer(let integer): integer.databaseValue
            case .bytes(let bytes): Data(bytes).databaseValue
            case .text(let text): text.databaseValue
            }
        })
    }

    /// The exchange stores no fractions.
    private static func value(_ value: DatabaseValue) -> MarketValue {
        switch value.storage {
        case .null: .null
        case .int64(let integer): .integer(integer)
        case .double(let double): .integer(Int64(double))
        case .string(let text): .text(text)
        case .blob(let data): .bytes(Array(data))
        }
    }
}

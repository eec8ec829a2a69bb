internal import Synchronization

/// An exchange's tables in PostgreSQL 13 or newer, at `postgres://USER@HOST:PORT/DATABASE` as libpq reads it.
///
/// Transactions that write follow one another, as in SQLite: every order changes the counts of its keys, so two at once would only undo one
/// another. They are serializable all the same, should anybody else write there.
package final class PostgresDatabase: MarketDatabase {
    /// Connections that are kept while nobody uses them. There are never more in use than there are threads that do.
    private static let kept = 4
    /// Times that a transaction is begun again because somebody else's was in its way.
    private static let tries = 20
    private let address: String
    private let stock = Mutex<[PostgresLine]>([])
    package let dialect = MarketDialect(bytes: "BYTEA", integer: "BIGINT", clustered: "", arrival: "place", arriving: "BIGSERIAL")

    /// Throws `MarketStoreError.unavailable` when there is no such database, and when it would not keep what it says is kept.
    package init(_ address: String) throws {
        self.address = address
        let line = try PostgresLine(address)
        // The table that writers lock. Two that make it at once are in each other's way, hence the lock that needs no table.
        try named { try line.script("SELECT pg_advisory_lock(1685353844); CREATE TABLE IF NOT EXISTS market_step (name TEXT PRIMARY KEY); SELECT pg_advisory_unlock(1685353844)") }
        give(line)
    }

    package static func isAddress(_ text: String) -> Bool { text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") }

    package func read<R>(_ body: (any MarketConnection) throws -> R) throws -> R { try transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body) }

    package func write<R>(_ body: (any MarketConnection) throws -> R) throws -> R {
        // A lock is waited for before the transaction's moment is fixed, so it sees all that was before.
        try transaction("BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE market_step IN EXCLUSIVE MODE", body)
    }

    /// Its own cleaning (autovacuum) takes deleted rows out of the files in its time.
    package func scrub() throws {}

    private func transaction<R>(_ begin: String, _ body: (any MarketConnection) throws -> R) throws -> R {
        try named {
            for _ in 1..<Self.tries {
                do { return try attempt(begin, body) } catch let failure as PostgresFailure where failure.isCollision { continue }
            }
            return try attempt(begin, body)
        }
    }

    /// A connection on which anything failed that ROLLBACK does not end is closed.
    private func attempt<R>(_ begin: String, _ body: (any MarketConnection) throws -> R) throws -> R {
        let line = try begun(begin)
        let result: R
        do { result = try body(line) } catch {
            if (try? line.script("ROLLBACK")) != nil { give(line) }
            throw error
        }
        // Lost here, it may have happened or not: whoever asked does not hear that it did, and an order comes again.
        guard try line.commit() else {
            give(line)
            throw MarketStoreError.unavailable("PostgreSQL undid a transaction")
        }
        give(line)
        return result
    }

    /// Connections in stock may have been closed meanwhile, as when the server was restarted.
    private func begun(_ begin: String) throws -> PostgresLine {
        while let line = stock.withLock({ $0.popLast() }) {
            do {
                try line.script(begin)
                return line
            } catch is PostgresLost { continue }
        }
        let line = try PostgresLine(address)
        try line.script(begin)
        return line
    }

    private func give(_ line: PostgresLine) { stock.withLock { if $0.count < Self.kept { $0.append(line) } } }

    private func named<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let failure as PostgresFailure { throw MarketStoreError.unavailable("PostgreSQL: \(failure.words) (\(failure.code))") } catch let lost as PostgresLost {
            throw MarketStoreError.unavailable(lost.words)
        }
    }
}

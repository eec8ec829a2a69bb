package import Exchange

package enum MarketStoreError: Error, Equatable, CustomStringConvertible {
    /// The database cannot be opened, read or written, and its words why.
    case unavailable(String)
    /// A row is not what this program writes.
    case damaged(String)

    package var description: String {
        switch self {
        case .unavailable(let words): words
        case .damaged(let words): "the database is damaged: \(words)"
        }
    }
}

/// A value as every database has it.
package enum MarketValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case bytes([UInt8])
    case text(String)

    package static func slice(_ slice: Slice) -> MarketValue { .integer(slice.index) }
    package static func flag(_ flag: Bool) -> MarketValue { .integer(flag ? 1 : 0) }
    package static func key(_ key: KeyID) -> MarketValue { .bytes(key.bytes) }
}

/// One row of an answer. A column that is not there, or of another kind, is `damaged`.
package struct MarketRow: Sendable {
    let columns: [String]
    let values: [MarketValue]

    package init(columns: [String], values: [MarketValue]) { (self.columns, self.values) = (columns, values) }

    package func integer(_ column: String) throws -> Int64 {
        guard case .integer(let integer) = try value(column) else { throw wrong(column) }
        return integer
    }

    /// `nil` for NULL.
    package func integerIfAny(_ column: String) throws -> Int64? {
        if case .null = try value(column) { return nil }
        return try integer(column)
    }

    package func bytes(_ column: String) throws -> [UInt8] {
        guard let bytes = try bytesIfAny(column) else { throw wrong(column) }
        return bytes
    }

    /// `nil` for NULL.
    package func bytesIfAny(_ column: String) throws -> [UInt8]? {
        switch try value(column) {
        case .bytes(let bytes): return bytes
        case .null: return nil
        default: throw wrong(column)
        }
    }

    package func text(_ column: String) throws -> String {
        guard case .text(let text) = try value(column) else { throw wrong(column) }
        return text
    }

    package func slice(_ column: String) throws -> Slice { Slice(try integer(column)) }
    package func flag(_ column: String) throws -> Bool { try integer(column) != 0 }

    package func byte(_ column: String) throws -> UInt8 {
        guard let byte = UInt8(exactly: try integer(column)) else { throw wrong(column) }
        return byte
    }

    package func key(_ column: String) throws -> KeyID {
        guard let key = KeyID(try bytes(column)) else { throw wrong(column) }
        return key
    }

    private func value(_ column: String) throws -> MarketValue {
        guard let index = columns.firstIndex(of: column) else { throw wrong(column) }
        return values[index]
    }

    private func wrong(_ column: String) -> MarketStoreError { .damaged("the column \(column) is not what this program wrote there") }
}

/// The inside of a transaction. Statements are texts that SQLite and PostgreSQL both understand, `?` for each argument: a statement is
/// written once, whatever database an exchange has.
package protocol MarketConnection {
    /// The statement's rows. All of them are in memory at once.
    func rows(_ sql: String, _ arguments: [MarketValue]) throws -> [MarketRow]
    /// How many rows it changed.
    func run(_ sql: String, _ arguments: [MarketValue]) throws -> Int
    /// Several statements without arguments.
    func script(_ sql: String) throws
}

extension MarketConnection {
    package func rows(_ sql: String, _ arguments: MarketValue...) throws -> [MarketRow] { try rows(sql, arguments) }
    package func row(_ sql: String, _ arguments: MarketValue...) throws -> MarketRow? { try rows(sql, arguments).first }
    /// Whether it has a row.
    package func has(_ sql: String, _ arguments: MarketValue...) throws -> Bool { try !rows(sql, arguments).isEmpty }
    @discardableResult
    package func run(_ sql: String, _ arguments: MarketValue...) throws -> Int { try run(sql, arguments) }
}

/// Where an exchange's tables are. May be used from any thread.
package protocol MarketDatabase: Sendable {
    /// What `body` reads is of one moment.
    func read<R>(_ body: (any MarketConnection) throws -> R) throws -> R
    /// A serializable transaction, alone from its beginning: durable when it returns, and nothing of it happened if it throws.
    ///
    /// `body` may be run again when the database undoes the transaction, so it does nothing but read and write rows.
    func write<R>(_ body: (any MarketConnection) throws -> R) throws -> R
    /// Lets nothing of what was deleted be found in its files, as far as it can.
    func scrub() throws
    /// Kinds of columns, and what follows a table's columns, where databases differ.
    var dialect: MarketDialect { get }
}

/// How a database calls what the tables' texts name in SQLite's words.
package struct MarketDialect: Sendable {
    let bytes: String
    let integer: String
    let clustered: String
    /// The column that says in which order a table's rows came, and how a table gets it: SQLite's have one, if they are not clustered.
    let arrival: String
    let arriving: String

    static let sqlite = MarketDialect(bytes: "BLOB", integer: "INTEGER", clustered: " WITHOUT ROWID", arrival: "rowid", arriving: "")

    func translated(_ schema: String) -> String {
        schema.replacing("ARRIVING request;", with: arriving.isEmpty ? "" : "ALTER TABLE request ADD COLUMN \(arrival) \(arriving);").replacing("BLOB", with: bytes).replacing("INTEGER", with: integer).replacing(" WITHOUT ROWID", with: clustered)
    }
}

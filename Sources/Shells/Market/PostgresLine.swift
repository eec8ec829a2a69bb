internal import CPostgres

/// What PostgreSQL said, by its code of five characters.
struct PostgresFailure: Error {
    let code: String
    let words: String

    /// It undid a transaction because of another one; the same again may succeed.
    var isCollision: Bool { code == "40001" || code == "40P01" }
}

/// The connection broke, or no answer came in time.
struct PostgresLost: Error {
    let words: String
}

/// One connection to PostgreSQL, used by one thread at a time: by whoever took it out of `PostgresDatabase`'s stock.
///
/// Each statement is prepared once and then known by its number. Every wait is bounded.
final class PostgresLine: MarketConnection, @unchecked Sendable {
    /// For one statement; the server gives up a little earlier.
    private static let limitMilliseconds: Int32 = 120_000
    private let connection: OpaquePointer
    private var names: [String: String] = [:]

    /// Throws `MarketStoreError.unavailable`.
    init(_ address: String) throws {
        // SAFETY: the address is lent to one call; the connection belongs to this object alone and ends with it.
        var why = [CChar](repeating: 0, count: Int(dc_pg_why))
        guard let connection = dc_pg_open(address, &why) else { throw MarketStoreError.unavailable("cannot reach PostgreSQL: \(Self.line(why))") }
        self.connection = connection
        try settle()
    }

    deinit { PQfinish(connection) }

    private static func line(_ words: [CChar]) -> String {
        String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: "\n").joined(separator: "; ")
    }

    /// What is committed must be on the disk, and a transaction of a process that stopped must not be in the way of others for ever.
    private func settle() throws {
        do {
            try script("SET synchronous_commit = on; SET lock_timeout = '60s'; SET statement_timeout = '110s'; SET idle_in_transaction_session_timeout = '110s'")
            let isDurable = try rows("SELECT current_setting('fsync') AS fsync").first?.text("fsync") == "on"
            guard isDurable else {
                throw MarketStoreError.unavailable("this PostgreSQL runs with fsync = off, so what it says is kept may be lost: set fsync = on in postgresql.conf and restart it")
            }
        } catch let failure as PostgresFailure { throw MarketStoreError.unavailable(failure.words) } catch let lost as PostgresLost {
            throw MarketStoreError.unavailable(lost.words)
        }
    }

    // MARK: statements

    func rows(_ sql: String, _ arguments: [MarketValue]) throws -> [MarketRow] { try execute(sql, arguments).rows() }

    func run(_ sql: String, _ arguments: [MarketValue]) throws -> Int { try execute(sql, arguments).changed }

    func script(_ sql: String) throws { _ = try checked(dc_pg_script(connection, sql, Self.limitMilliseconds)) }

    /// False when the server undid the transaction instead.
    func commit() throws -> Bool { try checked(dc_pg_script(connection, "COMMIT", Self.limitMilliseconds)).command == "COMMIT" }

    private func execute(_ sql: String, _ arguments: [MarketValue]) throws -> PostgresAnswer {
        let name = try prepared(sql, arguments)
        var bytes: [UInt8] = [], lengths: [Int32] = []
        for argument in arguments {
            let own = PostgresCode.bytes(argument)
            bytes += own ?? []
            lengths.append(own.map { Int32($0.count) } ?? -1)
        }
        // SAFETY: both arrays are lent to this call, which sends what is in them before it returns.
        return try checked(dc_pg_run(connection, name, Int32(arguments.count), bytes, lengths, Self.limitMilliseconds))
    }

    /// As many as there are statements in the program.
    private func prepared(_ sql: String, _ arguments: [MarketValue]) throws -> String {
        if let name = names[sql] { return name }
        guard arguments.count <= Int(dc_pg_arguments) else { throw PostgresFailure(code: "54023", words: "too many arguments") }
        let name = "s\(names.count)", types = arguments.map(PostgresCode.type)
        _ = try checked(dc_pg_prepare(connection, name, PostgresCode.numbered(sql), Int32(types.count), types, Self.limitMilliseconds))
        names[sql] = name
        return name
    }

    private func checked(_ result: OpaquePointer?) throws -> PostgresAnswer {
        // SAFETY: the answer owns the result and clears it; strings are copied at once.
        guard let result else { throw PostgresLost(words: "PostgreSQL does not answer: \(String(cString: PQerrorMessage(connection)))") }
        let answer = PostgresAnswer(result)
        guard PQresultStatus(result) == PGRES_FATAL_ERROR else { return answer }
        guard PQstatus(connection) == CONNECTION_OK, let code = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map({ String(cString: $0) }) else {
            throw PostgresLost(words: "the connection to PostgreSQL broke")
        }
        // It shuts down, or ends this connection.
        guard !code.hasPrefix("57P") else { throw PostgresLost(words: "PostgreSQL ended the connection (\(code))") }
        throw PostgresFailure(code: code, words: PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) } ?? code)
    }
}

/// An answer of libpq's, cleared when nobody needs it any more.
final class PostgresAnswer {
    private let result: OpaquePointer

    fileprivate init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    var command: String { String(cString: PQcmdStatus(result)).split(separator: " ").first.map(String.init) ?? "" }
    var changed: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    func rows() throws -> [MarketRow] {
        // SAFETY: libpq keeps names and values until the result is cleared; they are copied here.
        let fields = 0..<PQnfields(result)
        let columns = fields.map { String(cString: PQfname(result, $0)) }, types = fields.map { PQftype(result, $0) }
        return try (0..<PQntuples(result)).map { row in
            MarketRow(columns: columns, values: try fields.map { field in
                guard PQgetisnull(result, row, field) == 0 else { return .null }
                let bytes = UnsafeRawBufferPointer(start: PQgetvalue(result, row, field), count: Int(PQgetlength(result, row, field)))
                return try PostgresCode.value(Array(bytes), types[Int(field)])
            })
        }
    }
}

internal import Ambience
internal import Bytes
package import Exchange
internal import Foundation
internal import GRDB
internal import Sealing

/// A wallet but for its seed, encrypted with a key of the seed's: tokens, orders under way, wishes, and how far its counters went.
///
/// Padded to a few lengths, and without a hint of how much is in it. AES-256-CTR under a key of its own, then HMAC-SHA-512.
package enum Backup {
    private static let mark = Array("dust-backup-1\n".utf8)
    private static let nonceBytes = 32
    private static let tagBytes = 64
    /// Lengths of a backup's inside: four times as much each, up to what the largest wallet may need.
    private static let lengths = [256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20]
    /// Counters beyond the last known one that a restored wallet leaves out: more than are used between two backups.
    private static let skipped: UInt64 = 1024

    package static func write(_ store: WalletStore, _ seed: WalletSeed, to path: String, now: Int64) throws {
        let inside = try store.snapshot()
        guard let length = lengths.first(where: { $0 >= inside.count + 4 }) else { throw WalletError(.unavailable, "the wallet is too large for a backup") }
        var writer = ByteWriter(capacity: length)
        writer.u32(UInt32(inside.count))
        writer.append(inside)
        writer.zeros(length - inside.count - 4)
        var sealed = writer.bytes
        let nonce = SecureRandom.bytes(nonceBytes), keys = Keys(seed, nonce)
        AESCounter(key: keys.cipher).apply(&sealed)
        let body = mark + nonce + sealed
        do { try Files.replace(path, with: body + Digest.hmacSHA512(key: keys.tag, body)) } catch { throw WalletError(.cannotCreate, "cannot write the backup: \(error)") }
    }

    private struct Keys: ~Copyable {
        var cipher: [UInt8]
        let tag: SecretBytes

        init(_ seed: WalletSeed, _ nonce: [UInt8]) {
            var both = seed.backupKey(nonce).copy
            defer { both.wipe() }
            (cipher, tag) = (Array(both.prefix(32)), SecretBytes(both.suffix(64)))
        }

        deinit {
            var copy = cipher
            copy.wipe()
        }
    }

    private static func open(_ bytes: [UInt8], _ seed: WalletSeed) throws -> [UInt8] {
        let head = mark.count + nonceBytes
        guard bytes.count > head + tagBytes + 4, lengths.contains(bytes.count - head - tagBytes), bytes.starts(with: mark) else { throw WalletError(.badData, "that is no backup of a wallet") }
        let body = Array(bytes.dropLast(tagBytes)), keys = Keys(seed, Array(bytes[mark.count..<head]))
        guard Digest.equal(Digest.hmacSHA512(key: keys.tag, body), bytes.suffix(tagBytes)) else { throw WalletError(.badData, "the backup is damaged, or of a wallet with another seed or device") }
        var inside = Array(body.dropFirst(head))
        AESCounter(key: keys.cipher).apply(&inside)
        let count = inside[..<4].reduce(0) { $0 << 8 | Int($1) }
        guard count <= inside.count - 4 else { throw WalletError(.badData, "the backup is damaged") }
        return Array(inside[4..<4 + count])
    }

    /// Fills an empty wallet. What was under way is asked for again, and with it what was finished lately (`RestorePlan`), each order at a moment
    /// of its own in the market's next whole day, or within `spreadSeconds`. Credit counts only when it proved unspent.
    package static func restore(_ path: String, into store: WalletStore, _ seed: WalletSeed, _ time: MarketTime, now: Int64, spreadSeconds: Int64? = nil) throws {
        let bytes: [UInt8]
        do { bytes = try Files.read(path) } catch { throw WalletError(.notFound, "cannot read the backup: \(error)") }
        let moments = spreadSeconds.map { now...now + max(0, $0) } ?? RestorePlan.moments(at: now, time)
        try store.fill(try open(bytes, seed), seed, skipped: skipped, now: now, moments: moments)
    }
}

extension WalletStore {
    private static let tables: [(name: String, columns: [String])] = [
        ("token", ["nonce", "body", "state", "order_id", "tries", "is_decoy"]),
        ("market_order", ["id", "recipe", "keys", "body", "purpose", "state", "send_at", "slice", "ask_at", "sends", "note", "finished_at", "rechecked", "again"]),
        ("input", ["order_id", "nonce"]), ("pack", ["receipt", "signature", "state"]),
        ("purchase", ["id", "denomination", "urgent", "decoy", "not_before", "state", "slice", "wait"]),
        ("lot", ["id", "folder", "class", "bucket", "address", "trial", "wants", "state", "start", "permit", "listed", "swap_id", "swap_bucket", "swap_counter", "note", "more"]),
        ("income", ["nonce", "lot", "body", "state", "order_id", "tries"]), ("grievance", ["nonce", "kind", "body", "send_at", "state"]), ("setting", ["name", "value"]),
    ]

    /// Rows that still matter: of what is finished, only orders of the last days, so that a restored wallet can ask for them again.
    private static let conditions = [
        "token": "state NOT IN (2)",
        "market_order": """
            state IN (0, 1) OR id IN (SELECT id FROM market_order WHERE state = 2 AND again = 0
            AND slice >= (SELECT max(slice) FROM market_order) / \(Slice.perDay) * \(Slice.perDay) - \(Slice.perDay) ORDER BY id LIMIT \(RestorePlan.finishedLimit))
            """, "input": "order_id IN (SELECT id FROM market_order WHERE state IN (0, 1))", "pack": "state != 2",
        "income": "state IN (0, 1)",
    ]

    /// Read with what an order's body is made of, it is made again.
    private static func expression(_ table: String, _ column: String) -> String {
        table == "market_order" && column == "body" ? "CASE state WHEN 2 THEN X'' ELSE body END AS body" : column
    }

    func snapshot() throws -> [UInt8] {
        try read { database in
            var snapshot: [String: [[String: Cell]]] = [:]
            for (table, columns) in Self.tables {
                let condition = Self.conditions[table].map { " WHERE \($0)" } ?? ""
                snapshot[table] = try Row.fetchAll(database, sql: "SELECT \(columns.map { Self.expression(table, $0) }.joined(separator: ", ")) FROM \(table)\(condition)").map { row in
                    Dictionary(uniqueKeysWithValues: columns.map { ($0, Cell(row[$0] as DatabaseValue)) })
                }
            }
            let encoder = PropertyListEncoder()
            encoder.outputFormat = .binary
            return Array(try encoder.encode(snapshot))
        }
    }

    func fill(_ bytes: [UInt8], _ seed: WalletSeed, skipped: UInt64, now: Int64, moments: ClosedRange<Int64>) throws {
        guard let snapshot = try? PropertyListDecoder().decode([String: [[String: Cell]]].self, from: Data(bytes)) else { throw WalletError(.badData, "the backup cannot be read") }
        try write { database in
            guard try Int.fetchOne(database, sql: "SELECT count(*) FROM token") == 0 else { throw WalletError(.usage, "this wallet is not empty: restore into a folder of its own") }
            for (table, columns) in Self.tables {
                for row in snapshot[table] ?? [] {
                    let own = columns.filter { row[$0] != nil }
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO \(table) (\(own.joined(separator: ", "))) VALUES (\(own.map { _ in "?" }.joined(separator: ", ")))",
                        arguments: StatementArguments(own.map { row[$0]?.value ?? .null }))
                }
            }
            try Self.doubt(database)
            try Self.rebuild(database, seed)
            try Self.spread(database, moments)
            let counter = try Data.fetchOne(database, sql: "SELECT value FROM setting WHERE name = 'counter'").flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0
            try Self.set(database, "counter", Array("\(counter + skipped)".utf8))
            try database.execute(sql: "DELETE FROM setting WHERE name IN ('looked', 'planned')")
            try Self.note(database, "restored from a backup", at: now)
        }
    }

    /// Whatever was free then may have been spent since.
    private static func doubt(_ database: Database) throws {
        for token in try tokens(database, .free) {
            try database.execute(sql: "UPDATE token SET body = ? WHERE nonce = ?", arguments: [encode(token.doubted), Data(token.nonce)])
        }
    }

    /// What was finished is made of its recipe again.
    private static func rebuild(_ database: Database, _ seed: WalletSeed) throws {
        for order in try orders(database, "state = 2") {
            let id = Data(order.id)
            if let draft = Draft(order.recipe, seed: seed, keys: order.keys), draft.order.id == order.id {
                try database.execute(sql: "UPDATE market_order SET body = ? WHERE id = ?", arguments: [Data(draft.order.bytes), id])
            } else {
                try database.execute(sql: "DELETE FROM market_order WHERE id = ?", arguments: [id])
            }
        }
    }

    /// As if they had been sent: they are answered, whatever their time.
    private static func spread(_ database: Database, _ moments: ClosedRange<Int64>) throws {
        var random = SecureRandom()
        for id in try Data.fetchAll(database, sql: "SELECT id FROM market_order WHERE state IN (0, 1, 2)") {
            try database.execute(
                sql: """
                    UPDATE market_order SET again = CASE WHEN state = \(OrderState.done.rawValue) OR again = \(Again.finished.rawValue) THEN \(Again.finished.rawValue) ELSE \(Again.underWay.rawValue) END,
                    state = 0, sends = max(sends, 1), send_at = ? WHERE id = ?
                    """, arguments: [Int64.random(in: moments, using: &random), id])
        }
    }
}

/// A value of a row.
private enum Cell: Codable {
    case null, integer(Int64), text(String), blob(Data)

    init(_ value: DatabaseValue) {
        switch value.storage {
        case .int64(let number): self = .integer(number)
        case .double(let number): self = .integer(Int64(number))
        case .string(let text): self = .text(text)
        case .blob(let data): self = .blob(data)
        case .null: self = .null
        }
    }

    var value: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let data): data.databaseValue
        }
    }
}

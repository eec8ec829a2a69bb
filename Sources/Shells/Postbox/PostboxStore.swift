package import Ambience
internal import Boxes
internal import Foundation
internal import GRDB
package import Pickup
internal import Synchronization

/// An owner's letters in SQLite. When a call returns, what it wrote survives a power cut.
package final class PostboxStore: LetterStorage {
    package static let foldersLimit = 1_000
    static let folderNameBytes = 200
    /// Of letters in all folders.
    package static let limitBytes: Int64 = 16 << 30
    private static let first = ["INBOX", "Sent", "Drafts", "Archive", "Trash", "Junk"]

    let queue: DatabaseQueue
    private let changes = Atomic<Int64>(0)

    package init(_ path: String) throws(PostboxError) {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in try database.execute(sql: "PRAGMA synchronous = FULL") }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(queue)
        } catch { throw PostboxError(.unavailable, "cannot open \(path): \(error)") }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("letters") { database in
            try database.execute(
                sql: """
                    CREATE TABLE folder (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, next INTEGER NOT NULL DEFAULT 1);
                    CREATE TABLE content (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
                    CREATE TABLE letter (folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE, uid INTEGER NOT NULL, content INTEGER NOT NULL, size INTEGER NOT NULL,
                        received INTEGER NOT NULL, flags TEXT NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;
                    CREATE INDEX letter_content ON letter (content);
                    CREATE TABLE known (letter BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
                    CREATE TABLE piece (letter BLOB NOT NULL, count INTEGER NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL, at INTEGER NOT NULL,
                        PRIMARY KEY (letter, count, number)) WITHOUT ROWID;
                    CREATE TABLE item (name BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
                    CREATE TABLE told (mote BLOB NOT NULL, name BLOB NOT NULL REFERENCES item ON DELETE CASCADE, PRIMARY KEY (mote, name)) WITHOUT ROWID;
                    CREATE INDEX told_name ON told (name);
                    CREATE TABLE mote (identity BLOB PRIMARY KEY, key BLOB NOT NULL, asked INTEGER, answer TEXT);
                    CREATE TABLE outgoing (id BLOB PRIMARY KEY, letter BLOB NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, note TEXT, changed INTEGER NOT NULL);
                    """)
            for name in first { try database.execute(sql: "INSERT INTO folder (name) VALUES (?)", arguments: [name]) }
        }
        migrator.registerMigration("outgoing in pieces") { try addOutgoingColumns($0) }
        migrator.registerMigration("reports") { try addReports($0) }
        return migrator
    }

    /// Writes of this process; readers look at it before they read more.
    package var version: Int64 { changes.load(ordering: .acquiring) }

    func read<R>(_ body: (Database) throws -> R) throws(StorageRefusal) -> R {
        do { return try queue.read(body) } catch { throw error as? StorageRefusal ?? .failed }
    }

    func write<R>(_ body: (Database) throws -> R) throws(StorageRefusal) -> R {
        defer { changes.add(1, ordering: .acquiringAndReleasing) }
        do { return try queue.write(body) } catch { throw error as? StorageRefusal ?? .failed }
    }

    private static func folder(_ database: Database, _ name: String) throws -> (id: Int64, next: UInt32) {
        guard let row = try Row.fetchOne(database, sql: "SELECT id, next FROM folder WHERE name = ?", arguments: [name]) else { throw StorageRefusal.noSuchFolder }
        return (row["id"], row["next"])
    }

    // MARK: reading

    package func folders() throws(StorageRefusal) -> [String] {
        try read { try String.fetchAll($0, sql: "SELECT name FROM folder ORDER BY name != 'INBOX', name") }
    }

    package func folder(_ name: String) throws(StorageRefusal) -> LetterFolder {
        try read { database in
            let (id, next) = try Self.folder(database, name)
            let rows = try Row.fetchAll(database, sql: "SELECT uid, size, received, flags FROM letter WHERE folder = ? ORDER BY uid", arguments: [id])
            let letters = rows.map { row in
                StoredLetter(uid: row["uid"], sizeBytes: row["size"], received: WallTime(secondsSinceEpoch: row["received"]), flags: Self.flags(row["flags"]))
            }
            return LetterFolder(name: name, validity: UInt32(truncatingIfNeeded: id), nextUID: next, letters: letters)
        }
    }

    package func content(_ uid: UInt32, of folder: String) throws(StorageRefusal) -> [UInt8]? {
        try read { database in
            let id = try Self.folder(database, folder).id
            let sql = "SELECT body FROM content WHERE id = (SELECT content FROM letter WHERE folder = ? AND uid = ?)"
            return try Data.fetchOne(database, sql: sql, arguments: [id, uid]).map { Array($0) }
        }
    }

    private static func flags(_ text: String) -> Set<LetterFlag> { Set(text.split(separator: " ").compactMap { LetterFlag(String($0)) }) }
    private static func text(_ flags: Set<LetterFlag>) -> String { flags.sorted().map(\.text).joined(separator: " ") }

    // MARK: writing

    package func setFlags(_ flags: Set<LetterFlag>, of uid: UInt32, in folder: String) throws(StorageRefusal) {
        try write { database in
            let id = try Self.folder(database, folder).id
            try database.execute(sql: "UPDATE letter SET flags = ? WHERE folder = ? AND uid = ?", arguments: [Self.text(flags), id, uid])
        }
    }

    package func append(_ content: [UInt8], to folder: String, flags: Set<LetterFlag>, received: WallTime?) throws(StorageRefusal) -> UInt32 {
        let received = received ?? SystemTime().wall
        return try write { try Self.insert($0, content, folder, flags, received) }
    }

    @discardableResult
    static func insert(_ database: Database, _ content: [UInt8], _ folder: String, _ flags: Set<LetterFlag>, _ received: WallTime) throws -> UInt32 {
        let used = try Int64.fetchOne(database, sql: "SELECT coalesce(sum(size), 0) FROM letter") ?? 0
        guard used + Int64(content.count) <= limitBytes else { throw StorageRefusal.full }
        try database.execute(sql: "INSERT INTO content (body) VALUES (?)", arguments: [Data(content)])
        return try link(database, folder, content: database.lastInsertedRowID, size: content.count, received: received.secondsSinceEpoch, flags: text(flags))
    }

    private static func link(_ database: Database, _ folder: String, content: Int64, size: Int, received: Int64, flags: String) throws -> UInt32 {
        let (id, uid) = try self.folder(database, folder)
        guard uid < .max else { throw StorageRefusal.full }
        try database.execute(sql: "UPDATE folder SET next = next + 1 WHERE id = ?", arguments: [id])
        try database.execute(
            sql: "INSERT INTO letter (folder, uid, content, size, received, flags) VALUES (?, ?, ?, ?, ?, ?)", arguments: [id, uid, content, size, received, flags])
        return uid
    }

    package func copy(_ uids: [UInt32], of folder: String, to other: String, isMove: Bool) throws(StorageRefusal) -> [(from: UInt32, to: UInt32)] {
        try write { database in
            let id = try Self.folder(database, folder).id
            var pairs: [(from: UInt32, to: UInt32)] = []
            for uid in uids {
                guard let row = try Row.fetchOne(database, sql: "SELECT content, size, received, flags FROM letter WHERE folder = ? AND uid = ?", arguments: [id, uid]) else { continue }
                pairs.append((uid, try Self.link(database, other, content: row["content"], size: row["size"], received: row["received"], flags: row["flags"])))
            }
            if isMove { try Self.remove(database, pairs.map(\.from), folder: id) }
            return pairs
        }
    }

    package func remove(_ uids: [UInt32], of folder: String) throws(StorageRefusal) {
        try write { database in try Self.remove(database, uids, folder: Self.folder(database, folder).id) }
    }

    /// What no folder has any more is gone from the file too.
    private static func remove(_ database: Database, _ uids: [UInt32], folder: Int64) throws {
        for uid in uids { try database.execute(sql: "DELETE FROM letter WHERE folder = ? AND uid = ?", arguments: [folder, uid]) }
        try database.execute(sql: "DELETE FROM content WHERE id NOT IN (SELECT content FROM letter)")
    }

    // MARK: folders

    private static func isName(_ name: String) -> Bool {
        (1...folderNameBytes).contains(name.utf8.count) && name.utf8.allSatisfy { $0 >= 32 && $0 != 127 && !"*%\"\\".utf8.contains($0) } && !name.hasPrefix("/") && name.uppercased() != "INBOX"
    }

    package func makeFolder(_ name: String) throws(StorageRefusal) {
        // A slash at the end only says that there will be folders in it.
        let name = name.hasSuffix("/") ? String(name.dropLast()) : name
        guard Self.isName(name) else { throw .badName }
        try write { database in
            guard try Int.fetchOne(database, sql: "SELECT count(*) FROM folder") ?? 0 < Self.foldersLimit else { throw StorageRefusal.full }
            try Self.named(database, "INSERT INTO folder (name) VALUES (?)", [name])
        }
    }

    private static func named(_ database: Database, _ sql: String, _ arguments: StatementArguments) throws {
        do { try database.execute(sql: sql, arguments: arguments) } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT { throw StorageRefusal.folderExists }
    }

    package func removeFolder(_ name: String) throws(StorageRefusal) {
        guard name != "INBOX" else { throw .badName }
        try write { database in
            try database.execute(sql: "DELETE FROM folder WHERE id = ?", arguments: [try Self.folder(database, name).id])
            try Self.remove(database, [], folder: 0)
        }
    }

    package func renameFolder(_ name: String, to other: String) throws(StorageRefusal) {
        guard name != "INBOX", Self.isName(other) else { throw .badName }
        try write { database in
            _ = try Self.folder(database, name)
            try Self.named(database, "UPDATE folder SET name = ? || substr(name, length(?) + 1) WHERE name = ? OR name GLOB ?", [other, name, name, Self.inside(name)])
        }
    }

    /// Everything in a folder, as GLOB has it.
    private static func inside(_ name: String) -> String { name.map { "[?".contains($0) ? "[\($0)]" : "\($0)" }.joined() + "/*" }
}

package import Ambience
package import Boxes
internal import Foundation
internal import GRDB
internal import Letters
internal import Pickup

// MARK: - What was collected

extension PostboxStore {
    /// What nobody has whole by then is forgotten, and so is what was there: longer than any mote keeps an item. Seconds.
    private static let memorySeconds: Int64 = 75 * 86_400
    /// Items that other motes are told of unasked, so that they need not send them: those that are no older. Seconds.
    private static let freshSeconds: Int64 = 2 * 86_400
    /// Of pieces whose letters are not whole.
    static let piecesLimit = 65_536

    /// Names of items that are durable here and that this mote may have, and does not know that we have them.
    package func known(to mote: BoxMote, now: WallTime) throws(PostboxError) -> [[UInt8]] {
        try told { () throws(StorageRefusal) in
            try read { database in
                try Data.fetchAll(
                    database, sql: "SELECT name FROM item WHERE at > ? AND NOT EXISTS (SELECT 1 FROM told WHERE mote = ? AND told.name = item.name) ORDER BY at LIMIT ?",
                    arguments: [now.secondsSinceEpoch - Self.freshSeconds, Data(mote.identity), BoxQuestion.namesLimit]
                ).map { Array($0) }
            }
        }
    }

    /// Takes what a mote answered, all or nothing; letters that are whole now are in the inbox when this returns.
    ///
    /// - Parameters:
    ///   - pieces: `nil` for an item that is no piece of a letter to us: it is only to go.
    ///   - told: the names that the question had; the mote knows of them now.
    /// - Returns: how many letters came.
    package func take(_ pieces: [(name: [UInt8], piece: BoxPiece?)], from mote: BoxMote, told names: [[UInt8]], address: BoxAddress, now: WallTime) throws(PostboxError) -> Int {
        try told { () throws(StorageRefusal) in
            try write { database in
                for name in names { try database.execute(sql: "INSERT OR IGNORE INTO told (mote, name) SELECT ?, name FROM item WHERE name = ?", arguments: [Data(mote.identity), Data(name)]) }
                var letters = 0
                for (name, piece) in pieces where try Self.note(database, name, mote, now) {
                    if let piece, try Self.keep(database, piece, address, now) { letters += 1 }
                }
                try Self.forget(database, now)
                return letters
            }
        }
    }

    /// `false` for an item that was here before. A mote that has it all the same is told again.
    private static func note(_ database: Database, _ name: [UInt8], _ mote: BoxMote, _ now: WallTime) throws -> Bool {
        try database.execute(sql: "DELETE FROM told WHERE mote = ? AND name = ?", arguments: [Data(mote.identity), Data(name)])
        try database.execute(sql: "INSERT OR IGNORE INTO item (name, at) VALUES (?, ?)", arguments: [Data(name), now.secondsSinceEpoch])
        guard database.changesCount == 0 else { return true }
        try database.execute(sql: "UPDATE item SET at = ? WHERE name = ?", arguments: [now.secondsSinceEpoch, Data(name)])
        return false
    }

    /// `true` if its letter is whole now, and is one that was not here before.
    private static func keep(_ database: Database, _ piece: BoxPiece, _ address: BoxAddress, _ now: WallTime) throws -> Bool {
        // Anybody may lay pieces of letters that never come: those that have waited longest go.
        if try Int.fetchOne(database, sql: "SELECT count(*) FROM piece") ?? 0 >= piecesLimit {
            try database.execute(sql: "DELETE FROM piece WHERE letter = (SELECT letter FROM piece ORDER BY at LIMIT 1)")
        }
        try database.execute(
            sql: "INSERT OR IGNORE INTO piece (letter, count, number, content, at) VALUES (?, ?, ?, ?, ?)",
            arguments: [Data(piece.letter), piece.count, piece.index, Data(piece.content), now.secondsSinceEpoch])
        let mine: StatementArguments = [Data(piece.letter), piece.count]
        guard try Int.fetchOne(database, sql: "SELECT count(*) FROM piece WHERE letter = ? AND count = ?", arguments: mine) == piece.count else { return false }
        let rows = try Row.fetchAll(database, sql: "SELECT number, content FROM piece WHERE letter = ? AND count = ?", arguments: mine)
        try database.execute(sql: "DELETE FROM piece WHERE letter = ? AND count = ?", arguments: mine)
        let pieces = rows.map { BoxPiece(letter: piece.letter, index: $0["number"], count: piece.count, content: Array($0["content"] as Data)) }
        guard let letter = BoxPiece.join(pieces).flatMap({ BoxLetter($0) }) else { return false }
        return try deliver(database, letter, address, now)
    }

    private static func deliver(_ database: Database, _ letter: BoxLetter, _ address: BoxAddress, _ now: WallTime) throws -> Bool {
        try database.execute(sql: "INSERT OR IGNORE INTO known (letter, at) VALUES (?, ?)", arguments: [Data(letter.letter.id.bytes), now.secondsSinceEpoch])
        guard database.changesCount == 1 else { return false }
        try insert(database, letter.message(for: address), "INBOX", [], now)
        try noteReport(database, letter.letter.content, now)
        return true
    }

    private static func forget(_ database: Database, _ now: WallTime) throws {
        let before = now.secondsSinceEpoch - memorySeconds
        for table in ["item", "piece", "known"] { try database.execute(sql: "DELETE FROM \(table) WHERE at < ?", arguments: [before]) }
    }

    // MARK: motes

    /// Replaces what is known of the motes that keep boxes.
    package func set(_ motes: [BoxMote]) throws(PostboxError) {
        try told { () throws(StorageRefusal) in
            try write { database in
                let old = Set(try Data.fetchAll(database, sql: "SELECT identity FROM mote").map { Array($0) })
                for identity in old.subtracting(motes.map(\.identity)) { try database.execute(sql: "DELETE FROM mote WHERE identity = ?", arguments: [Data(identity)]) }
                for mote in motes {
                    try database.execute(
                        sql: "INSERT INTO mote (identity, key) VALUES (?, ?) ON CONFLICT (identity) DO UPDATE SET key = excluded.key",
                        arguments: [Data(mote.identity), Data(mote.mailKey)])
                }
            }
        }
    }

    package func motes() throws(PostboxError) -> [BoxMote] {
        try told { () throws(StorageRefusal) in try read { try Row.fetchAll($0, sql: "SELECT identity, key FROM mote").map { BoxMote(identity: Array($0["identity"] as Data), mailKey: Array($0["key"] as Data)) } } }
    }

    package func note(_ answer: String, of mote: BoxMote, now: WallTime) throws(PostboxError) {
        try told { () throws(StorageRefusal) in try write { try $0.execute(sql: "UPDATE mote SET asked = ?, answer = ? WHERE identity = ?", arguments: [now.secondsSinceEpoch, answer, Data(mote.identity)]) } }
    }

    /// When each was asked last, and what came of it.
    package func asked() throws(PostboxError) -> [(identity: [UInt8], at: WallTime?, answer: String?)] {
        try told { () throws(StorageRefusal) in
            try read { database in
                try Row.fetchAll(database, sql: "SELECT identity, asked, answer FROM mote ORDER BY identity").map { row in
                    (Array(row["identity"] as Data), (row["asked"] as Int64?).map { WallTime(secondsSinceEpoch: $0) }, row["answer"])
                }
            }
        }
    }

    func told<R>(_ body: () throws(StorageRefusal) -> R) throws(PostboxError) -> R {
        do throws(StorageRefusal) { return try body() } catch {
            throw PostboxError(.unavailable, error == .full ? "the mailbox is full: delete letters" : "the mailbox's file cannot be read or written: is the disk full?")
        }
    }
}

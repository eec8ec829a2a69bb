package import Ambience
internal import Foundation
internal import GRDB
package import Letters
internal import Pickup

/// A letter that the owner has written, until a gateway has it and for a while afterwards.
package struct OutgoingLetter: Sendable {
    package enum State: String, Sendable {
        case waiting
        /// A gateway has it on stable storage: from now on it is the mix's.
        case taken
    }

    package let id: LetterID
    package let letter: Letter
    package let written: WallTime
    package let state: State
    /// When a gateway took it, or it was last tried.
    package let changed: WallTime
    package let note: String?
}

// MARK: - What was written

extension PostboxStore {
    package static let outgoingLimit = 10_000
    /// Letters that a gateway took are shown for so long. Seconds.
    private static let shownSeconds: Int64 = 7 * 86_400

    /// Durable when it returns. The same letter again is the same letter.
    package func send(_ letter: Letter, now: WallTime) throws(PostboxError) {
        try told { () throws(StorageRefusal) in
            try write { database in
                guard try Int.fetchOne(database, sql: "SELECT count(*) FROM outgoing") ?? 0 < Self.outgoingLimit else { throw StorageRefusal.full }
                try database.execute(
                    sql: "INSERT OR IGNORE INTO outgoing (id, letter, at, state, changed) VALUES (?, ?, ?, ?, ?)",
                    arguments: [Data(letter.id.bytes), Data(letter.encoded), now.secondsSinceEpoch, OutgoingLetter.State.waiting.rawValue, now.secondsSinceEpoch])
            }
        }
    }

    /// The oldest first.
    package func outgoing(_ state: OutgoingLetter.State? = nil) throws(PostboxError) -> [OutgoingLetter] {
        try told { () throws(StorageRefusal) in
            try read { database in
                try Row.fetchAll(database, sql: "SELECT * FROM outgoing ORDER BY at, id").compactMap { row in
                    guard let letter = try? Letter(decoding: Array(row["letter"] as Data)), let own = OutgoingLetter.State(rawValue: row["state"]), state == nil || own == state else { return nil }
                    return OutgoingLetter(
                        id: letter.id, letter: letter, written: WallTime(secondsSinceEpoch: row["at"]), state: own, changed: WallTime(secondsSinceEpoch: row["changed"]), note: row["note"])
                }
            }
        }
    }

    package func note(_ id: LetterID, _ state: OutgoingLetter.State, _ note: String, now: WallTime) throws(PostboxError) {
        try told { () throws(StorageRefusal) in
            try write { database in
                try database.execute(
                    sql: "UPDATE outgoing SET state = ?, note = ?, changed = ? WHERE id = ?", arguments: [state.rawValue, note, now.secondsSinceEpoch, Data(id.bytes)])
                try database.execute(
                    sql: "DELETE FROM outgoing WHERE state = ? AND changed < ?", arguments: [OutgoingLetter.State.taken.rawValue, now.secondsSinceEpoch - Self.shownSeconds])
            }
        }
    }
}

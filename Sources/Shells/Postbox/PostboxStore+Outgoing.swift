package import Ambience
internal import Foundation
internal import GRDB
package import Letters
package import Pickup

/// A letter that the owner has written, until a gateway has it and for a while afterwards.
package struct OutgoingLetter: Sendable {
    package enum State: String, Sendable {
        case waiting
        /// A gateway has it on stable storage: from now on it is the mix's, and only this line is kept here.
        case taken
    }

    package let id: LetterID
    package let recipients: [String]
    /// Of its message.
    package let sizeBytes: Int
    package let written: WallTime
    package let state: State
    /// When a gateway took it, or it was last tried.
    package let changed: WallTime
    package let note: String?
    /// The mote that it was tried at last, and how often since something got there.
    package let gateway: [UInt8]?
    package let tries: Int
    /// What became of it, for those of its recipients of whom somebody said so.
    package let reports: [Report]

    package struct Report: Sendable {
        package let recipient: String
        package let outcome: DeliveryNotice.Outcome
        package let reason: String
        package let came: WallTime
    }

    init?(_ row: Row, _ reports: [Report]) {
        self.reports = reports
        guard let id = LetterID(Array(row["id"] as Data)), let state = State(rawValue: row["state"]) else { return nil }
        (self.id, self.state, note, tries) = (id, state, row["note"], row["tries"])
        recipients = (row["recipients"] as String).split(separator: "\n").map(String.init)
        (written, changed, sizeBytes) = (WallTime(secondsSinceEpoch: row["at"]), WallTime(secondsSinceEpoch: row["changed"]), row["size"])
        gateway = (row["gateway"] as Data?).map { Array($0) }
    }
}

// MARK: - What was written

extension PostboxStore {
    package static let outgoingLimit = 10_000
    /// Letters that a gateway took are shown for so long. Seconds.
    private static let shownSeconds: Int64 = 7 * 86_400
    private static let columns = "id, recipients, size, at, state, changed, note, gateway, tries, message"

    /// What is told of a letter stands beside it, so that nobody need read it whole.
    static func addOutgoingColumns(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE outgoing ADD COLUMN recipients TEXT NOT NULL DEFAULT '';
                ALTER TABLE outgoing ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE outgoing ADD COLUMN gateway BLOB;
                ALTER TABLE outgoing ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
                """)
        for id in try Data.fetchAll(database, sql: "SELECT id FROM outgoing") {
            guard let letter = try letter(database, id) else { continue }
            try database.execute(sql: "UPDATE outgoing SET recipients = ?, size = ? WHERE id = ?", arguments: [recipients(letter), letter.content.count, id])
        }
        try database.execute(sql: "UPDATE outgoing SET letter = x'' WHERE state = ?", arguments: [OutgoingLetter.State.taken.rawValue])
    }

    private static func recipients(_ letter: Letter) -> String { letter.envelope.recipients.map { "\($0.address)" }.joined(separator: "\n") }

    private static func letter(_ database: Database, _ id: Data) throws -> Letter? {
        try Data.fetchOne(database, sql: "SELECT letter FROM outgoing WHERE id = ?", arguments: [id]).flatMap { try? Letter(decoding: Array($0)) }
    }

    /// Durable when it returns. The same letter again is the same letter.
    package func send(_ letter: Letter, now: WallTime) throws(PostboxError) {
        try told { () throws(StorageRefusal) in
            try write { database in
                guard try Int.fetchOne(database, sql: "SELECT count(*) FROM outgoing") ?? 0 < Self.outgoingLimit else { throw StorageRefusal.full }
                let state = OutgoingLetter.State.waiting.rawValue
                try database.execute(
                    sql: "INSERT OR IGNORE INTO outgoing (id, letter, recipients, size, at, state, changed, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    arguments: [
                        Data(letter.id.bytes), Data(letter.encoded), Self.recipients(letter), letter.content.count, now.secondsSinceEpoch, state, now.secondsSinceEpoch,
                        DeliveryNotice.messageID(of: letter.content),
                    ])
            }
        }
    }

    /// The oldest first.
    package func outgoing(_ state: OutgoingLetter.State? = nil) throws(PostboxError) -> [OutgoingLetter] {
        try told { () throws(StorageRefusal) in
            try read { database in
                let reports = try Self.reports(database)
                let letters = try Row.fetchAll(database, sql: "SELECT \(Self.columns) FROM outgoing ORDER BY at, id").compactMap { row in
                    OutgoingLetter(row, (row["message"] as String?).flatMap { reports[$0] } ?? [])
                }
                return letters.filter { state == nil || $0.state == state }
            }
        }
    }

    /// `nil` for one that is not here any more.
    package func letter(_ id: LetterID) throws(PostboxError) -> Letter? { try told { () throws(StorageRefusal) in try read { try Self.letter($0, Data(id.bytes)) } } }

    /// Where it is tried, how often.
    package func note(_ id: LetterID, gateway: [UInt8], tries: Int) throws(PostboxError) {
        try told { () throws(StorageRefusal) in
            try write { try $0.execute(sql: "UPDATE outgoing SET gateway = ?, tries = ? WHERE id = ?", arguments: [Data(gateway), tries, Data(id.bytes)]) }
        }
    }

    package func note(_ id: LetterID, _ state: OutgoingLetter.State, _ note: String, now: WallTime) throws(PostboxError) {
        let taken = OutgoingLetter.State.taken.rawValue
        try told { () throws(StorageRefusal) in
            try write { database in
                // Of two processes that bring the same letter one may hear late.
                try database.execute(
                    sql: "UPDATE outgoing SET state = ?, note = ?, changed = ? WHERE id = ? AND state != ?", arguments: [state.rawValue, note, now.secondsSinceEpoch, Data(id.bytes), taken])
                try database.execute(sql: "UPDATE outgoing SET letter = x'' WHERE id = ? AND state = ?", arguments: [Data(id.bytes), taken])
                try database.execute(sql: "DELETE FROM outgoing WHERE state = ? AND changed < ?", arguments: [taken, now.secondsSinceEpoch - Self.shownSeconds])
                try database.execute(sql: "DELETE FROM report WHERE message NOT IN (SELECT message FROM outgoing WHERE message IS NOT NULL)")
            }
        }
    }
}

// MARK: - What became of it

extension PostboxStore {
    static func addReports(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE outgoing ADD COLUMN message TEXT;
                CREATE TABLE report (message TEXT NOT NULL, recipient TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
                    PRIMARY KEY (message, recipient)) WITHOUT ROWID;
                """)
        for id in try Data.fetchAll(database, sql: "SELECT id FROM outgoing") {
            guard let letter = try letter(database, id) else { continue }
            try database.execute(sql: "UPDATE outgoing SET message = ? WHERE id = ?", arguments: [DeliveryNotice.messageID(of: letter.content), id])
        }
    }

    /// A report that came is noted beside the letter that it is about, if that was written here. Anybody may write reports: of two for one recipient the first
    /// counts, and only those whom the letter was for are believed to have one.
    static func noteReport(_ database: Database, _ message: [UInt8], _ now: WallTime) throws {
        guard let notice = DeliveryNotice(message),
            let text = try String.fetchOne(database, sql: "SELECT recipients FROM outgoing WHERE message = ?", arguments: [notice.messageID])
        else { return }
        let recipients = Set(text.split(separator: "\n").map { $0.lowercased() })
        for line in notice.lines where recipients.contains(line.address.lowercased()) {
            try database.execute(
                sql: "INSERT OR IGNORE INTO report (message, recipient, outcome, reason, at) VALUES (?, ?, ?, ?, ?)",
                arguments: [notice.messageID, line.address, line.outcome.rawValue, line.reason, now.secondsSinceEpoch])
        }
    }

    private static func reports(_ database: Database) throws -> [String: [OutgoingLetter.Report]] {
        var found: [String: [OutgoingLetter.Report]] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT * FROM report ORDER BY at, recipient") {
            guard let outcome = DeliveryNotice.Outcome(rawValue: row["outcome"]) else { continue }
            found[row["message"] as String, default: []].append(.init(recipient: row["recipient"], outcome: outcome, reason: row["reason"], came: WallTime(secondsSinceEpoch: row["at"])))
        }
        return found
    }
}

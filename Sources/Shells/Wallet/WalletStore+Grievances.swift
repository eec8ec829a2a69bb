internal import Bytes
internal import Exchange
internal import Foundation
internal import GRDB

/// Something to tell the exchange about a mote that took a token.
enum Grievance {
    /// It did not serve.
    case complaint(Complaint)
    /// It said that it had no room: a fraud, if it deposits the token all the same.
    case fraud(FraudProof)

    private static let (complaintKind, fraudKind) = (1, 2)

    var kind: Int { switch self { case .complaint: Self.complaintKind; case .fraud: Self.fraudKind } }
    var bytes: [UInt8] { switch self { case .complaint(let complaint): complaint.bytes; case .fraud(let proof): proof.bytes } }
    var token: Token { switch self { case .complaint(let complaint): complaint.token; case .fraud(let proof): proof.token } }
    var mote: [UInt8] { switch self { case .complaint(let complaint): complaint.mote; case .fraud(let proof): proof.mote } }

    init?(kind: Int, _ bytes: [UInt8]) {
        switch kind {
        case Self.complaintKind:
            guard let complaint = try? Complaint(bytes) else { return nil }
            self = .complaint(complaint)
        case Self.fraudKind:
            guard let proof = try? FraudProof(bytes) else { return nil }
            self = .fraud(proof)
        default: return nil
        }
    }
}

extension WalletStore {
    enum GrievanceState: Int {
        case open = 0
        /// It counts.
        case told
        /// There was nothing in it: the mote did not deposit what it had no room for.
        case closed
    }

    /// Written down with what became of the ticket; told at that moment, in seconds since 1970. One of each kind for a token.
    func add(_ grievances: [(grievance: Grievance, sendAt: Int64)]) throws {
        try write { database in
            for (grievance, sendAt) in grievances {
                try database.run("INSERT OR IGNORE INTO grievance (nonce, kind, body, send_at, state) VALUES (?, ?, ?, ?, 0)", [Data(grievance.token.input.nonce), grievance.kind, Data(grievance.bytes), sendAt])
            }
        }
    }

    /// Those that are due.
    func grievances(at now: Int64) throws -> [Grievance] {
        try find { database in
            try Row.fetchAll(database.kept("SELECT kind, body FROM grievance WHERE state = 0 AND send_at <= ? ORDER BY send_at"), arguments: [now]).compactMap {
                Grievance(kind: $0["kind"], Array($0["body"] as Data))
            }
        }
    }

    func postpone(_ grievance: Grievance, to at: Int64) throws {
        try write { database in
            try database.run("UPDATE grievance SET send_at = ? WHERE nonce = ? AND kind = ?", [at, Data(grievance.token.input.nonce), grievance.kind])
        }
    }

    func close(_ grievance: Grievance, _ state: GrievanceState, _ words: String?, now: Int64) throws {
        try write { database in
            try database.run("UPDATE grievance SET state = ? WHERE nonce = ? AND kind = ?", [state.rawValue, Data(grievance.token.input.nonce), grievance.kind])
            if let words { try Self.note(database, words, at: now) }
        }
    }

    /// Complaints that the exchange counted, and stakes that it took.
    static func told(_ database: Database) throws -> (complaints: Int, frauds: Int) {
        let kinds = try Int.fetchAll(database.kept("SELECT kind FROM grievance WHERE state = 1"))
        return (kinds.count { $0 == 1 }, kinds.count { $0 == 2 })
    }

    // MARK: what others complain of

    func put(_ report: SliceReport, _ slice: Slice) throws {
        try write { database in
            try database.run("INSERT OR REPLACE INTO source (slice, count) VALUES (?, ?)", [slice.index, report.sources])
            for count in report.complaints {
                try database.run("INSERT OR REPLACE INTO complaint (taken, mote, served, count) VALUES (?, ?, ?, ?)", [slice.index, Data(count.mote), count.slice.index, Int64(count.count)])
            }
            try database.run("DELETE FROM complaint WHERE taken < ?", [slice.index - 12 * Slice.perDay])
        }
    }

    /// Tokens' owners who complained, by mote, as far as reports were read.
    package func complaints() throws -> [[UInt8]: Int] { try find { try Self.complaints($0) } }

    static func complaints(_ database: Database) throws -> [[UInt8]: Int] {
        let rows = try Row.fetchAll(database.kept("SELECT mote, sum(count) AS number FROM complaint GROUP BY mote"))
        return Dictionary(uniqueKeysWithValues: rows.map { (Array($0["mote"] as Data), $0["number"] as Int) })
    }
}

package import Sealing

/// The exchange's public keys as a wallet or a mote believes in them: everybody's, or nobody's.
///
/// A table of keys is taken only with a checkpoint that two of three witnesses signed, and its keys are used only when it had been in the
/// log for an hour before: time enough for everybody to see a key that should not be there. There is one table for each week and day. A
/// second one, or one long before its time, would part those who use it from the others: then no key is given out any more, and somebody
/// has to look.
package struct KeyBook: Sendable {
    /// Slices in the log before use.
    package static let leastAge: Int64 = 4
    /// Slices before their first use that keys are published at most.
    package static let longestLead: Int64 = 8 * Slice.perDay
    /// Weeks and days that it knows at the same time.
    package static let tablesLimit = 32

    package enum Refusal: Error, Equatable {
        /// Not a table's encoding, of another exchange, or with more tables than there are weeks and days in question.
        case malformed
        /// Not signed by the log and two witnesses, not in the tree, or seen by them in what is the future here.
        case notLogged
        /// What the exchange must never do.
        case incident(Incident)
    }

    package enum Incident: Error, Hashable, Sendable {
        /// Two tables of one week or day.
        case secondTable(KeyTable.Span)
        /// Published too long before its first use.
        case early(KeyTable.Span)
        /// A mote that the exchange lists saw a log that never was this one: somebody is shown other keys.
        case otherLog
    }

    private struct Known {
        let digest: [UInt8]
        var since: Slice
    }

    private let trust: LogTrust
    private let time: MarketTime
    private var tables: [KeyTable.Span: Known] = [:]
    private var keys: [KeyRole: KeyTable.Key] = [:]
    private var roles: [KeyID: KeyRole] = [:]
    /// Once there is one, no key is given out.
    package private(set) var incident: Incident?

    package init(_ terms: MarketTerms) { (trust, time) = (terms.trust, terms.time) }

    /// Takes a table in; again is the same. Keep the document: it is all that is needed to take it in again after a restart.
    @discardableResult
    package mutating func accept(_ document: LoggedDocument, at now: Slice) throws(Refusal) -> KeyTable.Span {
        guard let table = try? KeyTable(document.body), table.span.kind == document.kind, table.span.number == document.number else { throw .malformed }
        guard let seconds = document.loggedAt(trust), seconds >= time.epoch else { throw .notLogged }
        let span = table.span, since = time.slice(at: seconds), digest = Digest.sha256(document.body)
        guard since <= now + 1 else { throw .notLogged }
        if let known = tables[span] {
            guard known.digest == digest else { throw halt(.secondTable(span)) }
            tables[span]!.since = min(known.since, since)
            return span
        }
        guard span.firstUse - Self.longestLead <= since else { throw halt(.early(span)) }
        forget(before: now)
        guard tables.count < Self.tablesLimit else { throw .malformed }
        tables[span] = Known(digest: digest, since: since)
        for key in table.keys { (keys[key.role], roles[key.id]) = (key, key.role) }
        return span
    }

    private mutating func halt(_ found: Incident) -> Refusal {
        incident = incident ?? found
        return .incident(found)
    }

    /// Somebody was shown another log.
    package mutating func haltForOtherLog() { _ = halt(.otherLog) }

    private mutating func forget(before now: Slice) {
        let old = tables.keys.filter { $0.forgotten <= now }
        guard !old.isEmpty else { return }
        tables = tables.filter { !old.contains($0.key) }
        keys = keys.filter { !old.contains(KeyTable.Span($0.key)) }
        roles = roles.filter { !old.contains(KeyTable.Span($0.value)) }
    }

    package func has(_ span: KeyTable.Span) -> Bool { tables[span] != nil }

    /// The key with which tokens of that role are had in that slice; `nil` when it is not known, not old enough or not in use then.
    package func key(of role: KeyRole, at slice: Slice) -> KeyTable.Key? {
        guard incident == nil, role.issued.contains(slice), let known = tables[KeyTable.Span(role)], known.since + Self.leastAge <= slice else { return nil }
        return keys[role]
    }

    /// What a token's key is for, whenever it was in use.
    package func role(of key: KeyID) -> KeyRole? { roles[key] }
    /// Whenever it was or will be in use: what checks a token that somebody shows.
    package func publicKey(of role: KeyRole) -> [UInt8]? { keys[role]?.publicKey }

    /// What a mote of that bucket honours.
    package func access(bucket: UInt8) -> BookedAccess {
        var access: [KeyID: BookedAccess.Key] = [:]
        for (role, key) in keys where incident == nil {
            guard let day = role.accessDay(at: bucket), let known = tables[KeyTable.Span(role)], let publicKey = TokenPublicKey.decode(key.publicKey) else { continue }
            access[key.id] = BookedAccess.Key(day: day, from: known.since + Self.leastAge, key: publicKey)
        }
        return BookedAccess(keys: access)
    }
}

/// Access keys out of a book, ready for use.
package struct BookedAccess: AccessKeys {
    struct Key {
        let day: Int64
        let from: Slice
        let key: RSAPublicKey
    }

    let keys: [KeyID: Key]

    package func key(_ id: KeyID?, for slice: Slice) -> RSAPublicKey? {
        guard let id, let key = keys[id], key.day == slice.day, key.from <= slice else { return nil }
        return key.key
    }
}

extension KeyRole {
    /// The day whose slices it gives access to at a mote of that bucket, if it does.
    fileprivate func accessDay(at own: UInt8) -> Int64? {
        switch self {
        case .access(let day): day
        case .barterAccess(let bucket, let day): bucket == own ? day : nil
        default: nil
        }
    }
}

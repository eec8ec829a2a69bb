internal import Exchange
internal import MarketLine
internal import Sealing

/// Makes a slice's report (M17) of what the database has of it.
struct MarketReporter {
    let terms: MarketTerms
    let store: MarketStore
    let records: MarketRecords
    let issuer: Issuer

    func report(_ slice: Slice, _ beacon: BeaconRecord, missing: [String], _ throttle: [Slice: SliceDecision]) throws -> EpochReport {
        var report = EpochReport(origin: terms.origin, seal: beacon.seal, beacon: beacon.value)
        report.missing = Set(missing)
        report.throttle = throttle
        try store.read { database in
            report.accounts = try MarketRows.balances(database)
            report.counts = try counts(database)
            report.hidden = try hidden(database, slice)
            report.refused = try refused(database, slice)
            report.permits = try permits(database, slice)
        }
        report.lists = try lists(slice)
        return report
    }

    /// The slice's swaps and complaints, and all listings and verdicts of which no report told and to which none is added any more.
    private func lists(_ slice: Slice) throws -> [EpochReport.Place: EpochReport.Digested] {
        let swaps = try records.swapList(among: ids(slice), at: slice), complaints = try records.complaintList(of: slice)
        var lists = [
            EpochReport.Place(.swaps, of: slice): EpochReport.Digested(count: swaps.count, body: swaps.body),
            .init(.complaints, of: slice): EpochReport.Digested(count: complaints.count, body: complaints.body),
        ]
        let settled = slice - EpochReport.settling, before = try records.lastReported(before: slice).map { $0 - EpochReport.settling } ?? Slice(-1)
        for slice in try records.slicesWithLists(after: before, upTo: settled) {
            let listings = try records.listingList(at: slice), certs = try records.certList(at: slice)
            if listings.count > 0 { lists[.init(.listings, of: slice)] = EpochReport.Digested(count: listings.count, body: listings.body) }
            if certs.count > 0 { lists[.init(.certs, of: slice)] = EpochReport.Digested(count: certs.count, body: certs.body) }
        }
        return lists
    }

    private func ids(_ slice: Slice) throws -> [[UInt8]] {
        try store.read { database in try database.row("SELECT ids FROM seal WHERE slice = ?", .slice(slice)).map { MarketDesk.split(try $0.bytes("ids")) } ?? [] }
    }

    /// Of keys for which they changed since the last report.
    private func counts(_ database: any MarketConnection) throws -> [KeyRole: KeyCount] {
        let rows = try database.rows(
            """
            SELECT key_count.key_id AS key_id, key_count.issued AS issued, key_count.redeemed AS redeemed FROM key_count LEFT JOIN reported ON reported.key_id = key_count.key_id
            WHERE reported.key_id IS NULL OR reported.issued <> key_count.issued OR reported.redeemed <> key_count.redeemed
            """)
        var counts: [KeyRole: KeyCount] = [:]
        for row in rows {
            guard let role = issuer.role(of: try row.key("key_id")), try row.integer("issued") > 0 else { continue }
            counts[role] = KeyCount(issued: try row.integer("issued"), redeemed: try row.integer("redeemed"))
        }
        return counts
    }

    private func hidden(_ database: any MarketConnection, _ slice: Slice) throws -> [EpochReport.Hidden] {
        try database.rows("SELECT * FROM hidden WHERE slice = ?", .slice(slice)).compactMap { row in
            guard let role = issuer.role(of: try row.key("key_id")), let shape = Shape(code: try row.byte("shape"), detail: UInt16(clamping: try row.integer("detail"))) else { return nil }
            return EpochReport.Hidden(shape: shape, role: role, orders: Int(try row.integer("orders")), set: try row.integer("among"), isHeld: try row.flag("held"))
        }
    }

    /// A refusal's answer has two bytes.
    private func refused(_ database: any MarketConnection, _ slice: Slice) throws -> [Refusal: Int] {
        let answers = try database.rows("SELECT answer FROM intake WHERE slice = ? AND length(answer) = 2", .slice(slice)).compactMap { Reply(try $0.bytes("answer")) }
        return answers.reduce(into: [:]) { counts, answer in if case .refused(let refusal) = answer { counts[refusal, default: 0] += 1 } }
    }

    /// Those of which no report told.
    private func permits(_ database: any MarketConnection, _ slice: Slice) throws -> [KeyRole: Int64] {
        let before = try MarketRecords.lastReported(database, before: slice)
        let rows = try database.rows("SELECT * FROM allowance WHERE start > ? AND start <= ?", .integer(before.map { $0.index + PermitLaw.ahead } ?? -1), .slice(slice + PermitLaw.ahead))
        return Dictionary(uniqueKeysWithValues: try rows.map { row in
            (.permit(try row.slice("start"), try MarketRows.size(row), isStaked: try row.flag("staked")), try row.integer("permits"))
        })
    }
}

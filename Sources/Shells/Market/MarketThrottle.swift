internal import Exchange

/// Runs the growth throttle on what the ledger counts and witnesses found, all of which is published: from the first slice on, for its
/// estimates are smooth.
struct MarketThrottle {
    private let store: MarketStore
    private let records: MarketRecords
    private let trust: LogTrust
    private var law: PermitLaw
    /// Of the slices of which no report has told.
    private var told: [Slice: SliceDecision] = [:]

    init(_ store: MarketStore, _ terms: MarketTerms) throws {
        (self.store, records, trust, law) = (store, MarketRecords(store: store), terms.trust, PermitLaw(terms))
        let last = try records.lastReported
        for row in try store.read({ database in try database.rows("SELECT * FROM slice_count ORDER BY slice") }) {
            let slice = try row.slice("slice"), (decision, _) = law.decide(try MarketRows.counts(row), at: slice)
            if last.map({ slice > $0 }) ?? true { told[slice] = decision }
        }
    }

    /// Counts a slice, and lets as many permits be made for the start whose orders begin with the next slice. Once: what was allowed stands.
    mutating func run(_ slice: Slice) throws {
        guard try !store.read({ database in try database.has("SELECT slice FROM slice_count WHERE slice = ?", .slice(slice)) }) else { return }
        let probed = try probed(slice - EpochReport.settling), counts = try store.read { database in try MarketRows.counts(database, of: slice, probed) }
        // Should the disk fail, this slice was not decided.
        var next = law
        let (decision, permits) = next.decide(counts, at: slice)
        try store.write { database in
            var statements = MarketStatements(connection: database)
            for case (.permit(let start, let size, let isStaked), let count) in permits { try statements.setAllowance(start, size, isStaked: isStaked, count) }
            try database.run(
                "INSERT INTO slice_count (slice, deposited, sold, live, ending, wanted, probed, low) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", .slice(slice), .integer(counts.deposited),
                .integer(counts.sold), .integer(counts.live), .integer(counts.ending), .integer(counts.wanted), .integer(probed.sum), .integer(probed.low))
        }
        (law, told[slice]) = (next, decision)
    }

    /// What the next report tells.
    func account(upTo slice: Slice) -> [Slice: SliceDecision] { told.filter { $0.key <= slice } }

    mutating func forget(upTo slice: Slice) { told = told.filter { $0.key > slice } }

    private func probed(_ slice: Slice) throws -> ProbedShares {
        let motes = try records.offers(at: slice).compactMap { try? Offer($0) }.map { (mote: $0.mote, size: $0.size) }
        return ProbedShares(motes, try records.verdicts(at: slice), at: slice, trust)
    }
}

extension MarketRows {
    static func counts(_ row: MarketRow) throws -> SliceCounts {
        SliceCounts(
            deposited: try row.integer("deposited"), sold: try row.integer("sold"), live: try row.integer("live"), ending: try row.integer("ending"), wanted: try row.integer("wanted"),
            probed: ProbedShares(sum: try row.integer("probed"), low: try row.integer("low")))
    }

    /// What the ledger has of a slice.
    static func counts(_ database: any MarketConnection, of slice: Slice, _ probed: ProbedShares) throws -> SliceCounts {
        func number(_ sql: String, _ arguments: MarketValue...) throws -> Int64 { try database.rows(sql, arguments).first?.integerIfAny("number") ?? 0 }
        let escrow = "FROM entry JOIN request ON request.id = entry.request_id WHERE request.slice = ? AND request.shape = ? AND entry.account LIKE 'escrow%'"
        return SliceCounts(
            deposited: try number("SELECT CAST(-sum(delta) AS BIGINT) AS number \(escrow)", .slice(slice), .integer(Int64(Shape.deposit.code.0))),
            sold: try number("SELECT CAST(sum(delta) AS BIGINT) AS number \(escrow)", .slice(slice), .integer(1)),
            live: try number("SELECT count(*) AS number FROM offer WHERE since <= ? AND last >= ?", .slice(slice), .slice(slice)),
            ending: try number("SELECT count(*) AS number FROM offer WHERE since <= ? AND last = ?", .slice(slice), .slice(slice)),
            wanted: try number("SELECT count(*) AS number FROM request WHERE slice = ? AND (shape = ? OR shape = ?)", .slice(slice), .integer(8), .integer(9)), probed: probed)
    }
}

internal import Exchange
internal import MarketLine

/// What is published beside the log and the ledger: offers, verdicts, swaps, beacons. Any thread may ask.
struct MarketRecords: Sendable {
    let store: MarketStore

    // MARK: offers

    func hasOffer(_ offer: Offer) throws -> Bool {
        try store.read { database in try database.row("SELECT body FROM offer WHERE mote = ? AND first = ?", .bytes(offer.mote), .slice(offer.first))?.bytes("body") == offer.bytes }
    }

    /// It is in the lists of its slices to which anything can still be added.
    func add(_ offer: Offer) throws {
        let since = try lastSettled.map { max(offer.first, $0 + 1) } ?? offer.first
        try store.write { database in
            _ = try database.run(
                "INSERT INTO offer (mote, first, last, since, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", .bytes(offer.mote), .slice(offer.first), .slice(offer.last),
                .slice(since), .bytes(offer.bytes))
        }
    }

    func offers(at slice: Slice) throws -> [[UInt8]] {
        try store.read { database in
            try database.rows(
                "SELECT body FROM offer WHERE first > ? AND since <= ? AND last >= ? ORDER BY mote", .slice(slice - MoteClass.slicesPerPermit), .slice(slice), .slice(slice)
            ).map { try $0.bytes("body") }
        }
    }

    /// As they are handed out.
    func listingList(at slice: Slice) throws -> (count: Int, body: [UInt8]) {
        let offers = try offers(at: slice)
        return (offers.count, PublishedList.encode(offers))
    }

    // MARK: verdicts

    /// A witness's first word on a mote's slice stands.
    func add(_ verdict: Verdict) throws {
        try store.write { database in
            _ = try database.run(
                "INSERT INTO verdict (slice, mote, witness, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", .slice(verdict.slice), .bytes(verdict.mote), .text(verdict.witness),
                .bytes(Verdict.encode([verdict])))
        }
    }

    func verdicts(at slice: Slice) throws -> [Verdict] {
        try store.read { database in
            try database.rows("SELECT body FROM verdict WHERE slice = ? ORDER BY mote, witness", .slice(slice)).compactMap { Verdict.decode(try $0.bytes("body"))?.first }
        }
    }

    func verdicts(on mote: [UInt8], at slice: Slice) throws -> [Verdict] {
        try store.read { database in
            try database.rows("SELECT body FROM verdict WHERE slice = ? AND mote = ?", .slice(slice), .bytes(mote)).compactMap { Verdict.decode(try $0.bytes("body"))?.first }
        }
    }

    /// As they are handed out.
    func certList(at slice: Slice) throws -> (count: Int, body: [UInt8]) {
        let verdicts = try verdicts(at: slice)
        // Few enough for an item of a list.
        let chunks = stride(from: 0, to: verdicts.count, by: 250).map { Verdict.encode(Array(verdicts[$0..<min($0 + 250, verdicts.count)])) }
        return (verdicts.count, PublishedList.encode(chunks))
    }

    /// Slices of which there are offers or verdicts.
    func slicesWithLists(after first: Slice, upTo last: Slice) throws -> [Slice] {
        let (offers, verdicts) = try store.read { database in
            (
                try database.rows("SELECT since, last FROM offer WHERE last > ? AND since <= ?", .slice(first), .slice(last)),
                try database.rows("SELECT DISTINCT slice FROM verdict WHERE slice > ? AND slice <= ?", .slice(first), .slice(last))
            )
        }
        var slices = Set(try verdicts.map { try $0.slice("slice") })
        for offer in offers {
            // Should clocks have gone back, one may have been listed when it was over.
            let from = max(try offer.slice("since"), first + 1), to = min(try offer.slice("last"), last)
            if from <= to { slices.formUnion(from...to) }
        }
        return slices.sorted()
    }

    // MARK: complaints

    /// A token's owner complains once.
    func add(_ complaint: Complaint, takenAt slice: Slice) throws {
        let input = complaint.token.input
        try store.write { database in
            try database.run("DELETE FROM complaint WHERE taken < ?", .slice(slice - EpochReport.List.complaints.slicesKept))
            _ = try database.run(
                "INSERT INTO complaint (key_id, nonce, mote, served, taken) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", .bytes(input.keyID), .bytes(input.nonce),
                .bytes(complaint.mote), .slice(complaint.slice), .slice(slice))
        }
    }

    /// Those that came in a slice, as they are handed out.
    func complaintList(of slice: Slice) throws -> (count: Int, body: [UInt8]) {
        let counts = try store.read { database in
            try database.rows("SELECT mote, served, count(*) AS number FROM complaint WHERE taken = ? GROUP BY mote, served ORDER BY mote, served", .slice(slice)).map { row in
                ComplaintCount(mote: try row.bytes("mote"), slice: try row.slice("served"), count: UInt32(clamping: try row.integer("number")))
            }
        }
        return (counts.count, PublishedList.encode(counts.map(\.bytes)))
    }

    // MARK: swaps

    /// Asking again is the same request.
    func add(_ request: SwapRequest, takenAt slice: Slice) throws {
        try store.write { database in
            _ = try database.run(
                "INSERT INTO swap_request (id, taken, last, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", .bytes(request.id), .slice(slice), .slice(request.last),
                .bytes(request.bytes))
        }
    }

    func request(_ id: [UInt8]) throws -> SwapRequest? {
        try store.read { database in try database.row("SELECT body FROM swap_request WHERE id = ?", .bytes(id)).flatMap { try? SwapRequest(try $0.bytes("body")) } }
    }

    /// Notes in which slice's clearing requests were matched.
    func match(_ swaps: [Swap], at slice: Slice) throws {
        guard !swaps.isEmpty else { return }
        try store.write { database in
            for swap in swaps { try database.run("UPDATE swap_request SET matched = ? WHERE id = ? AND matched IS NULL", .slice(slice), .bytes(swap.id)) }
        }
    }

    /// What the clearing of a slice gave those requests that were sealed with it.
    func swaps(among ids: [[UInt8]], at slice: Slice) throws -> [SwapResult] {
        try store.read { database in
            try ids.compactMap { id -> SwapResult? in
                guard let row = try database.row("SELECT matched, body FROM swap_request WHERE id = ?", .bytes(id)), let request = try? SwapRequest(try row.bytes("body"))
                else { return nil }
                guard try row.integerIfAny("matched") == slice.index else { return SwapResult(request, nil) }
                return SwapResult(request, try database.row("SELECT bucket FROM swap WHERE id = ?", .bytes(id))?.byte("bucket"))
            }
        }
    }

    /// As it is handed out.
    func swapList(among ids: [[UInt8]], at slice: Slice) throws -> (count: Int, body: [UInt8]) {
        let results = try swaps(among: ids, at: slice)
        return (results.count, PublishedList.encode(results.map(\.bytes)))
    }

    // MARK: slices

    /// The last slice of which nothing is left to do.
    var lastFinished: Slice? {
        get throws { try store.read { database in try database.row("SELECT max(slice) AS slice FROM finished")?.integerIfAny("slice") }.map { Slice($0) } }
    }

    /// The last slice that the throttle has counted: what its report tells of it is fixed.
    var lastCounted: Slice? {
        get throws { try store.read { database in try database.row("SELECT max(slice) AS slice FROM slice_count")?.integerIfAny("slice") }.map { Slice($0) } }
    }

    /// The last slice to whose lists nothing is added any more.
    var lastSettled: Slice? { get throws { try lastCounted.map { $0 - EpochReport.settling } } }

    /// The last slice of which a report tells.
    var lastReported: Slice? { get throws { try lastReported(before: Slice(LogLeaf.numberLimit)) } }

    func lastReported(before slice: Slice) throws -> Slice? { try store.read { try Self.lastReported($0, before: slice) } }

    static func lastReported(_ database: any MarketConnection, before slice: Slice) throws -> Slice? {
        try database.row("SELECT max(about) AS slice FROM leaf WHERE kind = ? AND about < ?", .text(LogLeaf.Kind.report.rawValue), .slice(slice))?.integerIfAny("slice").map { Slice($0) }
    }

    func isFinished(_ slice: Slice) throws -> Bool { try store.read { database in try database.has("SELECT slice FROM finished WHERE slice = ?", .slice(slice)) } }

    /// With it, what its report told of keys is what the next one need not tell again.
    func finish(_ slice: Slice) throws {
        try store.write { database in
            try database.run(
                """
                INSERT INTO reported (key_id, issued, redeemed) SELECT key_id, issued, redeemed FROM key_count WHERE true
                ON CONFLICT (key_id) DO UPDATE SET issued = excluded.issued, redeemed = excluded.redeemed
                """)
            _ = try database.run("INSERT INTO finished (slice) VALUES (?) ON CONFLICT DO NOTHING", .slice(slice))
        }
    }

    // MARK: beacons

    func beacon(_ slice: Slice) throws -> BeaconRecord? {
        try store.read { database in try database.row("SELECT body FROM beacon WHERE slice = ?", .slice(slice)).flatMap { try? BeaconRecord(try $0.bytes("body")) } }
    }

    func add(_ beacon: BeaconRecord) throws {
        try store.write { database in
            _ = try database.run("INSERT INTO beacon (slice, body) VALUES (?, ?) ON CONFLICT DO NOTHING", .slice(beacon.seal.slice), .bytes(beacon.bytes))
        }
    }
}

internal import Exchange

/// Runs the growth throttle on what the ledger counts, which is published, so that anybody can run it again: from the first slice on, for
/// its estimates are smooth.
struct MarketThrottle {
    /// Messages per second that an active user sends, who takes a share in each of three motes.
    private static let messagesPerUser = 10.0
    /// Of the permits for a start, the part that is had for work instead of a stake.
    private static let trialPart = 0.1

    struct Counts {
        /// Access tokens that were deposited in the slice, and sold in it.
        let deposited: Int64
        let sold: Int64
        /// Motes that are listed for it, and for which it is the last slice.
        let live: Int64
        let ending: Int64
        /// Permits that were asked for.
        let wanted: Int64
    }

    private let store: MarketStore
    private let settings: MarketSettings
    private var law = Throttle(Throttle.Settings())
    private var last: Throttle.Decision?

    init(_ store: MarketStore, _ settings: MarketSettings) throws {
        (self.store, self.settings) = (store, settings)
        let rows = try store.read { database in try database.rows("SELECT * FROM slice_count ORDER BY slice") }
        for row in rows { _ = decide(try Self.counts(row)) }
    }

    private static func counts(_ row: MarketRow) throws -> Counts {
        Counts(
            deposited: try row.integer("deposited"), sold: try row.integer("sold"), live: try row.integer("live"), ending: try row.integer("ending"), wanted: try row.integer("wanted"))
    }

    /// Counts a slice, and lets as many permits be made for the start whose orders begin with the next slice. Once: what was allowed stands.
    ///
    /// - Returns: what it went by and came to, in thousandths, by name.
    mutating func run(_ slice: Slice) throws -> [String: Int64] {
        if let known = try store.read({ database in try database.row("SELECT * FROM slice_count WHERE slice = ?", .slice(slice)) }) { return Self.told(try Self.counts(known), last) }
        let isFirst = last == nil, counts = try count(slice), decision = decide(counts)
        try store.write { database in
            var statements = MarketStatements(connection: database)
            // An exchange that begins has the same for all starts at hand.
            for start in (isFirst ? slice + 1 : slice + Self.ahead)...slice + Self.ahead where start.index % settings.permitEvery == 0 {
                for size in settings.sizes { try allow(size, start, decision, &statements) }
            }
            try database.run(
                "INSERT INTO slice_count (slice, deposited, sold, live, ending, wanted) VALUES (?, ?, ?, ?, ?, ?)", .slice(slice), .integer(counts.deposited), .integer(counts.sold),
                .integer(counts.live), .integer(counts.ending), .integer(counts.wanted))
        }
        return Self.told(counts, last)
    }

    /// Slices from an order's for a permit to its start, at most, and one more.
    static let ahead: Int64 = 5

    private static func told(_ counts: Counts, _ decision: Throttle.Decision?) -> [String: Int64] {
        var told = ["deposited": counts.deposited * 1000, "sold": counts.sold * 1000, "live": counts.live * 1000, "ending": counts.ending * 1000, "wanted": counts.wanted * 1000]
        if let decision { told.merge(["target": Int64(decision.target * 1000), "delay": Int64(decision.delay * 1000), "permits": Int64(decision.permits * 1000)]) { $1 } }
        return told
    }

    private func allow(_ size: MoteClass, _ start: Slice, _ decision: Throttle.Decision, _ statements: inout MarketStatements) throws {
        let all = size == decision.size ? max(0, decision.permits) : 0, trials = (all * Self.trialPart).rounded(.up)
        try statements.setAllowance(start, size, isStaked: true, max(settings.leastPermits, Int64(all - trials)))
        try statements.setAllowance(start, size, isStaked: false, max(settings.leastPermits, Int64(trials)))
    }

    private mutating func decide(_ counts: Counts) -> Throttle.Decision {
        let users = Double(counts.deposited) / Double(GuessModel.hops), messages = users * Self.messagesPerUser, live = Double(counts.live)
        let least = 3 * law.settings.groups, pool = GuessModel(users: users, messages: messages, delay: law.delay, hostile: 0).occupancy(motes: live)
        // Witnesses see that motes are up, not how much they carry: what was paid for is the only measure. And before there are as many motes as
        // diversity asks for, empty ones are no reason to wait.
        let decision = law.decide(
            Throttle.Inputs(
                paid: messages, probed: messages, live: live, expiring: Double(counts.ending), users: users, shares: Double(counts.sold), wanted: max(Double(counts.wanted), live),
                lowOccupancy: live < least ? law.settings.floor : pool))
        last = decision
        return decision
    }

    private func count(_ slice: Slice) throws -> Counts {
        try store.read { database in
            func number(_ sql: String, _ arguments: MarketValue...) throws -> Int64 { try database.rows(sql, arguments).first?.integerIfAny("number") ?? 0 }
            let escrow = "FROM entry JOIN request ON request.id = entry.request_id WHERE request.slice = ? AND request.shape = ? AND entry.account LIKE 'escrow%'"
            return Counts(
                deposited: try number("SELECT CAST(-sum(delta) AS BIGINT) AS number \(escrow)", .slice(slice), .integer(Int64(Shape.deposit.code.0))),
                sold: try number("SELECT CAST(sum(delta) AS BIGINT) AS number \(escrow)", .slice(slice), .integer(1)),
                live: try number("SELECT count(*) AS number FROM listing WHERE first <= ? AND last >= ?", .slice(slice), .slice(slice)),
                ending: try number("SELECT count(*) AS number FROM listing WHERE last = ?", .slice(slice)),
                wanted: try number("SELECT count(*) AS number FROM request WHERE slice = ? AND (shape = ? OR shape = ?)", .slice(slice), .integer(8), .integer(9)))
        }
    }
}

package import Ambience
internal import GRDB
package import Leasing
package import Placement
package import Prices
package import Usage

/// What motes cost and carried, and what may still be spent. Written in the same transaction as the step that it follows from: so it is as durable
/// as the step, and a step that is taken counts once.
extension Store {
    /// Motes over for longer are forgotten one by one; what they cost stays in the sums.
    private static let usageDays: Int64 = 400

    static func migrateUsage(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("usage") { database in
            try database.execute(
                sql: """
                    CREATE TABLE usage (key TEXT PRIMARY KEY, intended INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
                    CREATE INDEX usage_intended ON usage (intended);
                    CREATE TABLE outlay (currency TEXT NOT NULL, provider TEXT NOT NULL, payer TEXT NOT NULL, day INTEGER NOT NULL, nanos INTEGER NOT NULL,
                        PRIMARY KEY (currency, provider, payer, day)) STRICT;
                    CREATE TABLE traffic (key TEXT NOT NULL, day INTEGER NOT NULL, read INTEGER NOT NULL, written INTEGER NOT NULL, PRIMARY KEY (key, day)) STRICT;
                    CREATE TABLE meter (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
                    CREATE TABLE tariff (provider TEXT NOT NULL, payer TEXT NOT NULL, region TEXT NOT NULL, size TEXT NOT NULL, body TEXT NOT NULL,
                        PRIMARY KEY (provider, payer, region, size)) STRICT;
                    CREATE TABLE spending (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;
                    """)
        }
    }

    // MARK: Limits

    package func limits() throws(CoordinationError) -> SpendingLimits { try read { try Self.limits($0) } }

    private static func limits(_ database: Database) throws -> SpendingLimits {
        try String.fetchOne(database, sql: "SELECT body FROM spending").map { try decode(SpendingLimits.self, $0) } ?? SpendingLimits()
    }

    /// Changes the limits as they are at this moment; what `change` returns.
    package func changeLimits<Answer>(_ change: (inout SpendingLimits) -> Answer) throws(CoordinationError) -> Answer {
        try write { database in
            var limits = try Self.limits(database)
            let answer = change(&limits)
            try database.execute(sql: "INSERT OR REPLACE INTO spending (id, body) VALUES (1, ?)", arguments: [try Self.encode(limits)])
            return answer
        }
    }

    /// What is committed so far, day by day.
    package func outlays() throws(CoordinationError) -> [Outlay] { try read { try Self.outlays($0) } }

    private static func outlays(_ database: Database) throws -> [Outlay] {
        try Row.fetchAll(database, sql: "SELECT * FROM outlay").compactMap { row in
            guard let currency = Currency(rawValue: row["currency"]) else { return nil }
            return Outlay(currency: currency, provider: row["provider"], payer: row["payer"], day: row["day"], amount: Amount(nanos: row["nanos"]))
        }
    }

    /// What may still be committed now.
    package func budget(_ now: WallTime) throws(CoordinationError) -> Budget {
        try read { try Self.limits($0).budget(try Self.outlays($0), now: now) }
    }

    // MARK: Prices

    /// What leases cost from now on: the tariffs of all places of a policy. Leases keep those that they were intended with.
    package func setTariffs(_ places: [Place]) throws(CoordinationError) {
        try write { database in
            for place in places {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO tariff (provider, payer, region, size, body) VALUES (?, ?, ?, ?, ?)",
                    arguments: [place.provider, place.payer, place.region, place.machine, try Self.encode(place.tariff)])
            }
        }
    }

    // MARK: Steps

    /// Part of `record`: what a step means for what is spent. Throws if a lease does not fit into the limits; then nothing of the step is written.
    static func account(_ event: MoteEvent, _ database: Database) throws {
        if case .intended(let lease) = event.change { return try promise(lease, database) }
        guard var usage = try usage(event.key, database) else { return }
        let before = usage.committed(event.at)
        usage.take(event)
        try keep(usage, before: before, event.at, database)
    }

    private static func promise(_ lease: Lease, _ database: Database) throws {
        guard try usage(lease.key, database) == nil else { return }
        if let ceiling = lease.ceiling {
            let budget = try limits(database).budget(try outlays(database), now: lease.intended)
            if let tightest = budget.narrowest(ceiling.currency, lease.site.provider, lease.site.payer), tightest.left < ceiling.amount {
                throw CoordinationError(.overBudget, BudgetRefusal(lease: ceiling, limit: tightest.name, left: tightest.left).description)
            }
        }
        let site = lease.site
        let tariff = try String.fetchOne(
            database, sql: "SELECT body FROM tariff WHERE provider = ? AND payer = ? AND region = ? AND size = ?",
            arguments: [site.provider, site.payer, site.region, site.size]
        ).map { try decode(Tariff.self, $0) }
        try keep(MoteUsage(lease, tariff: lease.ceiling == nil ? nil : tariff), before: nil, lease.intended, database)
    }

    private static func usage(_ key: MoteKey, _ database: Database) throws -> MoteUsage? {
        try String.fetchOne(database, sql: "SELECT body FROM usage WHERE key = ?", arguments: [key.description]).map { try decode(MoteUsage.self, $0) }
    }

    private static func keep(_ usage: MoteUsage, before: Money?, _ now: WallTime, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO usage (key, intended, body) VALUES (?, ?, ?)",
            arguments: [usage.key.description, usage.intended.secondsSinceEpoch, try encode(usage)])
        guard let after = usage.committed(now) else { return }
        let change = after.amount.nanos - (before?.amount.nanos ?? 0)
        guard change != 0 else { return }
        try database.execute(
            sql: """
                INSERT INTO outlay (currency, provider, payer, day, nanos) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET nanos = max(0, nanos + excluded.nanos)
                """,
            arguments: [after.currency.rawValue, usage.site.provider, usage.site.payer, usage.intended.day, change])
    }

    // MARK: Traffic

    /// What one process says of itself: a mote's by the number of its start, or the owner's client.
    package struct Reading {
        package let key: MoteKey?
        package let run: Int
        package let report: MoteReport

        package init(key: MoteKey?, run: Int, report: MoteReport) { (self.key, self.run, self.report) = (key, run, report) }
    }

    /// Takes what all say at one moment, together or not at all. Whatever is read twice counts once.
    package func measure(_ readings: [Reading], _ now: WallTime) throws(CoordinationError) {
        try write { database in for reading in readings { try Self.measure(reading, now, database) } }
    }

    private static let clientName = "client"

    private static func measure(_ reading: Reading, _ now: WallTime, _ database: Database) throws {
        let name = reading.key?.description ?? clientName
        var meter = try String.fetchOne(database, sql: "SELECT body FROM meter WHERE key = ?", arguments: [name]).map { try decode(Meter.self, $0) } ?? Meter()
        let new = meter.advance(run: reading.run, read: reading.report.bytesRead, written: reading.report.bytesWritten, atSeconds: now.secondsSinceEpoch)
        guard new.read > 0 || new.written > 0 else { return }
        try database.execute(sql: "INSERT OR REPLACE INTO meter (key, body) VALUES (?, ?)", arguments: [name, try encode(meter)])
        try database.execute(
            sql: """
                INSERT INTO traffic (key, day, read, written) VALUES (?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET read = read + excluded.read, written = written + excluded.written
                """,
            arguments: [name, now.day, new.read, new.written])
        guard let key = reading.key, var usage = try usage(key, database) else { return }
        let before = usage.committed(now)
        usage.sentBytes += new.written
        try keep(usage, before: before, now, database)
    }

    // MARK: Reports

    package func usage(days: ClosedRange<Int64>, by grouping: UsageReport.Grouping, now: WallTime) throws(CoordinationError) -> UsageReport {
        let (motes, traffic) = try read { database in
            // A mote of an earlier day may have lived into these.
            let from = WallTime(day: days.lowerBound).secondsSinceEpoch - FleetPolicy.longestLifetimeSeconds * 2
            let bodies = try String.fetchAll(database, sql: "SELECT body FROM usage WHERE intended >= ? ORDER BY intended, key", arguments: [from])
            let rows = try Row.fetchAll(
                database, sql: "SELECT key, day, read, written FROM traffic WHERE day BETWEEN ? AND ?", arguments: [days.lowerBound, days.upperBound])
            return (
                try bodies.map { try Self.decode(MoteUsage.self, $0) },
                rows.map { Traffic(key: MoteKey($0["key"] as String), day: $0["day"], readBytes: $0["read"], writtenBytes: $0["written"]) }
            )
        }
        return UsageReport(motes, traffic, days: days, by: grouping, now: now)
    }

    /// Part of `forget`.
    static func forgetUsage(before now: WallTime, _ database: Database) throws {
        let day = now.day - usageDays
        try database.execute(sql: "DELETE FROM usage WHERE intended < ?", arguments: [WallTime(day: day).secondsSinceEpoch])
        try database.execute(sql: "DELETE FROM traffic WHERE day < ?", arguments: [day])
        try database.execute(sql: "DELETE FROM meter WHERE key <> ? AND key NOT IN (SELECT key FROM mote)", arguments: [clientName])
    }
}

/// A lease that does not fit whole into what may be spent. Nothing was bought.
struct BudgetRefusal: CustomStringConvertible {
    let lease: Money
    let limit: String
    let left: Amount

    var description: String {
        "no further mote: a lease of up to \(lease) does not fit into what is left of \(limit), \(left.text(decimals: 2)) \(lease.currency); "
            + "\((lease.amount - left).text(decimals: 2, .up)) \(lease.currency) are missing. Motes that run go on to their expiry. See: dustcloud budget show"
    }
}

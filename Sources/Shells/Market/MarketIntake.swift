package import Exchange
internal import Sealing

/// The exchange's door: takes orders in and gives answers out. Knows no keys and what nothing is for; any thread may use it.
package struct MarketIntake: Sendable {
    package static let intakeSeconds: Int64 = 600
    package static let releaseSeconds: Int64 = 840
    /// Orders of one slice.
    package static let ordersLimit = 100_000
    /// Slices that an answer is kept; after that the order itself gets it again.
    package static let answersKept: Int64 = 96

    let store: MarketStore
    let time: MarketTime

    package init(store: MarketStore, time: MarketTime) { (self.store, self.time) = (store, time) }

    package enum Receipt: Equatable, Sendable {
        /// In that slice.
        case taken(Slice)
        /// Not one of the messages' lengths.
        case refused
        /// As many as a slice takes.
        case full
    }

    package enum Answer: Equatable, Sendable {
        case ready(Reply)
        /// Not before 840 s of that slice.
        case waits(Slice)
        case unknown
    }

    /// Takes in a padded order: durable when this returns. Again is the same, wherever it is by now; one that was given back untouched is new.
    package func take(_ padded: [UInt8], at seconds: Int64) throws -> Receipt {
        guard let body = Padding.strip(padded) else { return .refused }
        let id = Digest.sha256(body), slice = slice(ofIntakeAt: seconds)
        return try store.write { database in
            if let known = try database.row("SELECT slice, verdict FROM intake WHERE id = ?", .bytes(id)) {
                let earlier = try known.slice("slice")
                guard try known.byte("verdict") == HoldOver.Verdict.giveBack.rawValue, earlier < slice else { return .taken(earlier) }
                try database.run("DELETE FROM intake WHERE id = ?", .bytes(id))
                try Self.count(-1, in: earlier, database)
            }
            // A slice that was sealed already takes no more, however clocks go.
            let last = try database.row("SELECT max(slice) AS slice FROM seal")?.integerIfAny("slice")
            let own = max(slice, Slice((last ?? -1) + 1))
            guard try database.row("SELECT orders FROM intake_count WHERE slice = ?", .slice(own))?.integer("orders") ?? 0 < Self.ordersLimit else { return .full }
            try database.run("INSERT INTO intake (id, slice, since, verdict, body) VALUES (?, ?, ?, 0, ?)", .bytes(id), .slice(own), .slice(own), .bytes(body))
            try Self.count(1, in: own, database)
            return .taken(own)
        }
    }

    /// Notes that a slice has so many orders more. In the transaction that changes them: to count them for each that comes would take as long as all of them.
    static func count(_ more: Int, in slice: Slice, _ database: any MarketConnection) throws {
        try database.run(
            "INSERT INTO intake_count (slice, orders) VALUES (?, ?) ON CONFLICT (slice) DO UPDATE SET orders = intake_count.orders + excluded.orders", .slice(slice), .integer(Int64(more)))
    }

    /// Orders of one slice are the next one's now.
    static func move(_ orders: Int, from slice: Slice, _ database: any MarketConnection) throws {
        guard orders > 0 else { return }
        try count(-orders, in: slice, database)
        try count(orders, in: slice + 1, database)
    }

    /// Counts again, which takes a look at every order.
    static func recount(before slice: Slice = Slice(.max), _ database: any MarketConnection) throws {
        try database.run("DELETE FROM intake_count WHERE slice < ?", .slice(slice))
        try database.run("INSERT INTO intake_count (slice, orders) SELECT slice, count(*) FROM intake WHERE slice < ? GROUP BY slice", .slice(slice))
    }

    /// What an order came to, once its slice's answers can be read.
    package func answer(to id: [UInt8], at seconds: Int64) throws -> Answer {
        let row = try store.read { database in try database.row("SELECT slice, answer FROM intake WHERE id = ?", .bytes(id)) }
        guard let row else { return .unknown }
        let slice = try row.slice("slice")
        guard seconds >= time.moment(Self.releaseSeconds, of: slice), let reply = try row.bytesIfAny("answer").flatMap({ Reply($0) }) else { return .waits(slice) }
        return .ready(reply)
    }

    /// Whether orders of a slice may still come.
    package func isOpen(_ slice: Slice, at seconds: Int64) -> Bool { seconds < time.moment(Self.intakeSeconds, of: slice) }

    private func slice(ofIntakeAt seconds: Int64) -> Slice {
        let slice = time.slice(at: seconds)
        return isOpen(slice, at: seconds) ? slice : slice + 1
    }
}

package import Exchange
internal import Sealing

/// Carries a slice's orders out together, so that when an answer comes says nothing:
///
/// 1. Until 600 s of a slice its orders are taken in, each durable before that is said. Later ones are the next slice's.
/// 2. The slice is sealed: the identifiers of its orders and swaps and their root are fixed and can be published.
/// 3. Only then the beacon is known, and the orders are carried out in its order. Those with too few others to hide among wait. Killed
///    meanwhile, the rest follow after the restart.
/// 4. At 840 s all answers can be read, and not before.
package struct MarketDesk {
    package let intake: MarketIntake
    private let exchange: Exchange<MarketStore, Issuer>
    private var store: MarketStore { intake.store }

    package init(_ exchange: Exchange<MarketStore, Issuer>, time: MarketTime = .usual) {
        self.exchange = exchange
        intake = MarketIntake(store: exchange.store, time: time)
    }

    package init(store: MarketStore, issuer: Issuer, time: MarketTime = .usual, rules: MarketRules = .usual) {
        self.init(Exchange(store: store, desk: issuer, rules: rules), time: time)
    }

    /// Fixes a slice's orders, and the swaps that take part in its clearing; again gives the same. `nil` while orders are still taken in.
    package func seal(_ slice: Slice, at seconds: Int64) throws -> OrdersSeal? {
        guard !intake.isOpen(slice, at: seconds) else { return nil }
        return try store.write { database in
            if let sealed = try database.row("SELECT ids FROM seal WHERE slice = ?", .slice(slice)) { return OrdersSeal(slice: slice, ids: Self.split(try sealed.bytes("ids"))) }
            let orders = try database.rows("SELECT id FROM intake WHERE slice = ?", .slice(slice)), swaps = try database.rows(Self.liveSwaps, .slice(slice), .slice(slice))
            let ids = try (orders + swaps).map { try $0.bytes("id") }.sorted { $0.lexicographicallyPrecedes($1) }
            try database.run("INSERT INTO seal (slice, ids) VALUES (?, ?)", .slice(slice), .bytes(Array(ids.joined())))
            return OrdersSeal(slice: slice, ids: ids)
        }
    }

    /// Asked for by then, not over, and not matched before.
    static let liveSwaps = "SELECT id FROM swap_request WHERE taken <= ? AND last >= ? AND id NOT IN (SELECT id FROM swap)"

    static func split(_ ids: [UInt8]) -> [[UInt8]] { stride(from: 0, to: ids.count, by: 32).map { Array(ids[$0..<$0 + 32]) } }

    /// The leaves of a sealed slice's root: what anybody may have (M18). `nil` for a slice that was not sealed.
    package func identifiers(of slice: Slice) throws -> [[UInt8]]? {
        try store.read { database in try database.row("SELECT ids FROM seal WHERE slice = ?", .slice(slice)).map { Self.split(try $0.bytes("ids")) } }
    }

    /// Decides for each of a sealed slice's orders whether it is carried out now, waits, or is given back. Once: what was decided stands.
    package func decide(_ slice: Slice) throws {
        let rows = try store.read { database in try database.rows("SELECT id, since, body FROM intake WHERE slice = ? AND verdict = 0", .slice(slice)) }
        let orders = try rows.map { (body: try $0.bytes("body"), since: try $0.slice("since")) }
        guard !orders.isEmpty else { return }
        let (verdicts, hidden) = try exchange.holdOver(orders, at: slice)
        try store.write { database in
            var waiting = 0
            for (row, verdict) in zip(rows, verdicts) {
                let id = MarketValue.bytes(try row.bytes("id"))
                switch verdict {
                // It is one of the next slice's, as if it had come then.
                case .wait: waiting += try database.run("UPDATE intake SET slice = ? WHERE id = ? AND slice = ?", .slice(slice + 1), id, .slice(slice))
                case .carryOut: try database.run("UPDATE intake SET verdict = ? WHERE id = ?", .integer(Int64(verdict.rawValue)), id)
                case .giveBack:
                    try database.run("UPDATE intake SET verdict = ?, answer = ? WHERE id = ?", .integer(Int64(verdict.rawValue)), .bytes(Reply.refused(.tooFew).bytes), id)
                }
            }
            try MarketIntake.move(waiting, from: slice, database)
            for one in hidden {
                let (code, detail) = one.pool.shape.code
                try database.run(
                    "INSERT INTO hidden (slice, shape, detail, key_id, orders, among, held) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", .slice(slice),
                    .integer(Int64(code)), .integer(Int64(detail)), .key(one.pool.key), .integer(Int64(one.orders)), .integer(one.set), .flag(one.isHeld))
            }
        }
    }

    /// A sealed slice's orders that are still to be carried out, in the beacon's order.
    package func turns(_ slice: Slice, beacon: [UInt8]) throws -> [[UInt8]] {
        let rows = try store.read { database in try database.rows("SELECT id FROM intake WHERE slice = ? AND answer IS NULL", .slice(slice)) }
        return Beacon.order(try rows.map { try $0.bytes("id") }, beacon)
    }

    /// Carries one order out, in a transaction of its own.
    package func carryOut(_ id: [UInt8], at slice: Slice) throws {
        guard let body = try store.read({ database in try database.row("SELECT body FROM intake WHERE id = ? AND answer IS NULL", .bytes(id))?.bytes("body") }) else { return }
        // Killed between these two, the order is carried out and its answer not kept: then it is asked for again, and is the same.
        let reply = try exchange.carryOut(body, at: slice)
        try store.write { database in _ = try database.run("UPDATE intake SET answer = ? WHERE id = ?", .bytes(reply.bytes), .bytes(id)) }
    }

    /// The whole of a sealed slice. Orders that were carried out already are passed over.
    package func settle(_ slice: Slice, beacon: [UInt8]) throws {
        try decide(slice)
        for id in try turns(slice, beacon: beacon) { try carryOut(id, at: slice) }
    }

    /// Orders of a slice for which there will be no beacon go with the next.
    package func postpone(_ slice: Slice) throws {
        try store.write { database in
            let orders = try database.run("UPDATE intake SET slice = ? WHERE slice = ? AND answer IS NULL", .slice(slice + 1), .slice(slice))
            try MarketIntake.move(orders, from: slice, database)
            // Nothing more is taken in for it, however clocks go.
            _ = try database.run("INSERT INTO seal (slice, ids) VALUES (?, ?) ON CONFLICT DO NOTHING", .slice(slice), .bytes([]))
        }
    }

    /// Forgets orders of long ago; what the ledger has of them stays longer (`MarketForgetting`). With the body of an order goes the last that ties a receipt to it.
    package func forget(before slice: Slice) throws {
        let old = MarketValue.slice(slice - MarketIntake.answersKept)
        try store.write { database in
            let bodies = try database.rows("SELECT body FROM intake WHERE slice < ? AND answer IS NOT NULL", old)
            for case .receipt(let receipt, _)? in bodies.map({ try? Order(try $0.bytes("body")).detail }) {
                // Written again, all of a slice at once: PostgreSQL keeps with every row in which transaction it was written.
                try database.run("UPDATE nullifier SET nonce = nonce WHERE key_id = ? AND nonce = ?", .key(.receipts), .bytes(receipt))
            }
            try database.run("DELETE FROM intake WHERE slice < ? AND answer IS NOT NULL", old)
            try MarketIntake.recount(before: slice - MarketIntake.answersKept, database)
        }
    }
}

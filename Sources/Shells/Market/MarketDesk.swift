package import Exchange
internal import Sealing

/// Takes orders in, and carries a slice's out together, so that when an answer comes says nothing:
///
/// 1. Until 600 s of a slice its orders are taken in, each durable before that is said. Later ones are the next slice's.
/// 2. The slice is sealed: its orders' identifiers and their root are fixed and can be published.
/// 3. Only then the beacon is known, and the orders are carried out in its order. Killed meanwhile, the rest follow after the restart.
/// 4. At 840 s all answers can be read, and not before.
package final class MarketDesk {
    package static let intakeSeconds: Int64 = 600
    package static let releaseSeconds: Int64 = 840
    /// Orders of one slice.
    package static let ordersLimit = 100_000
    /// Slices that an answer is kept; after that the order itself gets it again.
    package static let answersKept: Int64 = 96

    private let store: MarketStore
    private let exchange: Exchange<MarketStore, Issuer>
    private let time: MarketTime

    package init(store: MarketStore, issuer: Issuer, time: MarketTime = .usual) {
        (self.store, self.time) = (store, time)
        exchange = Exchange(store: store, desk: issuer)
    }

    package enum Receipt: Equatable {
        /// In that slice.
        case taken(Slice)
        /// Not one of the messages' lengths, or more than a slice takes.
        case refused
    }

    package enum Answer: Equatable {
        /// Padded, as it goes out.
        case ready([UInt8])
        /// Not before 840 s of that slice.
        case waits(Slice)
        case unknown
    }

    /// Takes in a padded order. Again is the same, wherever it is by now.
    package func take(_ padded: [UInt8], at seconds: Int64) throws -> Receipt {
        guard let body = Padding.strip(padded) else { return .refused }
        let id = Digest.sha256(body), slice = slice(ofIntakeAt: seconds)
        return try store.write { database in
            if let known = try database.row("SELECT slice FROM intake WHERE id = ?", .bytes(id)) { return .taken(try known.slice("slice")) }
            let count = try database.row("SELECT count(*) AS number FROM intake WHERE slice = ?", .slice(slice))?.integer("number") ?? 0
            guard count < Self.ordersLimit else { return .refused }
            // A slice that was sealed already takes no more, however clocks go.
            let isSealed = try database.has("SELECT slice FROM seal WHERE slice = ?", .slice(slice))
            let own = isSealed ? slice + 1 : slice
            try database.run("INSERT INTO intake (id, slice, body) VALUES (?, ?, ?)", .bytes(id), .slice(own), .bytes(body))
            return .taken(own)
        }
    }

    /// Fixes a slice's orders; again gives the same root. `nil` while orders are still taken in.
    package func seal(_ slice: Slice, at seconds: Int64) throws -> [UInt8]? {
        guard seconds >= time.moment(Self.intakeSeconds, of: slice) else { return nil }
        return try store.write { database in
            if let sealed = try database.row("SELECT root FROM seal WHERE slice = ?", .slice(slice)) { return try sealed.bytes("root") }
            let ids = try database.rows("SELECT id FROM intake WHERE slice = ? ORDER BY id", .slice(slice)).map { try $0.bytes("id") }
            let root = MerkleTree.root(ids.map { MerkleTree.leaf($0) })
            try database.run("INSERT INTO seal (slice, root) VALUES (?, ?)", .slice(slice), .bytes(root))
            return root
        }
    }

    /// The leaves of a sealed slice's root: what anybody may have (M18).
    package func identifiers(of slice: Slice) throws -> [[UInt8]] {
        try store.read { database in
            try database.rows("SELECT id FROM intake JOIN seal USING (slice) WHERE slice = ? ORDER BY id", .slice(slice)).map { try $0.bytes("id") }
        }
    }

    /// Carries a sealed slice's orders out, each in a transaction of its own. Those that were carried out already are passed over.
    package func settle(_ slice: Slice, beacon: [UInt8]) throws {
        let ids = try identifiers(of: slice)
        for id in Beacon.order(ids, beacon) {
            let body = try store.read { database in
                try database.row("SELECT body FROM intake WHERE id = ? AND answer IS NULL", .bytes(id))?.bytes("body")
            }
            guard let body else { continue }
            // Killed here, the order is carried out and its answer not kept: then it is asked for again, and is the same.
            let reply = try exchange.carryOut(body, at: slice)
            try store.write { database in _ = try database.run("UPDATE intake SET answer = ? WHERE id = ?", .bytes(reply.bytes), .bytes(id)) }
        }
    }

    /// What an order came to, once its slice's answers can be read.
    package func answer(to id: [UInt8], at seconds: Int64) throws -> Answer {
        let row = try store.read { database in try database.row("SELECT slice, answer FROM intake WHERE id = ?", .bytes(id)) }
        guard let row else { return .unknown }
        let slice = try row.slice("slice")
        guard seconds >= time.moment(Self.releaseSeconds, of: slice), let answer = try row.bytesIfAny("answer"),
            let padded = Padding.pad(answer, least: Self.leastAnswerBytes)
        else { return .waits(slice) }
        return .ready(padded)
    }

    private static let leastAnswerBytes = 16 << 10

    /// Forgets orders of long ago; their requests stay in the ledger.
    package func forget(before slice: Slice) throws {
        try store.write { database in
            _ = try database.run("DELETE FROM intake WHERE slice < ? AND answer IS NOT NULL", .slice(slice - Self.answersKept))
        }
    }

    private func slice(ofIntakeAt seconds: Int64) -> Slice {
        let slice = time.slice(at: seconds)
        return seconds < time.moment(Self.intakeSeconds, of: slice) ? slice : slice + 1
    }
}

internal import Exchange
internal import Sealing

/// The exchange's log with its entries, checkpoints and proofs in the database. An entry is durable before anybody is told of it.
struct MarketLog {
    private let store: MarketStore
    private(set) var author: LogAuthor
    /// Of what was published of late: what motes may say that they saw.
    private var recent: [Checkpoint]

    init(_ store: MarketStore, _ trust: LogTrust, _ key: Ed25519Key) throws {
        self.store = store
        let (rows, checkpoints) = try store.read { database in
            (try database.rows("SELECT kind, about, digest FROM leaf ORDER BY number"),
             try database.rows("SELECT body FROM checkpoint ORDER BY size DESC LIMIT ?", .integer(Int64(RecentRoots.reachWhenListed))).map { try $0.text("body") })
        }
        let entries = try rows.map { row in LogLeaf(origin: trust.origin, kind: try Self.kind(row), number: try row.integer("about"), digest: try row.bytes("digest")).bytes }
        author = LogAuthor(trust: trust, key: key, entries: entries, published: checkpoints.first.flatMap { try? Checkpoint($0) })
        recent = checkpoints.reversed().compactMap { try? Checkpoint($0) }
        forget()
    }

    private mutating func forget() {
        let newest = recent.last?.size ?? 0
        recent.removeAll { $0.size + RecentRoots.reachWhenListed < newest }
    }

    /// Whether that is the root of a tree that was published, and wallets still know it as long as a mote is sold that was listed with it.
    func wasShown(_ root: [UInt8]) -> Bool { recent.contains { $0.root == root } }

    private static func kind(_ row: MarketRow) throws -> LogLeaf.Kind {
        guard let kind = LogLeaf.Kind(rawValue: try row.text("kind")) else { throw MarketStoreError.damaged("the log has an entry of a kind that there is not") }
        return kind
    }

    /// Adds what is published about a week, day or slice. Saying the same again adds nothing.
    ///
    /// - Returns: false if something else was said before; that stands.
    @discardableResult
    mutating func add(_ kind: LogLeaf.Kind, _ about: Int64, _ body: [UInt8]) throws -> Bool {
        let leaf = LogLeaf(origin: author.origin, kind: kind, number: about, body: body)
        let known = try store.read { database in try database.rows("SELECT digest FROM leaf WHERE kind = ? AND about = ?", .text(kind.rawValue), .integer(about)) }
        if try known.contains(where: { try $0.bytes("digest") == leaf.digest }) { return true }
        // Witnesses may have chains that begin in the same slice.
        guard known.isEmpty || kind == .chain else { return false }
        let number = author.log.size
        try store.write { database in
            _ = try database.run(
                "INSERT INTO leaf (number, kind, about, digest, body) VALUES (?, ?, ?, ?, ?)", .integer(Int64(number)), .text(kind.rawValue), .integer(about), .bytes(leaf.digest),
                .bytes(body))
        }
        author.append([leaf])
        return true
    }

    func has(_ kind: LogLeaf.Kind, _ about: Int64) throws -> Bool {
        try store.read { database in try database.has("SELECT number FROM leaf WHERE kind = ? AND about = ?", .text(kind.rawValue), .integer(about)) }
    }

    // MARK: witnesses

    func request(to witness: String) -> (size: Int, body: [UInt8]) {
        let request = author.request(to: witness)
        return (request.checkpoint.size, Array(request.text.utf8))
    }

    /// Takes a witness's answer in. True when it should be asked again at once.
    mutating func receive(status: Int, _ body: [UInt8], from witness: String, about size: Int) throws -> Bool {
        let before = author.published?.size
        let again = try author.receive(status: status, String(decoding: body, as: UTF8.self), from: witness, about: size)
        if author.published?.size != before { try keep() }
        return again
    }

    /// A new checkpoint is believed: it is kept, and with it the proofs of what it is the first to show.
    private mutating func keep() throws {
        guard let published = author.published else { return }
        try store.write { database in
            let fresh = try database.rows(
                "SELECT number, kind, about, body FROM leaf WHERE number < ? AND number NOT IN (SELECT number FROM logged)", .integer(Int64(published.size)))
            for row in fresh {
                let body = try row.bytes("body"), leaf = LogLeaf(origin: author.origin, kind: try Self.kind(row), number: try row.integer("about"), body: body)
                guard let document = author.document(leaf, at: Int(try row.integer("number")), body: body) else { continue }
                try database.run("INSERT INTO logged (number, body) VALUES (?, ?)", .integer(try row.integer("number")), .bytes(document.bytes))
            }
            try database.run("INSERT INTO checkpoint (size, body) VALUES (?, ?) ON CONFLICT DO NOTHING", .integer(Int64(published.size)), .text(published.text))
        }
        recent.append(published)
        forget()
    }
}

/// What of the log is for everybody; any thread may ask.
struct LogShelf: Sendable {
    let store: MarketStore

    /// A document with its proof; `nil` until enough witnesses have signed for it.
    func document(_ kind: LogLeaf.Kind, _ about: Int64) throws -> [UInt8]? {
        try store.read { database in
            try database.row("SELECT logged.body AS body FROM logged JOIN leaf USING (number) WHERE kind = ? AND about = ?", .text(kind.rawValue), .integer(about))?.bytes("body")
        }
    }

    /// With their proofs.
    var chains: [[UInt8]] {
        get throws {
            try store.read { database in
                try database.rows("SELECT logged.body AS body FROM logged JOIN leaf USING (number) WHERE kind = ? ORDER BY number", .text(LogLeaf.Kind.chain.rawValue)).map {
                    try $0.bytes("body")
                }
            }
        }
    }

    var checkpoint: String? {
        get throws { try store.read { database in try database.row("SELECT body FROM checkpoint ORDER BY size DESC LIMIT 1")?.text("body") } }
    }

    /// Entries of a tile, whole.
    func entries(_ origin: String, _ range: Range<Int>) throws -> [[UInt8]]? {
        let rows = try store.read { database in
            try database.rows("SELECT kind, about, digest FROM leaf WHERE number >= ? AND number < ? ORDER BY number", .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)))
        }
        guard rows.count == range.count else { return nil }
        return try rows.map { row in
            guard let kind = LogLeaf.Kind(rawValue: try row.text("kind")) else { throw MarketStoreError.damaged("the log has an entry of a kind that there is not") }
            return LogLeaf(origin: origin, kind: kind, number: try row.integer("about"), digest: try row.bytes("digest")).bytes
        }
    }
}

/// The exchange's tables, in steps: what a step made stays as it is, and what comes later is a further step.
enum MarketSchema {
    /// `BLOB`, `INTEGER` and `WITHOUT ROWID` are words that a database may have its own for. An INTEGER has 64 bits and is never given
    /// by the database itself.
    static let steps: [(name: String, tables: String)] = [
        (
            "ledger",
            """
            CREATE TABLE request (id BLOB PRIMARY KEY, shape INTEGER NOT NULL, detail INTEGER NOT NULL, slice INTEGER NOT NULL, outcome INTEGER NOT NULL);
            CREATE TABLE nullifier (key_id BLOB NOT NULL, nonce BLOB NOT NULL, PRIMARY KEY (key_id, nonce)) WITHOUT ROWID;
            CREATE TABLE output (key_id BLOB NOT NULL, blinded_hash BLOB NOT NULL, request_id BLOB NOT NULL, PRIMARY KEY (key_id, blinded_hash)) WITHOUT ROWID;
            CREATE TABLE entry (request_id BLOB NOT NULL, account TEXT NOT NULL, delta INTEGER NOT NULL);
            CREATE TABLE key_count (key_id BLOB PRIMARY KEY, issued INTEGER NOT NULL, redeemed INTEGER NOT NULL, retired INTEGER NOT NULL DEFAULT 0);
            CREATE TABLE listing (mote BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, class INTEGER NOT NULL, bucket INTEGER NOT NULL,
                permit BLOB NOT NULL, staked INTEGER NOT NULL, PRIMARY KEY (mote, first));
            CREATE TABLE cert (mote BLOB NOT NULL, slice INTEGER NOT NULL, up INTEGER NOT NULL, PRIMARY KEY (mote, slice));
            CREATE TABLE swap (id BLOB PRIMARY KEY, mote BLOB NOT NULL, class INTEGER NOT NULL, bucket INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                order_key BLOB NOT NULL);
            CREATE TABLE allowance (start INTEGER NOT NULL, class INTEGER NOT NULL, staked INTEGER NOT NULL, permits INTEGER NOT NULL, PRIMARY KEY (start, class, staked));
            """
        ),
        ("listings by slice, swaps by mote", "CREATE INDEX listing_first ON listing (first); CREATE INDEX swap_mote ON swap (mote);"),
        (
            "desk",
            """
            CREATE TABLE intake (id BLOB PRIMARY KEY, slice INTEGER NOT NULL, since INTEGER NOT NULL, verdict INTEGER NOT NULL, body BLOB NOT NULL, answer BLOB);
            CREATE INDEX intake_slice ON intake (slice);
            CREATE TABLE seal (slice INTEGER PRIMARY KEY, ids BLOB NOT NULL);
            CREATE TABLE hidden (slice INTEGER NOT NULL, shape INTEGER NOT NULL, detail INTEGER NOT NULL, key_id BLOB NOT NULL, orders INTEGER NOT NULL, among INTEGER NOT NULL,
                held INTEGER NOT NULL, PRIMARY KEY (slice, shape, detail, key_id));
            CREATE TABLE swap_request (id BLOB PRIMARY KEY, taken INTEGER NOT NULL, last INTEGER NOT NULL, matched INTEGER, body BLOB NOT NULL);
            """
        ),
        (
            "published",
            """
            CREATE TABLE offer (mote BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (mote, first));
            CREATE INDEX offer_first ON offer (first);
            CREATE TABLE verdict (slice INTEGER NOT NULL, mote BLOB NOT NULL, witness TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (slice, mote, witness));
            CREATE TABLE beacon (slice INTEGER PRIMARY KEY, body BLOB NOT NULL);
            CREATE TABLE leaf (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, about INTEGER NOT NULL, digest BLOB NOT NULL, body BLOB NOT NULL);
            CREATE INDEX leaf_about ON leaf (kind, about);
            CREATE TABLE logged (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
            CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, body TEXT NOT NULL);
            CREATE TABLE slice_count (slice INTEGER PRIMARY KEY, deposited INTEGER NOT NULL, sold INTEGER NOT NULL, live INTEGER NOT NULL, ending INTEGER NOT NULL,
                wanted INTEGER NOT NULL);
            CREATE TABLE reported (key_id BLOB PRIMARY KEY, issued INTEGER NOT NULL, redeemed INTEGER NOT NULL);
            CREATE TABLE finished (slice INTEGER PRIMARY KEY);
            """
        ),
        (
            "complaints",
            """
            CREATE TABLE complaint (key_id BLOB NOT NULL, nonce BLOB NOT NULL, mote BLOB NOT NULL, served INTEGER NOT NULL, taken INTEGER NOT NULL, PRIMARY KEY (key_id, nonce));
            CREATE INDEX complaint_taken ON complaint (taken);
            """
        ),
        (
            "lists that are closed, what probes found",
            """
            ALTER TABLE offer ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
            UPDATE offer SET since = first;
            ALTER TABLE slice_count ADD COLUMN probed INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE slice_count ADD COLUMN low INTEGER NOT NULL DEFAULT 0;
            """
        ),
        ("the order in which orders were carried out", "ARRIVING request;"),
        (
            "balances",
            """
            CREATE TABLE balance (account TEXT PRIMARY KEY, smm INTEGER NOT NULL);
            INSERT INTO balance (account, smm) SELECT account, CAST(sum(delta) AS BIGINT) FROM entry GROUP BY account;
            """
        ),
        ("loads", "CREATE TABLE load (slice INTEGER PRIMARY KEY, parts INTEGER NOT NULL);"),
        // The throttle counts a slice's trade again, and must not look at all that there ever was.
        ("orders by slice, entries by order", "CREATE INDEX request_slice ON request (slice); CREATE INDEX entry_request ON entry (request_id);"),
        (
            "orders of each slice, counted",
            """
            CREATE TABLE intake_count (slice INTEGER PRIMARY KEY, orders INTEGER NOT NULL);
            INSERT INTO intake_count (slice, orders) SELECT slice, count(*) FROM intake GROUP BY slice;
            """
        ),
    ]

    /// Makes what is missing.
    static func apply(to database: any MarketDatabase) throws {
        try database.write { connection in
            try connection.script("CREATE TABLE IF NOT EXISTS market_step (name TEXT PRIMARY KEY)")
            for step in steps where try !connection.has("SELECT name FROM market_step WHERE name = ?", .text(step.name)) {
                let tables = database.dialect.translated(step.tables)
                if !tables.isEmpty { try connection.script(tables) }
                try connection.run("INSERT INTO market_step (name) VALUES (?)", .text(step.name))
            }
        }
    }
}

import Ambience
import Exchange
import Foundation
import Market
import Sealing
import Testing

@Suite("What an exchange forgets")
struct ForgettingTests {
    /// Every value of every table that has bytes or words, by table and row.
    private static func everything(_ store: MarketStore) throws -> [(table: String, values: [[UInt8]])] {
        try store.read { database in
            try database.rows("SELECT name FROM sqlite_master WHERE type = 'table'").flatMap { row in
                let table = try row.text("name"), columns = try database.rows("SELECT name FROM pragma_table_info(?)", .text(table)).map { try $0.text("name") }
                return try database.rows("SELECT * FROM \(table)").map { row in
                    (table, columns.compactMap { column in (try? row.bytesIfAny(column)) ?? (try? row.text(column)).map { Array($0.utf8) } })
                }
            }
        }
    }

    @Test("a day after its order no row joins a receipt, and so whoever paid, to an order; nor do the files have it beside one")
    func paymentLink() throws {
        let site = try DeskSite(), order = try site.pack(7), receipt = [UInt8](repeating: 7, count: 32), path = site.folder + "/market.sqlite"
        _ = try site.desk.intake.take(try #require(Padding.pad(order.bytes)), at: site.start(0))
        _ = try site.desk.seal(site.slice, at: site.start(600))
        try site.desk.settle(site.slice, beacon: [1])
        let store = try MarketStore(path: path)
        func rows(with value: [UInt8]) throws -> [(table: String, values: [[UInt8]])] { try Self.everything(store).filter { $0.values.contains { $0.firstRange(of: value) != nil } } }
        // As long as answers are kept, the order itself has it.
        #expect(try Set(rows(with: receipt).map(\.table)) == ["intake", "nullifier"])

        // Refunds are over after nine days, and twenty is what is promised.
        let later = site.slice + 20 * Slice.perDay
        try site.desk.forget(before: later)
        try MarketForgetting(store, keys: try Self.keys(site)).run(at: later)
        let left = try rows(with: receipt)
        #expect(left.map(\.table) == ["nullifier"])
        #expect(left.first.map { Set($0.values) } == [receipt, KeyID.receipts.bytes])
        let own = try rows(with: order.id)
        #expect(!own.isEmpty && own.allSatisfy { row in !row.values.contains { $0.firstRange(of: receipt) != nil } })
        // Pages that were given back, and the log beside the file.
        for file in [path, path + "-wal"] where FileManager.default.fileExists(atPath: file) {
            let bytes = try Files.read(file)
            #expect(bytes.firstRange(of: order.bytes.prefix(64)) == nil, "\(file)")
        }
        #expect(try Files.read(path).ranges(of: receipt).count <= 1)
        // Nobody can use it a second time all the same.
        #expect(try store.transaction { try $0.isSpent(.receipts, receipt) })
    }

    private static func keys(_ site: DeskSite) throws -> String {
        let folder = site.folder + "/keys"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test("what was published of a slice is there for as long as auditors ask for it and gone after that, and so are the files of keys that nobody takes any more")
    func published() throws {
        let site = try DeskSite(), store = try MarketStore(path: site.folder + "/market.sqlite"), keys = try Self.keys(site), now = site.slice
        let old = now - MarketForgetting.kept - 1, young = now - MarketForgetting.kept
        try store.write { database in
            for (number, slice) in [old, young].enumerated() {
                let mote = MarketValue.bytes([UInt8(number)]), at = MarketValue.slice(slice)
                try database.run("INSERT INTO offer (mote, first, last, body) VALUES (?, ?, ?, ?)", mote, at, at, mote)
                try database.run("INSERT INTO verdict (slice, mote, witness, body) VALUES (?, ?, ?, ?)", at, mote, .text("a"), mote)
                try database.run("INSERT INTO swap_request (id, taken, last, body) VALUES (?, ?, ?, ?)", mote, at, at, mote)
                try database.run("INSERT INTO swap (id, mote, class, bucket, first, last, order_key) VALUES (?, ?, 1, 0, ?, ?, ?)", mote, mote, at, at, mote)
                try database.run("INSERT INTO listing (mote, first, last, class, bucket, permit, staked) VALUES (?, ?, ?, 1, 0, ?, 1)", mote, at, at, mote)
                try database.run("INSERT INTO cert (mote, slice, up) VALUES (?, ?, 1)", mote, at)
                try database.run("INSERT INTO hidden (slice, shape, detail, key_id, orders, among, held) VALUES (?, 1, 4, ?, 1, 50, 0)", at, mote)
                try database.run("INSERT INTO load (slice, parts) VALUES (?, 1)", at)
                try database.run("INSERT INTO allowance (start, class, staked, permits) VALUES (?, 1, 1, 1)", at)
            }
        }
        for day in [now.day - 9, now.day - 8, now.day + 1] { try Files.replace("\(keys)/day-\(day)", with: "x") }
        try Files.replace("\(keys)/other", with: "x")
        for _ in 0..<2 { try MarketForgetting(store, keys: keys).run(at: now) }
        try store.read { database in
            for table in ["offer", "verdict", "swap_request", "swap", "listing", "cert", "hidden", "load", "allowance"] {
                let left = try database.rows("SELECT * FROM \(table)").count
                #expect(left == 1, "\(table)")
            }
        }
        #expect(try Files.list(keys) == ["day-\(now.day - 8)", "day-\(now.day + 1)", "other"].sorted())
    }

    @Test("what is in each account is kept beside the entries, counted again when a ledger is opened, and by whoever audits it")
    func balances() throws {
        let site = try DeskSite(), order = try site.pack(1), path = site.folder + "/market.sqlite"
        _ = try site.desk.intake.take(try #require(Padding.pad(order.bytes)), at: site.start(0))
        _ = try site.desk.seal(site.slice, at: site.start(600))
        try site.desk.settle(site.slice, beacon: [1])
        let store = try MarketStore(path: path), credit = Account.credit(week: site.slice.week)
        let roles = Dictionary(uniqueKeysWithValues: site.issuer.openRoles.compactMap { role in site.issuer.key(of: role).map { ($0, role) } })
        #expect(try store.rows().balances == [.prepaid: -Shape.packValue, credit: Shape.packValue])
        #expect(try LedgerAudit(store.rows(), roles: roles).violations().isEmpty)
        try store.write { _ = try $0.run("UPDATE balance SET smm = smm + 1 WHERE account = ?", .text(credit.description)) }
        #expect(try LedgerAudit(store.rows(), roles: roles).violations().count == 1)
        _ = try MarketStore.open(path) { _ in }
        #expect(try LedgerAudit(store.rows(), roles: roles).violations().isEmpty)
    }
}

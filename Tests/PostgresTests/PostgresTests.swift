import Ambience
import Exchange
import Foundation
import Market
import MarketHistories
import Synchronization
import Testing

/// Which database an exchange has.
enum Engine: String, CaseIterable, CustomTestStringConvertible {
    case sqlite, postgres
    var testDescription: String { rawValue }

    /// An empty one, gone after `body`.
    func place<R>(_ body: (String) throws -> R) throws -> R {
        if self == .postgres { return try body(Cluster.shared.get().database()) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-ledger-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder + "/market.sqlite")
    }
}

func opened(_ place: String) throws -> MarketStore { try MarketStore.open(place) { Issue.record("counts of \($0.count) keys were wrong") } }

@Suite("The ledger in PostgreSQL, and beside it in SQLite", .serialized)
struct PostgresTests {
    private static let times = ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"].flatMap { Int($0) } ?? 1

    @Test("what holds in memory holds in PostgreSQL, at every kill")
    func histories() throws {
        for seed in 0..<UInt64(Self.times) {
            let market = try opened(Cluster.shared.get().database())
            var history = History(seed: 2000 + seed, store: KilledStore(market, rows: market.rows))
            history.run(steps: 40)
            #expect(history.complaints.isEmpty, "seed \(seed): \(history.complaints.first ?? "")")
            #expect(history.carriedOut > 5)
        }
    }

    @Test("of 64 who spend the same token at the same time over connections of their own, one succeeds in each round", arguments: Engine.allCases)
    func doubleSpend(_ engine: Engine) throws {
        try engine.place { place in
            let rounds = Self.times > 1 ? 1000 : 10, clients = 64, contest = Contest(rounds: rounds, clients: clients)
            let first = Exchange(store: try opened(place), desk: Self.desk)
            for pack in contest.packs {
                guard case .carriedOut = try first.carryOut(pack, at: Contest.slice) else { throw Cluster.Unusable(description: "no pack") }
            }
            let won = Mutex([Int](repeating: 0, count: rounds)), lost = Mutex(0), others = Mutex<[String]>([]), gate = Gate(clients), done = DispatchGroup()
            for client in 0..<clients {
                done.enter()
                Thread.detachNewThread {
                    defer { done.leave() }
                    let desk = ToyDesk(), store = try? MarketStore.unchecked(place)
                    _ = desk.key(of: .credit(.twoHundredFiftySix, week: Contest.slice.week))
                    _ = desk.key(of: .credit(.sixtyFour, week: Contest.slice.week))
                    for round in 0..<rounds {
                        gate.pass()
                        guard let store else { others.withLock { $0.append("not opened") }; continue }
                        do {
                            switch try Exchange(store: store, desk: desk).carryOut(contest.orders[round][client], at: Contest.slice) {
                            case .carriedOut: won.withLock { $0[round] += 1 }
                            case .refused(.spent): lost.withLock { $0 += 1 }
                            case .refused(let refusal): others.withLock { $0.append("\(refusal)") }
                            }
                        } catch { others.withLock { $0.append("\(error)") } }
                    }
                }
            }
            done.wait()
            #expect(others.withLock { $0 }.isEmpty, "\(others.withLock { $0.first ?? "" })")
            #expect(won.withLock { $0 } == [Int](repeating: 1, count: rounds))
            #expect(lost.withLock { $0 } == rounds * (clients - 1))
            #expect(try LedgerAudit(opened(place).rows(), roles: Self.desk.known).violations().isEmpty)
        }
    }

    @Test("a process that is killed at any moment loses nothing that it said is done, and leaves nothing half done", arguments: Engine.allCases)
    func killed(_ engine: Engine) throws {
        var random = SeededRandom(seed: 9), carried = 0
        for seed in 0..<UInt64(2 * Self.times) {
            try engine.place { place in
                let driver = try Driver(place, seed: 3000 + seed)
                #expect(driver.begins())
                usleep(UInt32.random(in: 0...600_000, using: &random))
                #expect(!driver.failed)
                let done = driver.kill()
                carried += done.count
                try Self.check(place, done)
            }
        }
        #expect(carried > 0)
    }

    @Test("a server that is killed with all its processes loses nothing that it said is kept, and is found again")
    func serverKilled() throws {
        let cluster = try Cluster.shared.get(), calm = try cluster.database(), store = try opened(calm)
        var history = History(seed: 5, store: KilledStore(store, rows: store.rows))
        history.run(steps: 10)
        var random = SeededRandom(seed: 10)
        for seed in 0..<UInt64(Self.times) {
            let place = try cluster.database(), driver = try Driver(place, seed: 4000 + seed)
            #expect(driver.begins())
            usleep(UInt32.random(in: 0...600_000, using: &random))
            try cluster.crash()
            try Self.check(place, driver.kill())
        }
        // The store had connections to the old one.
        history.run(steps: 10)
        #expect(history.complaints.isEmpty, "\(history.complaints.first ?? "")")
    }

    @Test("a backup taken while orders are carried out gives a ledger that adds up and carries on")
    func restored() throws {
        let cluster = try Cluster.shared.get(), place = try cluster.database(), driver = try Driver(place, seed: 6000)
        #expect(driver.begins())
        let dump = try cluster.dump(place)
        let done = driver.kill(), restored = try cluster.restore(dump), store = try opened(restored)
        #expect(LedgerAudit(try store.rows(), roles: Self.desk.known).violations().isEmpty)
        // Whoever was answered after the backup asks again, and gets the same bytes or none.
        let exchange = Exchange(store: store, desk: Self.desk)
        for order in done {
            guard let own = try? Order(order.order) else { throw Cluster.Unusable(description: "not an order") }
            if try store.transaction({ try $0.outcome(of: own.id) }) != nil { #expect(try exchange.carryOut(own, at: Contest.slice).bytes == order.answer) }
        }
        #expect(LedgerAudit(try store.rows(), roles: Self.desk.known).violations().isEmpty)
    }

    @Test("counts that are not of their rows are put right before anybody is served, and a ledger that took more than it made serves nobody", arguments: Engine.allCases)
    func recounted(_ engine: Engine) throws {
        try engine.place { place in
            let store = try opened(place), contest = Contest(rounds: 1, clients: 1), exchange = Exchange(store: store, desk: Self.desk)
            for order in [contest.packs[0], contest.orders[0][0]] { _ = try exchange.carryOut(order, at: Contest.slice) }
            let right = try store.rows().counts
            try store.write { _ = try $0.run("UPDATE key_count SET issued = issued + 1") }
            #expect(try store.rows().counts != right)
            var wrong = 0
            _ = try MarketStore.open(place) { wrong = $0.count }
            #expect(wrong == right.count)
            #expect(try store.rows().counts == right)
            try store.write { _ = try $0.run("DELETE FROM output") }
            #expect(throws: MarketStoreError.self) { try MarketStore.open(place) { _ in } }
        }
    }

    @Test("when no key of its time is known any more, what is left of an order is in sums that add up, and it is not carried out again", arguments: Engine.allCases)
    func forgotten(_ engine: Engine) throws {
        try engine.place { place in
            let store = try opened(place), exchange = Exchange(store: store, desk: Self.desk), keys = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-keys-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: keys, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: keys) }
            var history = History(seed: 77, store: KilledStore(store, rows: store.rows))
            history.run(steps: 60)
            #expect(history.complaints.isEmpty && history.carriedOut > 10)
            let later = Contest.slice + 11 * Slice.perWeek + MarketForgetting.ordersKept
            for key in try store.rows().counts.keys { try exchange.retire(key, at: later) }
            let before = try store.rows(), packs = before.entries.values.count { $0.contains { $0.account == .prepaid } }
            for _ in 0..<2 {
                try MarketForgetting(store, keys: keys.path).run(at: later)
                let after = try store.rows()
                #expect(after.balances == before.balances && LedgerAudit(after, roles: Self.desk.known).violations().isEmpty)
                // Packs, what was burned of each key, and the sums.
                #expect(packs > 0 && after.entries.count <= packs + before.retired.count + 1 && after.entries.count < before.entries.count)
            }
            #expect(try store.read { try $0.rows("SELECT id FROM request WHERE slice < ?", .slice(later)) }.isEmpty)
            for carried in history.carried(after: 0) {
                guard case .refused = try exchange.carryOut(carried.order, at: later) else { throw Cluster.Unusable(description: "an order of long ago was carried out") }
            }
            for key in before.retired { try exchange.retire(key, at: later + 1) }
            #expect(try store.rows().balances == before.balances)
            _ = try opened(place)
        }
    }

    @Test("every kind of value comes back as it was given, from both", arguments: Engine.allCases)
    func values(_ engine: Engine) throws {
        try engine.place { place in
            let store = try opened(place)
            try store.write { connection in
                for (number, bytes) in [(Int64.max, [UInt8]()), (Int64.min, [0, 255, 63]), (-1, [UInt8](repeating: 7, count: 1000)), (0, [39])] {
                    try connection.run("INSERT INTO entry (request_id, account, delta) VALUES (?, ?, ?)", .bytes(bytes), .text("ä"), .integer(number))
                    let row = try #require(try connection.row("SELECT request_id, delta, NULL AS none FROM entry WHERE delta = ?", .integer(number)))
                    #expect(try row.integer("delta") == number && row.bytes("request_id") == bytes && row.bytesIfAny("none") == nil)
                    #expect(throws: MarketStoreError.self) { try row.integer("request_id") }
                    #expect(throws: MarketStoreError.self) { try row.text("other") }
                }
                // A sum may be of another type than what is summed.
                for (numbers, sum) in [([12_345, 87_655], 100_000), ([-3, 1], -2), ([4, -4], 0), ([Int64.max - 5, 5], Int64.max), ([40_000, 1], 40_001)] as [([Int64], Int64)] {
                    try connection.run("DELETE FROM entry")
                    for number in numbers { try connection.run("INSERT INTO entry (request_id, account, delta) VALUES (?, ?, ?)", .bytes([1]), .text("it's ?"), .integer(number)) }
                    #expect(try connection.row("SELECT sum(delta) AS all_of_it FROM entry")?.integer("all_of_it") == sum)
                }
                #expect(try connection.row("SELECT account FROM entry")?.text("account") == "it's ?")
                #expect(try connection.run("DELETE FROM entry") == 2)
            }
        }
    }

    @Test("a server that does not keep what it says it keeps, a password for all to read and a server that is not there are refused with a reason")
    func refused() throws {
        let cluster = try Cluster.shared.get(), place = try cluster.database()
        func reason(_ place: String) -> String {
            do { _ = try PostgresDatabase(place) } catch MarketStoreError.unavailable(let words) { return words } catch { return "\(error)" }
            return ""
        }
        #expect(reason("postgres://somebody:secret@127.0.0.1/market").contains(".pgpass"))
        #expect(!reason("postgres://somebody:secret@127.0.0.1:port/market").contains("secret"))
        #expect(reason("postgres://dustcloud@/market?host=/nowhere").contains("/nowhere"))
        #expect(reason(cluster.address("nothing")).contains("nothing"))
        try cluster.sql("ALTER SYSTEM SET fsync = off")
        try cluster.sql("SELECT pg_reload_conf()")
        // The server reads its settings when it gets to it.
        var words = "", tries = 0
        while words.isEmpty, tries < 3000 {
            words = reason(place)
            tries += 1
            usleep(10_000)
        }
        #expect(words.contains("fsync = off"))
        try cluster.sql("ALTER SYSTEM RESET fsync")
        try cluster.sql("SELECT pg_reload_conf()")
        tries = 0
        while !words.isEmpty, tries < 3000 {
            words = reason(place)
            tries += 1
            usleep(10_000)
        }
        #expect(words.isEmpty)
    }

    // MARK: what must be so after a kill

    // SAFETY: the suite is serialized, and threads of a test have desks of their own.
    nonisolated(unsafe) private static let desk = ToyDesk.ofHistories()

    /// The rules hold, and every order that was acknowledged gets the same answer again and changes nothing.
    private static func check(_ place: String, _ done: [Carried]) throws {
        let store = try opened(place), before = try store.rows()
        let desk = self.desk, exchange = Exchange(store: store, desk: desk)
        #expect(LedgerAudit(before, roles: desk.known).violations().isEmpty)
        for carried in done { #expect(try exchange.carryOut(carried.order, at: Contest.slice).bytes == carried.answer) }
        #expect(try store.rows().entries == before.entries && store.rows().counts == before.counts)
    }
}

/// Lets all go at the same time, again and again.
private final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private let count: Int
    private var waiting = 0
    private var round = 0

    init(_ count: Int) { self.count = count }

    func pass() {
        condition.lock()
        defer { condition.unlock() }
        let own = round
        waiting += 1
        if waiting == count {
            (waiting, round) = (0, round + 1)
            condition.broadcast()
        }
        while round == own { condition.wait() }
    }
}

extension MarketStore {
    /// Without counting again what others are changing.
    fileprivate static func unchecked(_ place: String) throws -> MarketStore {
        PostgresDatabase.isAddress(place) ? try MarketStore(PostgresDatabase(place)) : try MarketStore(path: place)
    }
}

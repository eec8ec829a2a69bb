import Exchange
import Foundation
import Market
import MarketHistories
import Sealing
import Synchronization
import Testing

/// What is said to a database, statement by statement. It can be killed at one of them, as its process may be.
private struct WatchedDatabase: MarketDatabase {
    final class Watch: Sendable {
        private let state: Mutex<(texts: [String], left: Int)>

        /// - Parameter left: statements until the kill.
        init(left: Int = .max) { state = Mutex((texts: [], left: left)) }

        var texts: [String] { state.withLock { $0.texts } }

        func note(_ text: String) throws {
            try state.withLock { state in
                guard state.left > 0 else { throw Killed() }
                state.left -= 1
                state.texts.append(text)
            }
        }
    }

    private struct Connection: MarketConnection {
        let inner: any MarketConnection
        let watch: Watch

        func rows(_ sql: String, _ arguments: [MarketValue]) throws -> [MarketRow] {
            try watch.note(sql)
            return try inner.rows(sql, arguments)
        }

        func run(_ sql: String, _ arguments: [MarketValue]) throws -> Int {
            try watch.note(sql)
            return try inner.run(sql, arguments)
        }

        func script(_ sql: String) throws {
            try watch.note(sql)
            try inner.script(sql)
        }
    }

    let inner: any MarketDatabase
    let watch: Watch

    init(_ place: String, _ watch: Watch) throws {
        inner = PostgresDatabase.isAddress(place) ? try PostgresDatabase(place) as any MarketDatabase : try SQLiteDatabase(path: place)
        self.watch = watch
    }

    var dialect: MarketDialect { inner.dialect }
    func scrub() throws { try inner.scrub() }
    func read<R>(_ body: (any MarketConnection) throws -> R) throws -> R { try inner.read { try body(Connection(inner: $0, watch: watch)) } }
    func write<R>(_ body: (any MarketConnection) throws -> R) throws -> R { try inner.write { try body(Connection(inner: $0, watch: watch)) } }
}

/// The exchange's door and what goes on behind it.
extension PostgresTests {
    private static let now = Slice(20_000 * Slice.perDay + 300)
    private static let role = KeyRole.credit(.four, week: now.week)
    private static func issuer() throws -> Issuer {
        let issuer = try #require(Issuer(seed: SecretBytes([UInt8](repeating: 3, count: 32)), cashier: Ed25519Key().publicKey))
        issuer.open(role)
        return issuer
    }

    private static func start(_ slice: Slice) -> Int64 { MarketTime.usual.start(of: slice) }
    private static func order(_ number: Int) -> [UInt8] { Padding.pad(Array("order \(number)".utf8))! }

    /// One that waits: nobody else has anything of its key.
    private static func waiting(_ issuer: Issuer) throws -> [UInt8] {
        let shape = Shape.buy(.four), key = try #require(issuer.key(of: role)), digest = Digest.sha256([1])
        let inputs = (0..<shape.inputs).map { index in
            let input = TokenInput(type: role.tokenType, nonce: Digest.sha256([UInt8(index)]), challengeDigest: digest, keyID: key.bytes)
            return Spend(Token(input: input, authenticator: [UInt8](repeating: 0, count: role.tokenType.authenticatorBytes)), .bearer)
        }
        let order = Order(shape: shape, detail: .day(now.day), inputs: inputs, outputs: [], orderKey: digest, signature: [UInt8](repeating: 0, count: 64))
        return try #require(Padding.pad(order.bytes))
    }

    /// Two slices with everything that an order may go through.
    private static func work(_ store: MarketStore) throws {
        let issuer = try issuer(), desk = MarketDesk(store: store, issuer: issuer), waiting = try waiting(issuer)
        for number in [0, 1, 1, 2] { _ = try desk.intake.take(order(number), at: start(now)) }
        _ = try desk.intake.take(waiting, at: start(now))
        _ = try desk.seal(now, at: start(now) + 600)
        try desk.settle(now, beacon: [1])
        for later in 1...MarketRules.usual.longestHold {
            _ = try desk.seal(now + Int64(later), at: start(now + Int64(later)) + 600)
            try desk.settle(now + Int64(later), beacon: [1])
        }
        // Given back by now, so it is new.
        let next = now + Int64(MarketRules.usual.longestHold) + 1
        for body in [order(3), waiting] { _ = try desk.intake.take(body, at: start(next)) }
        try desk.postpone(next)
        _ = try desk.intake.take(order(4), at: start(next))
        try desk.forget(before: now + MarketIntake.answersKept + 1)
    }

    private static func clear(_ store: MarketStore) throws {
        try store.write { database in for table in ["intake", "intake_count", "seal", "hidden"] { try database.run("DELETE FROM \(table)") } }
    }

    private static func counted(_ store: MarketStore, _ text: String) throws -> [Int64: Int64] {
        try store.read { try Dictionary(uniqueKeysWithValues: $0.rows(text).map { (try $0.integer("slice"), try $0.integer("orders")) }) }
    }

    private static func checkCounts(_ store: MarketStore, _ note: Comment) throws {
        #expect(try counted(store, "SELECT slice, orders FROM intake_count WHERE orders <> 0") == counted(store, "SELECT slice, count(*) AS orders FROM intake GROUP BY slice"), note)
    }

    @Test("killed at any statement, an exchange knows how many orders each slice has, without counting them", arguments: Engine.allCases)
    func intakeKilled(_ engine: Engine) throws {
        let watch = WatchedDatabase.Watch()
        try engine.place { place in
            let store = try opened(place), watched = try MarketStore(WatchedDatabase(place, watch))
            try Self.work(watched)
            try Self.checkCounts(store, "nothing happened")
            // One waits to be given back, one came for the postponed slice and one after it was sealed.
            #expect(try Self.counted(store, "SELECT slice, orders FROM intake_count WHERE orders <> 0").values.reduce(0, +) == 3)
        }
        let statements = watch.texts.count, first = watch.texts.firstIndex { $0.contains("INSERT INTO intake ") } ?? 0
        #expect(first > 0 && statements > first + 60)
        try engine.place { place in
            let store = try opened(place)
            for kill in first..<statements {
                let killed = try MarketStore(WatchedDatabase(place, .init(left: kill)))
                #expect(throws: Killed.self) { try Self.work(killed) }
                try Self.checkCounts(store, "killed at \(kill), \(watch.texts[kill])")
                try Self.clear(store)
            }
        }
    }

    @Test("an order is taken in with as many statements however many its slice has, and none looks at the others", arguments: Engine.allCases)
    func intakeCost(_ engine: Engine) throws {
        try engine.place { place in
            let watch = WatchedDatabase.Watch(), store = try MarketStore(WatchedDatabase(place, watch)), intake = MarketIntake(store: store, time: .usual)
            var costs: [[String]] = []
            for number in 0..<200 {
                let before = watch.texts.count
                #expect(try intake.take(Self.order(number), at: Self.start(Self.now)) == .taken(Self.now))
                costs.append(Array(watch.texts[before...]))
            }
            let statements = try #require(costs.first)
            #expect(costs.allSatisfy { $0 == statements } && statements.count == 5)
            guard engine == .sqlite else { return }
            // A row is found by its key, and the last seal at the end of its table.
            for text in statements {
                let arguments = text.filter { $0 == "?" }.map { _ in MarketValue.integer(1) }
                let plan = try store.read { try $0.rows("EXPLAIN QUERY PLAN " + text, arguments).map { try $0.text("detail") } }
                #expect(plan.allSatisfy { $0.contains("(id=?)") || $0.contains("(rowid=?)") || $0 == "SEARCH seal" }, "\(text): \(plan)")
            }
        }
    }

    @Test("a slice that has as many orders as it may takes no more, but for those it has; the next does, and a count that is wrong is put right at the start", arguments: Engine.allCases)
    func intakeLimit(_ engine: Engine) throws {
        try engine.place { place in
            let store = try opened(place), intake = MarketIntake(store: store, time: .usual)
            func take(_ number: Int, _ slice: Slice) throws -> MarketIntake.Receipt { try intake.take(Self.order(number), at: Self.start(slice)) }
            #expect(try take(0, Self.now) == .taken(Self.now))
            try store.write { _ = try $0.run("UPDATE intake_count SET orders = ?", .integer(Int64(MarketIntake.ordersLimit) - 1)) }
            #expect(try take(1, Self.now) == .taken(Self.now) && take(2, Self.now) == .full && take(1, Self.now) == .taken(Self.now) && take(2, Self.now + 1) == .taken(Self.now + 1))
            // A clock that went back fills the slice that its orders go to.
            try store.write { database in
                try database.run("INSERT INTO seal (slice, ids) VALUES (?, ?)", .slice(Self.now), .bytes([]))
                try database.run("UPDATE intake_count SET orders = ? WHERE slice = ?", .integer(Int64(MarketIntake.ordersLimit)), .slice(Self.now + 1))
            }
            #expect(try take(3, Self.now - 1) == .full)
            try Self.checkCounts(opened(place), "opened again")
            #expect(try take(3, Self.now - 1) == .taken(Self.now + 1))
        }
    }
}

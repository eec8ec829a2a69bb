import Ambience
import Bytes
import Exchange
import Foundation
import Market
import MarketLine
import MarketSite
import Sealing
import Synchronization
import Testing

/// A whole exchange in this process, on its line and with three witnesses, whose clock goes as the test wants.
final class ClockedMarket {
    /// The last slice but one of a week, and so of a day: tomorrow's keys and next week's are there already.
    static let last = Slice.first(ofWeek: 3_000) - 2
    static let mote = Ed25519Key()
    static let swap = SecureRandom.bytes(32)
    /// Of the key that asks for the swap's rights.
    static let swapCounter: UInt64 = 7

    private final class Clock: Sendable {
        private let seconds: Mutex<Int64>
        init(_ seconds: Int64) { self.seconds = Mutex(seconds) }
        var now: Int64 { seconds.withLock { $0 } }
        func set(_ seconds: Int64) { self.seconds.withLock { $0 = seconds } }
    }

    let cashier = Ed25519Key()
    /// With the exchange's own keys: what it makes is genuine.
    let issuer: Issuer
    let terms: MarketTerms
    let client: MarketClient
    private let clock: Clock
    private let store: MarketStore
    private let server: MarketServer
    private let witnesses: [TestWitness]
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-clocked-\(UUID().uuidString)").path

    init(swapSigner: [UInt8]) throws {
        let time = MarketTime.usual, clock = Clock(time.start(of: Self.last - 8)), folder = try MarketFolder(path), secrets = try folder.secrets()
        let witnesses = try (0..<3).map { _ in try TestWitness { clock.now } }
        let terms = try MarketTerms(
            origin: "test.example/market", address: "127.0.0.1:9", logKey: secrets.log.publicKey, sealKey: secrets.seal.publicKey, cashierKey: cashier.publicKey, time: time,
            witnesses: witnesses.enumerated().map { .init(name: "w\($0)", key: $1.key.publicKey, address: "\($1.address)") },
            buckets: [.init(number: 0, region: "north", group: "one"), .init(number: 1, region: "south", group: "two")],
            trials: [.workBits: Int64(TestOrders.workBits), .leastSet: 0, .leastFleet: 1, .classes: 1, .permitEvery: Slice.perDay, .leastPermits: 10])
        issuer = Issuer(seed: secrets.issuer, cashier: cashier.publicKey)!
        (self.clock, self.terms, self.witnesses, store) = (clock, terms, witnesses, try MarketStore(path: folder.database))
        try Self.keep(issuer, in: path)
        try Self.fill(store, issuer, swapSigner)
        server = try MarketServer(folder, terms, store: store, listen: TestWitness.here, now: { clock.now }, tell: { _ in })
        client = try #require(MarketClient("\(server.address)", .direct, limitMilliseconds: 60_000))
        try begin()
    }

    func end() {
        server.end()
        for witness in witnesses { witness.stop() }
        try? FileManager.default.removeItem(atPath: path)
    }

    // MARK: what there is from the beginning

    /// All keys that orders of these days are about. Those of RSA are written down as the exchange does, so that it need make none.
    private static func keep(_ issuer: Issuer, in path: String) throws {
        let day = last.day, weeks = last.week - 1...last.week + 1, keys = (0..<2).map { _ in RSAKey.generateLocked(bits: 2048) }
        for week in weeks { for denomination in Denomination.allCases { issuer.open(.credit(denomination, week: week)) } }
        for ahead in Int64(-1)...4 { for bucket in UInt8(0)...1 { issuer.open(.barter(bucket: bucket, last + ahead)) } }
        var bytes = try Files.read(path + "/seed")
        let storage = try #require(Curve25519Key(secret: Digest.expandSHA512(secret: SecretBytes(bytes), info: Array("dust-exchange-1 storage".utf8), count: 32).copy))
        bytes.wipe()
        for day in [day - 2, day, day + 1, day + 2] {
            let start = Slice.first(ofDay: day)
            let roles = [KeyRole.access(day: day), .barterAccess(bucket: 0, day: day), .barterAccess(bucket: 1, day: day), .permit(start, .small, isStaked: true), .permit(start, .small, isStaked: false)]
            var writer = ByteWriter(capacity: 16 << 10)
            for (index, role) in roles.enumerated() {
                let key = keys[index % keys.count], sealed = try #require(SealedBox.seal(key.pem, to: storage.publicKey)), publicKey = TokenPublicKey.encode(key.publicKey)
                issuer.open(role, key)
                writer.u8(UInt8(role.bytes.count))
                for part in [role.bytes, publicKey, sealed] {
                    if part != role.bytes { writer.u16(UInt16(part.count)) }
                    writer.append(part)
                }
            }
            try Files.replace("\(path)/keys/day-\(day)", with: writer.bytes)
        }
    }

    /// As after a long history: tokens of every key are out, a mote is listed, up and swapped.
    private static func fill(_ store: MarketStore, _ issuer: Issuer, _ swapSigner: [UInt8]) throws {
        try store.transaction { statements in
            for role in issuer.openRoles where !isDrawn(role) { try statements.setCount(issuer.key(of: role)!, KeyCount(issued: 1000)) }
            let listing = Listing(mote: mote.publicKey, size: .small, bucket: 0, first: last - 2, last: last + 1, permit: KeyID(swap)!, isStaked: true)
            #expect(try statements.insertListing(listing))
            // Enough of them that purchases are not refused for the motes' load.
            for number in UInt8(1)...3 {
                let other = [UInt8](repeating: number, count: 32)
                #expect(try statements.insertListing(Listing(mote: other, size: .large, bucket: 0, first: last, last: last + 3, permit: KeyID(swap)!, isStaked: true)))
            }
            for ahead in Int64(-2)...0 { try statements.insertCertificate(mote.publicKey, at: last + ahead, isUp: true) }
            try statements.insertSwap(Swap(id: swap, mote: mote.publicKey, size: .small, bucket: 1, first: last - 2, last: last + 1, orderKey: swapSigner))
            for isStaked in [true, false] { try statements.setAllowance(last + 2, .small, isStaked: isStaked, 10) }
        }
    }

    /// Of the permits that are still to be had there are as many as the throttle says.
    private static func isDrawn(_ role: KeyRole) -> Bool { if case .permit(let start, _, _) = role { start > last } else { false } }

    /// Until the witnesses' chains are in the log, so that there are beacons four slices later.
    private func begin() throws {
        for witness in witnesses { _ = try client.post(.chain, witness.begin(terms).bytes) }
        try wait("the chains are witnessed") {
            let chains = try client.fetch(.chains).flatMap { PublishedList.decode($0) } ?? []
            return chains.compactMap { try? LoggedDocument($0).loggedAt(terms.trust) }.count == witnesses.count
        }
    }

    // MARK: time

    private func wait(_ what: String, _ body: () throws -> Bool) throws {
        let end = Date().addingTimeInterval(240)
        while try !body() {
            guard Date() < end else { throw Late(what: what) }
            usleep(100_000)
        }
    }

    private struct Late: Error { let what: String }

    /// To that slice's beginning.
    func go(to slice: Slice) { clock.set(terms.time.start(of: slice) + 10) }

    /// Closes the slice, and waits until its answers can be read.
    func settle(_ slice: Slice) throws {
        clock.set(terms.time.moment(MarketIntake.intakeSeconds, of: slice))
        try wait("slice \(slice.index) is settled") { try client.fetch(.report(slice)) != nil }
        clock.set(terms.time.moment(MarketIntake.releaseSeconds, of: slice))
    }

    // MARK: what it holds

    /// Every row of the ledger and of what is listed and swapped, as text. What the exchange notes of each slice is left out.
    func dump() throws -> [String] {
        try store.read { database in
            try ["request", "nullifier", "output", "entry", "key_count", "listing", "cert", "swap", "swap_request", "offer"].flatMap { table in
                let columns = try database.rows("SELECT name FROM pragma_table_info('\(table)')").map { try $0.text("name") }
                return try database.rows("SELECT \(columns.map { "quote(\($0))" }.joined(separator: " || '|' || ")) AS line FROM \"\(table)\"").map { "\(table) \(try $0.text("line"))" }
            }.sorted()
        }
    }

    func knows(_ id: [UInt8]) throws -> Bool { try store.read { try $0.has("SELECT id FROM intake WHERE id = ?", .bytes(id)) } }
}

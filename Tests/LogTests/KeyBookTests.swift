import Bytes
import Exchange
import Sealing
import Testing

@Suite("A wallet's belief in keys")
struct KeyBookTests {
    // SAFETY: OpenSSL's keys may be used by several threads at once; nobody changes this one.
    private nonisolated(unsafe) static let rsa = RSAKey.generateLocked(bits: 2048)
    private let world: LogWorld
    private let now: Slice
    init() throws {
        world = try LogWorld()
        now = world.now
    }

    @Test("a table is read as it was written, and no other bytes are one")
    func tables() throws {
        let day = now.day
        world.issuer.open(.access(day: day), Self.rsa)
        world.issuer.open(.barter(bucket: 3, .first(ofDay: day)))
        let table = try #require(world.issuer.table(day: day)), read = try KeyTable(table.bytes)
        #expect(read == table && read.keys.count == 2 && read.span == .day(day))
        #expect(table.keys.map(\.id) == table.keys.map { KeyID($0.role, publicKey: world.issuer.publicKey($0.role)!) })
        #expect(throws: KeyTable.Failure.self) { try KeyTable(table.bytes + [0]) }
        #expect(throws: KeyTable.Failure.self) { try KeyTable(table.bytes.dropLast()) }
        var wrong = table.bytes
        wrong[Array("dust-keys-1\nday ".utf8).count + 4] ^= 1
        #expect(throws: KeyTable.Failure.self, "of another day") { try KeyTable(wrong) }
        #expect(KeyTable(.week(1), [.access(day: 7): [UInt8](repeating: 0, count: 342)]) == nil)
        #expect(KeyTable(.day(7), [:]) == nil)
    }

    @Test("a key is had once it was in the log for four slices, with two witnesses")
    func age() throws {
        let week = now.week, table = LogWorld.week(week), role = KeyRole.credit(.four, week: week)
        let document = try world.publish(table, at: now, by: ["w1", "w3"])
        #expect(try LoggedDocument(document.bytes) == document)
        var book = KeyBook(world.terms)
        #expect(try book.accept(document, at: now) == .week(week))
        for age in 0..<4 { #expect(book.key(of: role, at: now + Int64(age)) == nil) }
        let key = try #require(book.key(of: role, at: now + 4))
        #expect(key.id == KeyID(role, publicKey: key.publicKey) && book.role(of: key.id) == role)
        #expect(book.key(of: role, at: .first(ofWeek: week + 1)) == nil, "no longer in use")
        #expect(book.publicKey(of: role) == key.publicKey)
    }

    @Test("one witness, a foreign log, another tree or a time to come convinces nobody")
    func unproven() throws {
        let table = LogWorld.week(now.week)
        func refusal(_ document: LoggedDocument, at slice: Slice? = nil) -> KeyBook.Refusal? {
            var book = KeyBook(world.terms)
            do { try book.accept(document, at: slice ?? now); return nil } catch { return error }
        }
        #expect(refusal(try world.publish(table, at: now, by: ["w2"])) == .notLogged)
        let good = try world.publish(table, at: now)
        #expect(refusal(good) == nil)
        #expect(refusal(good, at: now - 2) == .notLogged)
        #expect(refusal(LoggedDocument(kind: good.kind, number: good.number, index: good.index + 1, checkpoint: good.checkpoint, proof: good.proof, body: good.body)) == .notLogged)
        #expect(refusal(LoggedDocument(kind: good.kind, number: good.number, index: good.index, checkpoint: good.checkpoint, proof: good.proof, body: LogWorld.week(now.week).bytes)) == .notLogged)
        #expect(refusal(LoggedDocument(kind: .day, number: good.number, index: good.index, checkpoint: good.checkpoint, proof: good.proof, body: good.body)) == .malformed)
        #expect(refusal(try LogWorld().publish(table, at: now)) == .notLogged)
    }

    @Test("a second table of a week, or one long before its time, ends all belief")
    func incidents() throws {
        let week = now.week, role = KeyRole.credit(.one, week: week)
        var book = KeyBook(world.terms)
        try book.accept(try world.publish(LogWorld.week(week), at: now), at: now)
        #expect(book.key(of: role, at: now + 4) != nil)
        var other = book
        #expect(throws: KeyBook.Refusal.incident(.secondTable(.week(week)))) { try other.accept(try world.publish(LogWorld.week(week), at: now), at: now) }
        #expect(other.key(of: role, at: now + 4) == nil && other.incident == .secondTable(.week(week)))
        var early = book
        #expect(throws: KeyBook.Refusal.incident(.early(.week(week + 3)))) { try early.accept(try world.publish(LogWorld.week(week + 3), at: now), at: now) }
        #expect(early.key(of: role, at: now + 4) == nil)
        try book.accept(try world.publish(LogWorld.week(week + 1), at: now), at: now)
        #expect(book.incident == nil)
    }

    @Test("the same table seen earlier is older; tables of long ago are forgotten")
    func forgetting() throws {
        let table = LogWorld.week(now.week), role = KeyRole.credit(.one, week: now.week)
        var book = KeyBook(world.terms)
        let first = try world.publish(table, at: now)
        try book.accept(try world.publish(table, at: now + 3), at: now + 3)
        #expect(book.key(of: role, at: now + 4) == nil)
        try book.accept(first, at: now + 3)
        #expect(book.key(of: role, at: now + 4) != nil)
        let later = Slice.first(ofWeek: now.week + 3)
        try book.accept(try world.publish(LogWorld.week(later.week), at: later), at: later)
        #expect(!book.has(.week(now.week)) && book.publicKey(of: role) == nil)
    }

    @Test("a mote honours the keys of its own bucket in their day, and those of no other")
    func access() throws {
        let day = now.day
        world.issuer.open(.access(day: day), Self.rsa)
        world.issuer.open(.barterAccess(bucket: 1, day: day), RSAKey.generateLocked(bits: 2048))
        let table = try #require(world.issuer.table(day: day))
        var book = KeyBook(world.terms)
        try book.accept(try world.publish(table, at: now), at: now)
        let general = world.issuer.key(of: .access(day: day)), barter = world.issuer.key(of: .barterAccess(bucket: 1, day: day))
        let mote = book.access(bucket: 1)
        #expect(mote.key(general, for: now + 4) != nil && mote.key(barter, for: now + 4) != nil)
        #expect(mote.key(general, for: now + 3) == nil, "too young")
        #expect(mote.key(general, for: .first(ofDay: day + 1)) == nil)
        #expect(book.access(bucket: 0).key(barter, for: now + 4) == nil && book.access(bucket: 0).key(general, for: now + 4) != nil)
        #expect(mote.key(KeyID([UInt8](repeating: 0, count: 32)), for: now + 4) == nil && mote.key(nil, for: now + 4) == nil)
    }
}

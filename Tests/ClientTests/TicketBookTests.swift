import Ambience
import Exchange
import Glibc
import MarketHistories
import Paths
import Sealing
import Testing

@testable import Client

@Suite("A client's tickets on disk")
struct TicketBookTests {
    private let folder: String
    private let mote = Ed25519Key().publicKey
    private let slice = Slice(7)

    init() throws {
        folder = "/tmp/tickets-\(getpid())-\(UInt64.random(in: 0..<UInt64.max))"
        try Files.makeFolder(folder)
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws { try Files.replace(folder + "/" + name, with: bytes) }

    private func remove() {
        for name in (try? Files.list(folder)) ?? [] { try? Files.remove(folder + "/" + name) }
        rmdir(folder)
    }

    @Test("a ticket is marked as spent on disk before it may be shown, and no restart makes it new, wherever the client died")
    func spent() throws {
        defer { remove() }
        let ticket = try #require(AccessTokens(.access(day: 0)).buy(mote: mote, slice).ticket(mote: mote, slice)), exporter = SecureRandom.bytes(32)
        try write("a.ticket", ticket.bytes)
        var book = TicketBook(folder: folder)
        try book.reload()
        #expect(Array(book.tickets.keys) == ["a"])
        try book.spend("a", exporter: exporter)
        let spent = TicketFile.spentName("a", exporter: exporter)
        #expect(book.tickets.isEmpty)
        #expect(try Files.list(folder) == [spent])
        #expect(try Files.read(folder + "/" + spent) == ticket.bytes)
        // As if it had died between the two files.
        try write("a.ticket", ticket.bytes)
        for _ in 0..<2 {
            var again = TicketBook(folder: folder)
            try again.reload()
            #expect(again.tickets.isEmpty)
        }
    }

    @Test("tickets come and go with their files, and what is no ticket is left alone")
    func followed() throws {
        defer { remove() }
        let tokens = AccessTokens(.access(day: 0))
        let tickets = try (0..<2).map { _ in try #require(tokens.buy(mote: mote, slice).ticket(mote: mote, slice)) }
        var book = TicketBook(folder: folder)
        try write("a.ticket", tickets[0].bytes)
        try write("b.ticket", Array(tickets[1].bytes.dropLast()))
        try write("notes", [1, 2, 3])
        try book.reload()
        #expect(Array(book.tickets.keys) == ["a"] && book.unreadable == ["b"])
        try write("c.ticket", tickets[1].bytes)
        try Files.remove(folder + "/a.ticket")
        try book.reload()
        #expect(Array(book.tickets.keys) == ["c"])
        #expect(throws: FileError.self) {
            var nowhere = TicketBook(folder: folder + "/nowhere")
            try nowhere.reload()
        }
    }
}

@Suite("Where a client enters")
struct EntranceTests {
    @Test("a mote that lets us in is the only entry, guard or not, and other choices stay")
    func only() {
        let mote = RSAIdentity([UInt8](repeating: 7, count: 20))!
        let policy = ClientSettings().paths, entering = policy.entering(at: mote)
        #expect(entering.entryNodes == .init(identities: [mote]) && !entering.useEntryGuards)
        #expect(entering.exitNodes == policy.exitNodes && entering.excludeNodes == policy.excludeNodes && entering.streamLifeSeconds == policy.streamLifeSeconds)
        #expect(policy.entering(at: nil).useEntryGuards)
    }
}

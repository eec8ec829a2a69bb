import Exchange
import Foundation
import Market
import MarketLine
import MarketSite
import Sealing
import Testing

/// An exchange as a process that can be killed, three witnesses, and somebody with a wallet.
@Suite("An exchange at work", .serialized)
struct ServeTests {
    @Test("what an exchange took in is carried out once, though it is killed again and again, and its books and reports are in order")
    func killed() throws {
        let site = try MarketSite(), seed = try #require(WalletSeed(.random(32), device: 0))
        var client = try site.start()
        let keys = try site.begin(client)

        // A pack is ordered, and the exchange killed as soon as it has said that it took it in.
        let pack = try site.pack(seed, keys)
        try site.take(pack.order, client)
        site.kill()
        client = try site.start()
        let tokens = try site.tokens(pack, client, keys)
        #expect(tokens.count == 6)

        // One of its tokens is split, twice at the same time: one of both is carried out.
        let large = try #require(tokens.first { $0.role == .credit(.twoHundredFiftySix, week: keys.table.span.number) }), slice = try site.slice()
        let drafts = try [100, 200].map { try #require(Draft(Recipe(.split(.twoHundredFiftySix), at: slice, from: $0, inputs: [Recipe.Input(large)]), seed: seed, keys: keys)) }
        for draft in drafts { try site.take(draft.order, client) }
        for _ in 0..<3 {
            usleep(UInt32.random(in: 200_000...900_000))
            site.kill()
            client = try site.start()
        }
        let replies = try drafts.map { try site.reply($0, client) }
        #expect(replies.count { $0 == .refused(.spent) } == 1)
        #expect(replies.count { if case .carriedOut = $0 { true } else { false } } == 1)
        try Self.checkReports(client, site.terms(), until: try MarketSite.wait("a report") { try Self.lastReport(client, site.slice()) })

        site.kill()
        let rows = try MarketStore(path: site.folder + "/market.sqlite").rows()
        #expect(LedgerAudit(rows, roles: keys.roles).violations().isEmpty)
    }

    private static func lastReport(_ client: MarketClient, _ now: Slice) throws -> Slice? {
        try (0..<5).lazy.map { now - $0 }.first { try client.fetch(.report($0)) != nil }
    }

    /// Sealed orders, beacon and report of a slice say the same, and the accounts add up to nothing.
    private static func checkReports(_ client: MarketClient, _ terms: MarketTerms, until last: Slice) throws {
        var chained = 0
        for slice in last - 20...last {
            guard let bytes = try client.fetch(.report(slice)) else { continue }
            let document = try #require(try? LoggedDocument(bytes))
            let report = try #require(try? EpochReport(document.body), "\(String(decoding: document.body, as: UTF8.self))")
            let record = try #require(try client.fetch(.beacon(slice))), ids = try #require(try client.fetch(.ids(slice)))
            let beacon = try #require(try? BeaconRecord(record), "\(record)")
            #expect(document.loggedAt(terms.trust) != nil)
            #expect(report.beacon == beacon.value && report.seal == beacon.seal)
            #expect(beacon.seal == OrdersSeal(slice: slice, ids: stride(from: 0, to: ids.count, by: 32).map { Array(ids[$0..<$0 + 32]) }))
            #expect(report.accounts.values.reduce(0, +) == 0)
            chained += 1
        }
        #expect(chained > 0)
    }

    @Test("what is no order gets one short answer and changes nothing")
    func nonsense() throws {
        let site = try MarketSite(), client = try site.start(), terms = try site.terms(), slice = try site.slice()
        #expect(try client.post(.order, [1, 2, 3]) == OrderReceipt.refused.bytes)
        #expect(try client.post(.order, try #require(OrderLetter.make([1], to: Curve25519Key().publicKey, at: slice))) == OrderReceipt.refused.bytes)
        #expect(try client.post(.order, try #require(OrderLetter.make([1], to: terms.sealKey, at: slice - 5))) == OrderReceipt.refused.bytes)
        for path in [MarketPath.offer, .swap, .proof] { #expect(try client.post(path, [9]) == [Refusal.malformed.rawValue]) }
        #expect(try client.answer(to: [UInt8](repeating: 7, count: 32)) == .unknown)
        #expect(throws: MarketLineError.self) { try client.post(.answer, [1]) }
        for path in [MarketPath.cert, .chain] { #expect(throws: MarketLineError.self) { try client.post(path, [9]) } }
        #expect(try client.fetch(.report(slice)) == nil)
        site.kill()
        #expect(try MarketStore(path: site.folder + "/market.sqlite").rows().entries.isEmpty)
    }
}

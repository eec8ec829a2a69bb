import Exchange
import Foundation
import Market
import MarketSite
import Sealing
import Testing

extension PostgresTests {
    @Test("an exchange that is killed carries out once what it took in, and an auditor who is given a copy of its database has nothing to object to")
    func served() throws {
        let cluster = try Cluster.shared.get(), place = try cluster.database(), site = try MarketSite(database: place), seed = try #require(WalletSeed(.random(32), device: 0))
        var client = try site.start()
        let keys = try site.begin(client), pack = try site.pack(seed, keys)
        try site.take(pack.order, client)
        site.kill()
        client = try site.start()
        let tokens = try site.tokens(pack, client, keys), large = try #require(tokens.first { $0.role == .credit(.twoHundredFiftySix, week: keys.table.span.number) })
        let slice = try site.slice(), split = try #require(Draft(Recipe(.split(.twoHundredFiftySix), at: slice, from: 100, inputs: [Recipe.Input(large)]), seed: seed, keys: keys))
        try site.take(split.order, client)
        let reply = try site.reply(split, client)
        guard case .carriedOut = reply else { throw Late("the answer is \(reply)") }

        let copy = try cluster.restore(cluster.dump(place)), rows = try opened(copy).rows()
        #expect(LedgerAudit(rows, roles: keys.roles).violations().isEmpty)
        let counts = rows.counts.reduce(into: [:]) { counts, row in keys.roles[row.key].map { counts[$0] = row.value } }, week = keys.table.span.number
        #expect(counts[.credit(.twoHundredFiftySix, week: week)] == KeyCount(issued: 3, redeemed: 1) && counts[.credit(.sixtyFour, week: week)] == KeyCount(issued: 7))
        let audit = try site.audit(copy)
        #expect(audit.isContent, "\(audit.report)")
        // What it counts again is not what somebody wrote there.
        try cluster.sql("UPDATE entry SET delta = delta - 1 WHERE account LIKE 'credit.%'", at: copy)
        let other = try site.audit(copy)
        #expect(!other.isContent && other.report.contains("\"ledger\""), "\(other.report)")
        // The same, sent again to what is left after another kill.
        site.kill()
        client = try site.start()
        #expect(try site.reply(split, client) == reply)
    }
}

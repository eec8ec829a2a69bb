import Exchange
import Sealing
import Testing
import Wallet

@Suite("A wallet and what motes saw of the log")
struct LogComparisonTests {
    /// A market with a mote that is listed, and somebody with credit.
    private func market() throws -> (market: TestMarket, owner: TestWallet, buyer: TestWallet) {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, _) = try market.offered(permits: 3), buyer = try TestWallet(market)
        _ = try buyer.store.add(market.receipt())
        try market.run(5, [owner, buyer])
        let isListed = try owner.store.lots().first?.isListed, credit = try buyer.report().credit
        try #require(isListed == true && credit == 960)
        return (market, owner, buyer)
    }

    @Test("is read when a mote names a root that is not known, and not for each mote and slice")
    func seldom() throws {
        let (market, owner, buyer) = try market()
        try buyer.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first)
        try market.run(4, [owner, buyer])
        let report = try buyer.report()
        #expect(report.purchasesWaiting.isEmpty && report.credit == 948)
        // Two wallets; a root of its own in each of two documents at most.
        #expect(market.tilesAsked <= 4)
    }

    @Test("when a mote that is listed saw another log, nothing is ordered any more, by a wallet that is started again neither")
    func otherLog() throws {
        let (market, _, buyer) = try market(), sent = market.sent.count
        market.shownOffer = { offer in
            Offer(
                permit: offer.permit, size: offer.size, bucket: offer.bucket, first: offer.first, last: offer.last, group: offer.group, address: offer.address,
                keyRoot: Digest.sha256([66]), signature: offer.signature)
        }
        var news: [String] = []
        buyer.agent.onNews = { news.append($0) }
        try market.run(1, [buyer])
        try buyer.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first)
        try market.run(1, [buyer])
        #expect(news.contains { $0.contains("saw another log") })
        try buyer.restart()
        market.shownOffer = { $0 }
        market.shownLog = TransparencyLog([MerkleTree.leaf([1]), MerkleTree.leaf([2]), MerkleTree.leaf([3])])
        try market.run(2, [buyer])
        let waiting = try buyer.report().purchasesWaiting
        #expect(market.sent.count == sent && !waiting.isEmpty)
    }

    @Test("an older state of the log that is handed out proves nothing against anybody: nothing is bought until there is the newest again")
    func behind() throws {
        let (market, owner, _) = try market(), late = try TestWallet(market)
        _ = try late.store.add(market.receipt())
        market.shownLog = market.log(of: 1)
        var news: [String] = []
        late.agent.onNews = { news.append($0) }
        try late.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first)
        try market.run(4, [owner, late])
        #expect(try late.report().purchasesWaiting == ["no mote is listed for the next slices": 1])
        #expect(news.contains { $0.contains("up to what it showed before") } && !news.contains { $0.contains("another log") })
        market.shownLog = nil
        try market.run(3, [owner, late])
        #expect(try late.report().purchasesWaiting.isEmpty)
    }

    @Test("while the log cannot be read, motes whose word cannot be compared are not bought from")
    func withheld() throws {
        let (market, owner, _) = try market(), late = try TestWallet(market)
        _ = try late.store.add(market.receipt())
        market.hidesTiles = true
        try late.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first)
        try market.run(4, [owner, late])
        #expect(try late.report().purchasesWaiting == ["no mote is listed for the next slices": 1])
        market.hidesTiles = false
        try market.run(3, [owner, late])
        #expect(try late.report().purchasesWaiting.isEmpty)
    }
}

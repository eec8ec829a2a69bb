import Ambience
import Exchange
import MarketHistories
import Sealing
import Testing

/// Sellers who are many, or one who says so, for weeks on end.
@Suite("A cartel of sellers")
struct CartelTests {
    private static let honest = 60
    private static let periods = 12

    private func mote(_ period: Int, _ number: Int, isCartels: Bool) -> [UInt8] { (isCartels ? [1] : [0]) + Digest.sha256("\(period) \(number)".utf8).dropFirst() }

    private func offer(_ mote: [UInt8], bucket: UInt8, _ start: Slice, _ desk: ToyDesk) -> Offer {
        let role = KeyRole.permit(start, .small, isStaked: true), key = desk.key(of: role)!
        let input = TokenInput(type: .blindRSA, nonce: mote, challengeDigest: Challenges.permit(from: start).digest, keyID: key.bytes)
        let permit = ToyDesk.tokens([input], desk.issue(Batch(key: key, type: .blindRSA, blinded: [ToyDesk.blinded(input)]), role)!)[0]
        let offer = { (signature: [UInt8]) in
            Offer(permit: permit, size: .small, bucket: bucket, first: start, last: start + 3, group: bucket, address: [], keyRoot: [UInt8](repeating: 0, count: 32), signature: signature)
        }
        return offer(ToyDesk.sign(offer([]).signed, mote))
    }

    /// What a cartel with so many stakes beside sixty honest ones has: its part of the shares in each slice, and of the tokens that are drawn.
    private func run(stakes: Int, names: Int, buckets: [UInt8], seed: UInt64) throws -> (highest: Double, drawn: Double) {
        let desk = ToyDesk(), exchange = Exchange(store: MemoryStore(), desk: desk)
        var random = SeededRandom(seed: seed), highest = 0.0, own = 0, all = 0
        for period in 0..<Self.periods {
            let start = Slice(20_000 * Slice.perDay + Int64(period) * MoteClass.slicesPerPermit)
            // Permits are drawn by lot, so they come in any order; the cartel's names take turns.
            let mine = (0..<stakes).map { (mote(period, $0 % names * 1000 + $0 / names, isCartels: true), buckets[$0 % buckets.count]) }
            let others = (0..<Self.honest).map { (mote(period, $0, isCartels: false), UInt8(10 + $0 % 6)) }
            for (mote, bucket) in (mine + others).shuffled(using: &random) { _ = try exchange.list(offer(mote, bucket: bucket, start, desk), at: start - 1) }
            // Crowded out, it asks again when the others are listed.
            for (mote, bucket) in mine { _ = try exchange.list(offer(mote, bucket: bucket, start, desk), at: start) }
            let listed = exchange.store.rows.listings.filter { $0.first == start }
            highest = max(highest, Double(listed.count { $0.mote[0] == 1 }) / Double(listed.count))
            for place in try drawn(listed, start, &random) { (own, all) = (own + (place.mote[0] == 1 ? 1 : 0), all + 1) }
        }
        return (highest, Double(own) / Double(all))
    }

    /// Where a buyer's wallet would use so many purchases.
    private func drawn(_ listed: [Listing], _ start: Slice, _ random: inout SeededRandom) throws -> [Place] {
        var book = WalletBook()
        for ahead in Int64(0)..<4 { book.listed[start + ahead] = listed.map { ListedMote(mote: $0.mote, size: $0.size, bucket: $0.bucket) } }
        return (0..<30).flatMap { number -> [Place] in
            let role = KeyRole.credit(.sixtyFour, week: start.week)
            book.tokens = (0..<3).map { index in
                let nonce = Digest.sha256("\(number) \(index)".utf8), input = TokenInput(type: .voprf, nonce: nonce, challengeDigest: nonce, keyID: nonce)
                return WalletToken(token: Token(input: input, authenticator: nonce + nonce), role: role, counter: 0, since: start - 200, ripe: start - 100, stale: start + 500)
            }
            book.purchases = [Purchase(id: 1, denomination: .sixtyFour, isUrgent: false, notBefore: start - 1)]
            return WalletPlan(book, at: start - 1, rules: WalletRules(), random: &random).intents.first { $0.purpose == .purchase(1) }?.places ?? []
        }
    }

    @Test("draws for days as many tokens as it has of all stakes, in however many names and groups", arguments: [(15, 1), (15, 15), (40, 40)])
    func asStaked(stakes: Int, names: Int) throws {
        let part = Double(stakes) / Double(stakes + Self.honest), result = try run(stakes: stakes, names: names, buckets: [0, 1, 2, 3], seed: 1)
        print("a cartel with \(part) of all stakes in \(names) names and four groups, \(Self.periods * 4) slices: \(result.drawn) of all tokens, \(result.highest) of the shares at most")
        #expect(abs(result.drawn - part) < 0.01)
    }

    @Test("with more stakes than all others together in one provider group has a third at most, in every slice")
    func capped() throws {
        let result = try run(stakes: 120, names: 100, buckets: [0], seed: 2)
        print("a cartel with two thirds of all stakes in one group, \(Self.periods * 4) slices: \(result.drawn) of all tokens, \(result.highest) of the shares at most")
        #expect(result.highest <= 1.0 / 3 && result.highest > 0.3 && abs(result.drawn - result.highest) < 0.02)
    }
}

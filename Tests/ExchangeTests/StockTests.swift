import Ambience
import Exchange
import Sealing
import Testing

@Suite("What a wallet spends")
struct StockTests {
    private func token(_ index: Int) -> Token {
        let input = TokenInput(type: .voprf, nonce: Digest.sha256("\(index)".utf8), challengeDigest: [UInt8](repeating: 0, count: 32), keyID: [UInt8](repeating: 0, count: 32))
        return Token(input: input, authenticator: [UInt8](repeating: 0, count: 64))
    }

    @Test("credit is not spent in the slice that it was paid in, and all ages up to a day are about as likely")
    func ages() {
        var random = SeededRandom(seed: 3), stock = TokenStock()
        let start = Slice(20_000 * Slice.perDay), role = KeyRole.credit(.four, week: start.week)
        for index in 0..<2000 { stock.add(token(index), role, at: start, random: &random) }
        #expect(stock.choose(3, .four, at: start, random: &random) == nil)
        #expect(stock.choose(3, .four, at: start, isUrgent: true, random: &random)?.count == 3)
        let ripe = (1...96).map { age in stock.held.count { $0.ripe == start + Int64(age) } }
        #expect(ripe.reduce(0, +) == 2000 && ripe.allSatisfy { $0 < 50 })
    }

    @Test("an insider who knows all times guesses who paid no better than the published figure says")
    func linking() {
        // 40 payments a slice for two days; each pays for one use as soon as it is ripe. The insider takes the likeliest payer.
        var random = SeededRandom(seed: 5), uses: [(payer: Int, slice: Slice)] = []
        let start = Slice(20_000 * Slice.perDay), perSlice = 40, slices = 288
        var stock = TokenStock()
        for slice in 0..<slices {
            for payer in 0..<perSlice { stock.add(token(slice * perSlice + payer), .credit(.four, week: start.week), at: start + Int64(slice), random: &random) }
        }
        for (payer, held) in stock.held.enumerated() { uses.append((payer, held.ripe)) }
        // All payers of the last day before a use are equally likely, so any rule is as good as another: first in, first out, for one.
        var right = 0
        for use in uses {
            let candidates = max(0, Int(use.slice.index - start.index) - 96) * perSlice..<min(slices, Int(use.slice.index - start.index)) * perSlice
            if candidates.contains(use.payer), Int.random(in: candidates, using: &random) == use.payer { right += 1 }
        }
        let measured = Double(right) / Double(uses.count), predicted = Anonymity.guess(sourcesPerSlice: Double(perSlice))
        print("an insider's guess: measured \(measured), predicted \(predicted), \(uses.count) uses")
        // 11,520 tries at 1 in 3,840: three are expected, twelve would be one in ten thousand runs; the edges of the run have fewer payers.
        #expect(right <= 12)
        #expect(Anonymity.guess(sourcesPerSlice: 0) == 1 && Anonymity.guess(sourcesPerSlice: 20, known: 0.5) == 1.0 / 960)
    }

    @Test("old credit is made new at an age that differs from token to token, before its key ends")
    func stale() {
        var random = SeededRandom(seed: 4), stock = TokenStock()
        let start = Slice(20_000 * Slice.perDay), role = KeyRole.credit(.one, week: start.week)
        for index in 0..<300 { stock.add(token(index), role, at: start, random: &random) }
        #expect(stock.held.allSatisfy { role.accepted.contains($0.stale) })
        #expect(Set(stock.held.map(\.stale)).count > 200)
        #expect(stock.stale(at: start) == nil)
        let later = Slice.first(ofWeek: start.week + 1) + 5 * Slice.perDay
        let due = stock.stale(at: later)
        #expect(due?.count == 3 && due?.allSatisfy { $0.stale <= later } == true)
        stock.remove(due ?? [])
        #expect(stock.held.count == 297)
    }
}

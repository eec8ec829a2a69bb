import Ambience
import Exchange
import MarketHistories
import Testing

/// Purchases through the ledger until it sells no more, and what those tokens find at the motes.
@Suite("Purchases stop at a load")
struct LoadGateTests {
    /// Fewer where a slice has more shares.
    private static func slices(_ size: MoteClass) -> Int64 { [40, 12, 4][Int(size.rawValue) - 1] }

    @Test("a slice's shares are sold up to its motes' load and no further, and the next slice sells again", arguments: MoteClass.allCases)
    func stops(_ size: MoteClass) throws {
        let motes = 40, shop = try MoteShop(size, motes: motes, slices: 12, seed: 1)
        let limit = Int(size.load * Double(motes) * Double(size.shares))
        var sold = 0
        while try shop.buy(.sixteen, at: 0) == nil { sold += 48 }
        // Four slices ahead; what is left of each is less than a purchase puts there.
        #expect(sold <= 4 * limit && sold > 4 * (limit - 12) - 48)
        #expect(try shop.buy(.sixteen, at: 0) == .soldOut)
        // A slice on, the fifth is open, of which each purchase still needs a part of the other three: those are full.
        #expect(try shop.buy(.sixteen, at: 1) == .soldOut)
        #expect(try shop.buy(.sixteen, at: 4) == nil)
        #expect(shop.violations.isEmpty, "\(shop.violations.first ?? "")")
    }

    @Test("where no mote is listed nothing is sold, and what is refused costs nothing")
    func nothingListed() throws {
        let shop = try MoteShop(.small, motes: 0, slices: 0, seed: 2)
        #expect(try shop.buy(.four, at: 0) == .soldOut)
        #expect(shop.balance(.escrow(day: shop.start.day)) == 0 && shop.balance(.credit(week: shop.start.week)) == Shape.packValue)
    }

    @Test("a purchase that was made is answered again when all is sold out")
    func answeredAgain() throws {
        let shop = try MoteShop(.small, motes: 4, slices: 8, seed: 3)
        while try shop.buy(.four, at: 0) == nil {}
        #expect(try shop.repeatsLast())
    }

    @Test("somebody who buys all that is sold does not make motes refuse others more often than the loads allow", arguments: MoteClass.allCases)
    func drained(_ size: MoteClass) throws {
        // Half of it an attacker's, who draws motes as everybody does: a mote that is drawn on purpose is full for others sooner, and paid for.
        let shop = try MoteShop(size, motes: 40, slices: Self.slices(size), seed: 4)
        let (refused, shown) = try shop.fill(of: 1)
        let expected = MarketCosts.refused(size) * Double(shown)
        #expect(Double(refused) <= expected + 6 * expected.squareRoot() + 3, "\(refused) of \(shown), expected \(expected)")
        print("class \(size), sold out: \(refused) of \(shown) tokens found their mote full; the formula has \(expected)")
    }

    @Test("to fill motes on purpose costs every share of theirs, and what is sold of the rest leaves as many refusals as before", arguments: [0.05, 0.1, 0.3])
    func aimed(part: Double) throws {
        let motes = 40, slices = 8, size = MoteClass.medium, shop = try MoteShop(size, motes: motes, slices: Int64(slices), seed: 5), filled = Int((part * Double(motes)).rounded())
        let (refused, shown, paid) = try shop.fillAimed(at: filled)
        // Whoever draws a mote that is full is refused; for the others there is less left than the load has.
        let expected = (Double(filled) / Double(motes) + MarketCosts.refused(size)) * Double(shown)
        #expect(Double(refused) <= expected + 6 * expected.squareRoot() + 3, "\(refused) of \(shown), expected \(expected)")
        let shares = filled * Int(size.shares) * slices
        #expect(paid >= shares)
        print("\(Int(part * 100)) % of \(motes) motes filled for \(slices) slices: \(paid) smm, \(Double(paid) / 16) of it for good; \(refused) of \(shown) others' tokens were refused")
    }

    @Test("three in ten who buy and do not come leave no mote fuller than the loads allow, and pay a sixteenth when they take their money back", arguments: MoteClass.allCases)
    func noShows(_ size: MoteClass) throws {
        let shop = try MoteShop(size, motes: 40, slices: Self.slices(size), seed: 6)
        let (refused, shown) = try shop.fill(of: 0.7)
        let expected = MarketCosts.refused(size) * Double(shown)
        #expect(Double(refused) <= expected + 6 * expected.squareRoot() + 3, "\(refused) of \(shown), expected \(expected)")
        let fees = shop.balance(.fees), bundles = try shop.refund()
        #expect(bundles > 0 && shop.balance(.fees) - fees == Int64(bundles) * Shape.bundleFee)
        #expect(shop.violations.isEmpty, "\(shop.violations.first ?? "")")
    }
}

import Ambience
import Exchange
import Foundation
import Testing

@Suite("An insider with the exchange's whole database")
struct MarketWorldTests {
    /// Enough to see a link; with `DUSTCLOUD_SEEDS` as many as the figures are given for.
    private static let wallets = ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] == nil ? 1_500 : 10_000

    private static func world(_ change: (inout MarketWorld.Plan) -> Void = { _ in }) throws -> MarketWorld {
        var plan = MarketWorld.Plan()
        change(&plan)
        let world = MarketWorld(plan)
        try world.run()
        return world
    }

    /// Of whole wallets of one rule, which several tests look at.
    // SAFETY: it has run when others see it, and does not change any more.
    private nonisolated(unsafe) static let usual = Result { try world { $0.wallets = wallets } }

    /// Two days of payments lie behind, and for a day more they come in.
    private static let judged = Int(2 * Slice.perDay)..<Int(4 * Slice.perDay)

    @Test("guesses payers no better than 1.2 times what is published, by ages, by order and by date, and finds nothing of one order in another")
    func guesses() throws {
        let world = try Self.usual.get(), insider = Insider(world), judged = insider.judged(Self.judged)
        #expect(world.violations().isEmpty)
        let perSlice = Double(insider.payments.reduce(0, +)) / Double(world.slices - Int(Slice.perDay))
        let published = Anonymity.guess(sourcesPerSlice: perSlice), bayes = insider.bayes(judged)
        let rules = ["FIFO": insider.firstInFirstOut(judged), "latest": insider.latest(judged)]
        print("""
            an insider's guess, \(world.plan.wallets) wallets, \(world.records.count) orders, \(judged.count) purchases judged: published \(published), \
            Bayes \(bayes) (\(bayes / published) of it), FIFO \(rules["FIFO"]!), latest \(rules["latest"]!), chance \(insider.chance(judged))
            """)
        #expect(judged.count > world.plan.wallets && bayes > 0)
        #expect(bayes <= 1.2 * published)
        for (rule, success) in rules { #expect(success <= 1.2 * published, "\(rule)") }
        #expect(Self.repeated(world).isEmpty)
        // Of one form are as many bytes, whoever orders.
        #expect(Dictionary(grouping: world.records, by: \.order.shape).values.allSatisfy { Set($0.map(\.order.bytes.count)).count == 1 })
    }

    /// Values in more than one order, other than the exchange's keys and what a credit's digest says, which is its worth.
    private static func repeated(_ world: MarketWorld) -> [[UInt8]] {
        let common = Set(Denomination.allCases.map { Challenges.credit($0).digest })
        var seen: Set<[UInt8]> = [], twice: [[UInt8]] = []
        for record in world.records {
            var values = [record.order.orderKey] + record.order.inputs.flatMap { [$0.token.input.nonce, $0.token.input.challengeDigest] }
            values += record.order.outputs.flatMap(\.blinded)
            if case .receipt(let id, _) = record.order.detail { values.append(id) }
            for value in Set(values).subtracting(common) where !seen.insert(value).inserted { twice.append(value) }
        }
        return twice
    }

    @Test("guesses far better where wallets spend at once, so that its rules are worth something")
    func control() throws {
        let world = try Self.world { ($0.wallets, $0.rules) = (800, WalletRules(isHurried: true)) }, insider = Insider(world), judged = insider.judged(Self.judged)
        let published = Anonymity.guess(sourcesPerSlice: Double(insider.payments.reduce(0, +)) / Double(world.slices - Int(Slice.perDay)))
        let bayes = insider.bayes(judged)
        print("an insider's guess where wallets spend at once: published \(published), Bayes \(bayes) (\(bayes / published) times)")
        #expect(bayes > 1.2 * published)
    }

    @Test("finds out which orders that came again are one restored wallet's no better than by tossing a coin, and far better where wallets hurry")
    func restores() throws {
        let world = try Self.usual.get()
        var random = SeededRandom(seed: 3)
        func success(_ rule: Retries.Rule) -> Double {
            let retries = Retries(world, wallets: 1_000, day: 3, rule, random: &random)
            let success = retries.success(10_000, random: &random)
            print("1000 restores, \(retries.all.joined().count) orders that came again, \(rule): two of one wallet are told from two of others in \(success) of cases")
            return success
        }
        #expect(success(.market) <= 0.55)
        #expect(success(.own) > 0.6)
    }

    /// Small ones, in which such orders are held; and with `DUSTCLOUD_SEEDS` one in which they are not.
    private static let edgeMarkets = ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] == nil ? [20, 100] : [20, 100, 600]

    @Test("at the end of a key's life finds fifty orders or more of which each spent credit may have come, or the spending was held", arguments: edgeMarkets)
    func keyEdges(wallets: Int) throws {
        let world = try Self.world { ($0.wallets, $0.days, $0.asleep, $0.isHeldOver) = (wallets, 17, 0.2, true) }, edges = KeyEdges(world)
        print("\(wallets) wallets, a fifth of them long asleep: \(edges.sets.count) orders in the last 5 % of a key's life, hidden among \(edges.sets.min() ?? 0) at least; \(edges.held) were held")
        #expect(edges.sets.allSatisfy { $0 >= 50 } && edges.sets.count + edges.held > wallets / 10)
        #expect(wallets > 20 || edges.sets.isEmpty)
    }
}

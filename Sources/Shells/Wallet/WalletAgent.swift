package import Exchange
internal import Sealing

/// Keeps a wallet going: what is due is ordered, what was ordered is repeated until it is answered.
///
/// 1. Once a slice it looks at what is published: keys, listings, certificates, swaps, the report.
/// 2. It asks for the answers of earlier orders, each at a moment of its own, and makes tokens of them.
/// 3. It plans (`WalletPlan`) and writes each order down, with the moment in the slice at which it goes out.
/// 4. It sends those whose moment has come. Killed anywhere, the next one goes on: an order is on disk before it is sent, its tokens are in no
///    other, and the exchange does nothing twice.
///
/// The caller has the wallet's lock.
package final class WalletAgent {
    let folder: WalletFolder
    let store: WalletStore
    let port: any MarketPort
    let terms: MarketTerms
    let seed: WalletSeed
    let rules: WalletRules
    var book: KeyBook
    var random = SecureRandom()
    private var counters: Range<UInt64> = 0..<0
    /// Told to whoever runs it; the same trouble once.
    package var onNews: (String) -> Void = { _ in }
    private var troubles: Set<String> = []
    /// What was known before was taken in again.
    var hasBook = false
    /// The document with the largest tree.
    var newest: LoggedDocument?
    var lookedBefore: Int64?
    /// What motes' words about the log are held against, and the whole tiles that it is made of.
    var roots: RecentRoots?
    var tiles: [Tile: [UInt8]] = [:]
    /// Records of each lot's mote that were looked at.
    var seen: [Int64: Int] = [:]
    /// Something came in since the last plan.
    var isStirred = true

    package init(_ folder: WalletFolder, _ store: WalletStore, _ port: any MarketPort, rules: WalletRules = WalletRules()) throws {
        (self.folder, self.store, self.port, self.rules) = (folder, store, port, rules)
        terms = try folder.readTerms()
        seed = try folder.readSeed()
        book = KeyBook(terms)
    }

    /// Seconds of a slice of 900.
    enum Moment {
        /// After what is published of the last slice could be looked at.
        static let plan: Int64 = 100
        static let hurriedPlan: Int64 = 15
        static let lastSend: Int64 = 540
        static let intakeEnd: Int64 = 600
        static let answers: Int64 = 840
        static let lastAsk: Int64 = 1_700
    }

    /// Does what is due, and says when something is due again, in seconds since 1970; sooner is no harm.
    package func step(at now: Int64) throws -> Int64 {
        let slice = terms.time.slice(at: now)
        // Slices of trials are so short that their orders come first, and what is published meanwhile is for the next one.
        if !rules.isHurried || lookedBefore == nil { try look(at: slice, now: now) }
        try ask(at: now)
        try planIfDue(slice, now: now)
        try send(at: now)
        if rules.isHurried { try look(at: slice, now: now) }
        try tend(at: slice, now: now)
        return min(try store.nextMoment() ?? .max, nextPlan(slice, now))
    }

    private func nextPlan(_ slice: Slice, _ now: Int64) -> Int64 {
        if rules.isHurried { return now + 1 }
        let own = moment(Moment.plan, slice)
        return now < own ? own : moment(Moment.plan, slice + 1)
    }

    func moment(_ second: Int64, _ slice: Slice) -> Int64 { terms.time.moment(second, of: slice) }

    /// In good time before the exchange closes its intake, also in slices of a few seconds.
    private func lastSend(_ slice: Slice) -> Int64 { min(moment(Moment.lastSend, slice), moment(Moment.intakeEnd, slice) - 1) }

    private func drawnSend(_ slice: Slice, from now: Int64) -> Int64 { min(drawn(0...Moment.lastSend, of: slice, from: now), max(now, lastSend(slice))) }

    /// A moment between two of a slice of 900 seconds, drawn; the first one for those in a hurry.
    func drawn(_ seconds: ClosedRange<Int64>, of slice: Slice, from now: Int64) -> Int64 {
        let first = max(now, moment(seconds.lowerBound, slice)), last = moment(seconds.upperBound, slice)
        return rules.isHurried || last <= first ? first : Int64.random(in: first...last, using: &random)
    }

    /// Nothing is lost by a network that fails: it is told once, and tried again.
    func attempt<R>(_ what: String, _ body: () throws -> R) throws -> R? {
        do {
            let result = try body()
            troubles.remove(what)
            return result
        } catch let error as WalletError { throw error } catch {
            if troubles.insert(what).inserted { onNews("\(what): \(error)") }
            return nil
        }
    }

    // MARK: planning

    private func planIfDue(_ slice: Slice, now: Int64) throws {
        guard now >= moment(rules.isHurried ? Moment.hurriedPlan : Moment.plan, slice), now <= lastSend(slice) else { return }
        let last = try store.number("planned") ?? -1
        guard last < slice.index || rules.isHurried && isStirred else { return }
        guard book.incident == nil else { return onNews("the exchange's keys are not as they must be (\(book.incident!)): nothing is ordered") }
        try store.hasten(before: slice + 1)
        let plan = WalletPlan(try store.book(at: slice), at: slice, rules: rules, random: &random)
        isStirred = false
        for intent in plan.intents { try order(intent, slice, now: now) }
        try store.wait(plan.waiting)
        try store.set("planned", slice.index)
        // With the orders, and before any of them is sent: so no order is missing from the backup.
        try backUp(now: now)
    }

    private func order(_ intent: Intent, _ slice: Slice, now: Int64) throws {
        var recipe = intent.recipe(at: slice, from: 0)
        recipe = intent.recipe(at: slice, from: try counter(recipe.counters))
        guard let keys = KnownKeys(recipe, from: SliceKeys(book, at: slice)) else { return isStirred = true }
        if case .trial = recipe.shape {
            guard let mined = Trial.mine(recipe, seed: seed, keys: keys, bits: Int(terms[.workBits])) else { return }
            recipe = mined
        }
        guard let draft = Draft(recipe, seed: seed, keys: keys) else { return }
        try store.record(intent, recipe, keys, draft.order, sendAt: drawnSend(slice, from: now), now: now)
        if case .purchase(let id) = intent.purpose { try followWithDecoy(id, slice) }
    }

    private func followWithDecoy(_ purchase: Int64, _ slice: Slice) throws {
        guard !rules.isHurried, rules.decoyOneIn > 0, Int.random(in: 0..<rules.decoyOneIn, using: &random) == 0, try !store.isDecoy(purchase) else { return }
        try store.addPurchase(.four, isUrgent: false, isDecoy: true, notBefore: slice + Int64.random(in: 1...16, using: &random))
    }

    func counter(_ count: UInt64) throws -> UInt64 {
        if UInt64(counters.count) < count { counters = try store.reserveCounters(count) }
        defer { counters = (counters.lowerBound + count)..<counters.upperBound }
        return counters.lowerBound
    }

    // MARK: sending

    private func send(at now: Int64) throws {
        for order in try store.toSend(at: now) {
            let slice = terms.time.slice(at: now), isFirst = order.sends == 0
            // Nobody ran the agent. What is due since then must not go out at once, which would show that it is one wallet's.
            guard rules.isHurried || now - order.sendAt <= 2 * retrySeconds else { try store.postpone(order.id, to: drawnAgain(order, slice, from: now)); continue }
            if isFirst {
                // Late, because nobody ran the agent: the next slice does as well, unless its keys are others.
                guard order.recipe.isTimely(at: slice) else { try store.cancel(order, now: now); isStirred = true; continue }
                if now > lastSend(slice) { try store.postpone(order.id, to: drawnSend(slice + 1, from: now)); continue }
            }
            try store.tried(order.id, again: now + drawnRetry())
            let sent = try attempt("orders cannot be sent") { try port.send(order.body) }
            guard case .some(.some(let taken)) = sent else { continue }
            try store.sent(order.id, for: taken, askAt: drawn(Moment.answers...Moment.lastAsk, of: max(taken, slice), from: now))
        }
    }

    private func drawnAgain(_ order: KeptOrder, _ slice: Slice, from now: Int64) -> Int64 {
        guard order.again == .not else { return Int64.random(in: RestorePlan.moments(at: now, terms.time), using: &random) }
        return drawnSend(now <= lastSend(slice) ? slice : slice + 1, from: now)
    }

    /// So that orders which a network lost together do not come again together.
    private func drawnRetry() -> Int64 { rules.isHurried ? retrySeconds : Int64.random(in: retrySeconds...4 * retrySeconds, using: &random) }

    /// Between two tries, the network being down.
    private var retrySeconds: Int64 { max(1, terms.time.sliceSeconds / 15) }

    // MARK: answers

    private func ask(at now: Int64) throws {
        for order in try store.toAsk(at: now) {
            try store.postpone(order.id, to: now + drawnRetry())
            guard let answer = try attempt("answers cannot be had", { try port.answer(to: order.id) }) else { continue }
            switch answer {
            case .waits: break
            case .unknown: try store.tried(order.id, again: drawnSend(terms.time.slice(at: now) + (rules.isHurried ? 0 : 1), from: now))
            case .ready(let reply): try take(order, reply, now: now)
            }
        }
    }

    private func take(_ order: KeptOrder, _ reply: Reply, now: Int64) throws {
        guard order.again != .finished else { return try store.passOver(order, now: now) }
        guard let draft = Draft(order.recipe, seed: seed, keys: order.keys), draft.order.id == order.id else {
            throw WalletError(.badData, "an order cannot be made again: the seed in \(folder.seed) is not the one that this wallet was made with")
        }
        isStirred = true
        switch draft.finish(reply, keys: order.keys, at: order.slice ?? order.recipe.slice, random: &random) {
        case .made(let tokens, let isLost):
            try store.finish(order, tokens, isLost: isLost, now: now)
            onNews("\(order.purpose.text.split(separator: " ").first ?? ""): \(isLost ? "the draw was lost" : "done, \(tokens.count) tokens")")
        case .refused(let refusal):
            try store.refuse(order, refusal, now: now)
            onNews("\(order.purpose.text.split(separator: " ").first ?? ""): refused (\(refusal))")
        case .bogus: onNews("an answer of the exchange is false: its signatures do not hold. It is asked for again")
        }
    }
}

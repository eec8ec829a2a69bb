import Ambience
import Exchange
import MarketHistories
import Sealing

/// A market of many wallets, from a seed, through the exchange that programs run: every order is encoded, read, checked and carried out
/// slice by slice in the beacon's order. What the exchange has of each is kept beside whose it was, which only the referee knows.
final class MarketWorld {
    struct Plan {
        var wallets = 10_000
        /// Packs are paid for in all days but the last.
        var days: Int64 = 5
        var rules = WalletRules()
        var seed: UInt64 = 1
        /// The part of the wallets that nobody runs from some moment to another.
        var asleep = 0.0
        /// Whether orders with too few others to hide among are given back.
        var isHeldOver = false
    }

    /// What the exchange knows of an order that it carried out.
    struct Record {
        let slice: Slice
        let order: Order
        /// The week of the credit that it spent, by its key.
        let week: Int64?
    }

    let plan: Plan
    /// Four days into a week, so that a week's key ends in the middle.
    let start = Slice.first(ofWeek: 2_900) + 4 * Slice.perDay
    private(set) var records: [Record] = []
    /// Whose each record is. The insider is not shown it.
    private(set) var truth: [Int] = []
    /// Orders that were given back, and of which record each token came, for those who look.
    private(set) var held: [(slice: Slice, role: KeyRole)] = []
    private(set) var origin: [[UInt8]: Int] = [:]
    private var sleep: [Int: Range<Int>] = [:]
    let desk = IdealDesk()
    private let exchange: Exchange<MemoryStore, IdealDesk>
    private var wallets: [WorldWallet] = []
    private var random: SeededRandom
    /// Three large motes that are always to be had.
    private let motes = (UInt8(1)...3).map { ListedMote(mote: [UInt8](repeating: $0, count: 32), size: .large, bucket: $0) }
    /// Who does something in which slice. A wallet looks at what it has whenever something of it has become ripe.
    private var calendar: [[(wallet: Int, errand: Errand)]]

    private enum Errand { case pay, want, look }

    /// What an order's answer becomes.
    private struct Sent {
        let wallet: Int
        let order: Order
        let inputs: [(role: KeyRole, input: TokenInput)]
        let week: Int64?
        let spent: [WalletToken]
    }

    init(_ plan: Plan) {
        self.plan = plan
        random = SeededRandom(seed: plan.seed)
        var rules = MarketRules.usual
        // Its motes are not listed.
        rules.stopsAtLoad = false
        exchange = Exchange(store: MemoryStore(), desk: desk, rules: rules)
        calendar = Array(repeating: [], count: Int(plan.days * Slice.perDay))
        for number in 0..<plan.wallets { settle(number) }
    }

    var slices: Int { calendar.count }

    /// Three in five buy an hour at a time, nearly all others four, some sixteen.
    private func settle(_ number: Int) {
        let taste = Int.random(in: 0..<20, using: &random)
        wallets.append(
            taste < 12 ? WorldWallet(.four, pauseSlices: 64) : taste < 19 ? WorldWallet(.sixteen, pauseSlices: 96) : WorldWallet(.sixtyFour, pauseSlices: 192))
        note(number, .pay, at: Int.random(in: 0..<slices - Int(Slice.perDay), using: &random))
        guard plan.asleep > 0, Double.random(in: 0..<1, using: &random) < plan.asleep else { return }
        let first = Int.random(in: 0..<slices - 1, using: &random)
        sleep[number] = first..<Int.random(in: first + 1..<slices + 1, using: &random)
    }

    private func note(_ wallet: Int, _ errand: Errand, at index: Int) { if index < slices { calendar[index].append((wallet, errand)) } }

    private func pause(_ wallet: Int) -> Int { 1 + Int(wallets[wallet].pauseSlices * -Double.random(in: 0.000_1...1, using: &random).logarithm) }

    // MARK: slices

    func run() throws {
        for index in 0..<slices {
            let slice = start + Int64(index), all = calendar[index], due = all.filter { !isAsleep($0.wallet, index) }
            for (wallet, errand) in all where isAsleep(wallet, index) { note(wallet, errand, at: sleep[wallet]!.upperBound) }
            calendar[index] = []
            var sent = due.filter { $0.errand == .pay }.map { pay($0.wallet, at: slice, index) }
            for (wallet, _) in due.filter({ $0.errand == .want }) {
                wallets[wallet].want(at: slice)
                note(wallet, .want, at: index + pause(wallet))
            }
            for wallet in Set(due.filter { $0.errand != .pay }.map(\.wallet)).sorted() { sent += orders(of: wallet, at: slice) }
            // Every slice has a beacon of its own.
            sent.shuffle(using: &random)
            for one in try open(sent, at: slice) { try carryOut(one, at: slice) }
        }
    }

    private func isAsleep(_ wallet: Int, _ index: Int) -> Bool { sleep[wallet]?.contains(index) == true }

    /// Those that are not held. The others wait for eight slices and are given back; here that is one step.
    private func open(_ sent: [Sent], at slice: Slice) throws -> [Sent] {
        guard plan.isHeldOver else { return sent }
        let verdicts = try exchange.holdOver(sent.map { ($0.order.bytes, slice) }, at: slice).verdicts
        for (one, verdict) in zip(sent, verdicts) where verdict != .carryOut {
            held.append((slice, one.spent[0].role))
            wallets[one.wallet].giveBack(one.spent)
            note(one.wallet, .look, at: Int(slice.index - start.index) + Int(Slice.perDay))
        }
        return zip(sent, verdicts).filter { $0.1 == .carryOut }.map(\.0)
    }

    private func pay(_ wallet: Int, at slice: Slice, _ index: Int) -> Sent {
        // Whoever hurries pays because something is wanted now.
        note(wallet, .want, at: index + (plan.rules.isHurried ? 1 : pause(wallet)))
        return made(wallet, .prepay, .receipt(bytes(), signature: bytes(64)), [], at: slice)
    }

    private func orders(of wallet: Int, at slice: Slice) -> [Sent] {
        wallets[wallet].orders(plan.rules, motes: motes, at: slice, random: &random).map { made(wallet, $0.shape, $0.detail, $0.inputs.map(\.token), at: slice) }
    }

    private func made(_ wallet: Int, _ shape: Shape, _ detail: OrderDetail, _ spent: [WalletToken], at slice: Slice) -> Sent {
        let wanted = shape.outputs(spent.map(\.role), at: slice, detail: detail)!
        let inputs = wanted.flatMap { role, count in
            (0..<count).map { _ in (role, TokenInput(type: role.tokenType, nonce: bytes(), challengeDigest: challenge(role), keyID: desk.key(of: role)!.bytes)) }
        }
        let batches = wanted.map { role, count in
            Batch(key: desk.key(of: role)!, type: role.tokenType, blinded: (0..<count).map { _ in bytes(role.tokenType.blindedBytes) })
        }
        let order = Order(shape: shape, detail: detail, inputs: spent.map { Spend($0.token) }, outputs: batches, orderKey: bytes(), signature: bytes(64))
        let week: Int64? = if case .credit(_, let week)? = spent.first?.role { week } else { nil }
        return Sent(wallet: wallet, order: order, inputs: inputs, week: week, spent: spent)
    }

    private func challenge(_ role: KeyRole) -> [UInt8] { if case .credit(let denomination, _) = role { Challenges.credit(denomination).digest } else { bytes() } }

    private func carryOut(_ sent: Sent, at slice: Slice) throws {
        guard case .carriedOut = try exchange.carryOut(sent.order.bytes, at: slice) else { throw Refused(order: sent.order) }
        records.append(Record(slice: slice, order: sent.order.lean, week: sent.week))
        truth.append(sent.wallet)
        for (role, input) in sent.inputs {
            guard case .credit = role else { continue }
            let held = wallets[sent.wallet].take(desk.sign(input, role), role, at: slice, random: &random)
            note(sent.wallet, .look, at: Int((plan.rules.isHurried ? slice + 1 : held.ripe).index - start.index))
            guard plan.isHeldOver else { continue }
            origin[input.nonce] = records.count - 1
            // When it is to be made new, and when it must be.
            for slice in [held.stale, role.accepted.upperBound - Slice.perDay] { note(sent.wallet, .look, at: Int(slice.index - start.index)) }
        }
    }

    struct Refused: Error { let order: Order }

    private func bytes(_ count: Int = 32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        for index in stride(from: 0, to: count, by: 8) { withUnsafeBytes(of: random.next()) { word in for place in 0..<min(8, count - index) { bytes[index + place] = word[place] } } }
        return bytes
    }

    /// Rules of the ledger that do not hold after the run.
    func violations() -> [String] {
        let rows = exchange.store.rows
        return LedgerAudit(rows, roles: Dictionary(uniqueKeysWithValues: rows.counts.keys.compactMap { key in desk.role(of: key).map { (key, $0) } })).violations()
    }
}

extension Order {
    /// Without the blinded messages of access tokens, which are random and most of the bytes.
    fileprivate var lean: Order {
        guard case .buy = shape else { return self }
        // What was bought is none of the credit that `KeyEdges` follows.
        return Order(shape: shape, detail: detail, inputs: inputs, outputs: [], orderKey: orderKey, signature: signature)
    }
}

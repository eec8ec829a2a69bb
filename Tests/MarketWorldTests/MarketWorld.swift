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
        var habit = Habit.aged
        var seed: UInt64 = 1
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
    private let desk = IdealDesk()
    private let exchange: Exchange<MemoryStore, IdealDesk>
    private var wallets: [WorldWallet] = []
    private var random: SeededRandom
    /// Who does something in which slice: pays, buys, or looks after its stock.
    private var calendar: [[(wallet: Int, errand: Errand)]]

    private enum Errand { case pay, buy, tend }

    /// What an order's answer becomes.
    private struct Sent {
        let wallet: Int
        let order: Order
        let inputs: [(role: KeyRole, input: TokenInput)]
        let week: Int64?
    }

    init(_ plan: Plan) {
        self.plan = plan
        random = SeededRandom(seed: plan.seed)
        exchange = Exchange(store: MemoryStore(), desk: desk)
        calendar = Array(repeating: [], count: Int(plan.days * Slice.perDay))
        for number in 0..<plan.wallets { settle(number) }
    }

    var slices: Int { calendar.count }

    /// Three in five buy an hour at a time, nearly all others four, some sixteen.
    private func settle(_ number: Int) {
        let taste = Int.random(in: 0..<20, using: &random)
        wallets.append(
            taste < 12 ? WorldWallet(number: number, denomination: .four, pause: 64)
                : taste < 19 ? WorldWallet(number: number, denomination: .sixteen, pause: 96) : WorldWallet(number: number, denomination: .sixtyFour, pause: 192))
        note(number, .pay, at: Int.random(in: 0..<slices - Int(Slice.perDay), using: &random))
    }

    private func note(_ wallet: Int, _ errand: Errand, at index: Int) { if index < slices { calendar[index].append((wallet, errand)) } }

    private func pause(_ mean: Double) -> Int { 1 + Int(mean * -Double.random(in: 0.000_1...1, using: &random).logarithm) }

    // MARK: slices

    func run() throws {
        for index in 0..<slices {
            let slice = start + Int64(index)
            var sent = calendar[index].compactMap { order(for: $0.wallet, $0.errand, at: slice, index) }
            calendar[index] = []
            // Every slice has a beacon of its own.
            sent.shuffle(using: &random)
            for one in sent { try carryOut(one, at: slice) }
        }
    }

    /// What it orders in this slice, and when it acts again.
    private func order(for wallet: Int, _ errand: Errand, at slice: Slice, _ index: Int) -> Sent? {
        guard errand != .pay else {
            note(wallet, .tend, at: index + 1)
            note(wallet, .buy, at: index + (plan.habit == .atOnce ? 1 : pause(wallets[wallet].pause)))
            return made(wallet, .prepay, .receipt(bytes(), signature: bytes(64)), [], at: slice)
        }
        let wish = wallets[wallet].wish(plan.habit, at: slice, wantsToBuy: errand == .buy, random: &random)
        let isBought = if case .buy? = wish?.shape { true } else { false }
        // What could not be bought for want of ripe credit is wanted still.
        if errand == .buy { note(wallet, .buy, at: index + (isBought ? pause(wallets[wallet].pause) : 1 + Int.random(in: 0..<8, using: &random))) }
        if errand == .tend { note(wallet, .tend, at: index + pause(12)) }
        guard let wish else { return nil }
        wallets[wallet].stock.remove(wish.spent)
        return made(wallet, wish.shape, isBought ? .day(slice.day) : .none, wish.spent, at: slice)
    }

    private func made(_ wallet: Int, _ shape: Shape, _ detail: OrderDetail, _ spent: [TokenStock.Held], at slice: Slice) -> Sent {
        let wanted = shape.outputs(spent.map(\.role), at: slice, detail: detail)!
        let inputs = wanted.flatMap { role, count in
            (0..<count).map { _ in (role, TokenInput(type: role.tokenType, nonce: bytes(), challengeDigest: challenge(role), keyID: desk.key(of: role)!.bytes)) }
        }
        let batches = wanted.map { role, count in
            Batch(key: desk.key(of: role)!, type: role.tokenType, blinded: (0..<count).map { _ in bytes(role.tokenType.blindedBytes) })
        }
        let order = Order(shape: shape, detail: detail, inputs: spent.map { Spend($0.token) }, outputs: batches, orderKey: bytes(), signature: bytes(64))
        let week: Int64? = if case .credit(_, let week)? = spent.first?.role { week } else { nil }
        return Sent(wallet: wallet, order: order, inputs: inputs, week: week)
    }

    private func challenge(_ role: KeyRole) -> [UInt8] { if case .credit(let denomination, _) = role { Challenges.credit(denomination).digest } else { bytes() } }

    private func carryOut(_ sent: Sent, at slice: Slice) throws {
        guard case .carriedOut = try exchange.carryOut(sent.order.bytes, at: slice) else { throw Refused(order: sent.order) }
        records.append(Record(slice: slice, order: sent.order.lean, week: sent.week))
        truth.append(sent.wallet)
        for (role, input) in sent.inputs { if case .credit = role { wallets[sent.wallet].stock.add(desk.sign(input, role), role, at: slice, random: &random) } }
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
        return Order(shape: shape, detail: detail, inputs: inputs, outputs: [], orderKey: orderKey, signature: signature)
    }
}

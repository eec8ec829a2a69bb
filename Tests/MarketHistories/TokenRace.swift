internal import Ambience
internal import Exchange

/// Access tokens of one day that a buyer, a mote and both together try to be paid for twice: shown to the mote, deposited and refunded in any
/// order, by orders that come late, twice or are killed, for ten days.
package struct TokenRace {
    /// Sets of tokens, each of which has a history of its own.
    package static let sets = 12

    private let store = MemoryStore()
    private let desk = ToyDesk()
    private let exchange: Exchange<MemoryStore, ToyDesk>
    private var wallet: ToyWallet
    private var random: SeededRandom
    private var slice: Slice
    private var orders: [Order] = []
    /// How often each token was paid for.
    private var paid: [[UInt8]: Int] = [:]
    package private(set) var deposits = 0
    package private(set) var refunds = 0
    package private(set) var kills = 0

    package init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        wallet = ToyWallet(desk: desk, seed: seed ^ 0x7AC3)
        slice = Slice.first(ofDay: 20_000)
        exchange = Exchange(store: store, desk: desk)
    }

    /// Plays it, and says how often the luckiest token was paid for.
    package mutating func run(steps: Int) -> Int {
        guard buy() else { return .max }
        for _ in 0..<steps {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2: order(.deposit)
            case 3...4: order(.refund)
            case 5...6: if let old = orders.randomElement(using: &random) { send(old) }
            default: slice = slice + Int64.random(in: 1...80, using: &random)
            }
        }
        return paid.values.max() ?? 0
    }

    /// 192 tokens for a mote that is up in some of its slices.
    private mutating func buy() -> Bool {
        let receipt = wallet.bytes(), mote = wallet.bytes(), role = KeyRole.credit(.sixtyFour, week: slice.week)
        let detail = OrderDetail.receipt(receipt, signature: ToyDesk.sign(Signed.receipt(receipt), desk.cashier))
        guard let pack = wallet.make(.prepay, detail, at: slice), take(pack), let credit = wallet.draw(3, of: role) else { return false }
        let places = (0..<4).map { (mote, slice + Int64($0)) }
        let listing = Listing(mote: mote, size: .large, bucket: 0, first: slice, last: slice + 3, permit: KeyID(mote)!, isStaked: false)
        try? store.transaction { _ = try $0.insertListing(listing) }
        for (_, served) in places { try? exchange.certify(mote, at: served, isUp: Int.random(in: 0..<8, using: &random) > 0) }
        return wallet.make(.buy(.sixtyFour), .day(slice.day), spending: credit.map { Spend($0) }, roles: [role], at: slice, motes: places).map { take($0) } ?? false
    }

    private mutating func take(_ made: ToyWallet.Made) -> Bool {
        guard case .carriedOut(let answers, let isLost)? = try? exchange.carryOut(made.order, at: slice) else { return false }
        wallet.take(made, answers, isLost: isLost)
        return true
    }

    /// Any sixteen of a set, or of all.
    private mutating func order(_ shape: Shape) {
        let set = Int.random(in: 0..<Self.sets, using: &random), isMixed = Int.random(in: 0..<4, using: &random) == 0
        let own = isMixed ? wallet.accesses.shuffled(using: &random).prefix(Shape.bundle) : wallet.accesses[(set * Shape.bundle)..<(set + 1) * Shape.bundle]
        guard let first = own.first else { return }
        let exporter = wallet.bytes()
        let spends = own.map { shape == .deposit ? ToyWallet.spend($0, exporter: exporter) : Spend($0.token, .signed([UInt8](repeating: 0, count: 64))) }
        let made = wallet.make(shape, shape == .deposit ? .mote(first.mote) : .none, spending: Array(spends), roles: spends.map { _ in first.role }, at: slice)
        guard let order = made?.order else { return }
        orders.append(order)
        send(order)
    }

    private mutating func send(_ order: Order) {
        if Int.random(in: 0..<3, using: &random) == 0 { store.killAfter = Int.random(in: 0..<120, using: &random) }
        let isNew = (try? store.inspect { try $0.outcome(of: order.id) }) == .some(nil)
        let reply = try? exchange.carryOut(order, at: slice)
        store.killAfter = nil
        if reply == nil { kills += 1 }
        let isCarriedOut = (try? store.inspect { try $0.outcome(of: order.id) }) != .some(nil)
        guard isNew, isCarriedOut else { return }
        if order.shape == .deposit { deposits += 1 } else { refunds += 1 }
        for spend in order.inputs { paid[spend.token.input.nonce, default: 0] += 1 }
    }
}

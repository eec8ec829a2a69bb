internal import Ambience
internal import Exchange

/// A mote of a history's, as its owner knows it.
struct ToyMote {
    /// A token that it has, and what that is.
    struct Taken {
        let spend: Spend
        let role: KeyRole
    }

    let key: [UInt8]
    let size: MoteClass
    let bucket: UInt8
    let permit: Token
    let permitRole: KeyRole
    let first: Slice
    var isListed = false
    /// Tokens that were spent here and are not deposited.
    var taken: [Taken] = []
    var swap: Swap?
    var isSlashed = false
    var isUnstaked = false
}

/// One seeded history of an exchange: people buy, roll, split, list motes, use and lose them, are refunded, swap and cheat, while the network
/// repeats and loses messages, clocks differ and the process is killed between any two statements.
package struct History<Store: RehearsedStore> {
    let store: Store
    let desk = ToyDesk()
    let exchange: Exchange<Store, ToyDesk>
    var wallet: ToyWallet
    var random: SeededRandom
    var slice: Slice
    var motes: [ToyMote] = []
    /// Orders that were carried out, with their replies.
    var past: [(order: Order, reply: Reply)] = []
    /// Value that was paid in, and value that is gone: fees and what was burned.
    var paid: Int64 = 0
    package private(set) var complaints: [String] = []
    package var kills = 0
    package var restores = 0
    private let backup: (() -> () -> Void)?
    var saved: (restore: () -> Void, journal: [Event])?
    /// Shapes whose order was killed at every statement.
    private var exhausted: Set<UInt8> = []
    private let killedEverywhere: Int
    package var shapesKilledEverywhere: Int { exhausted.count }
    /// Orders that were carried out.
    package var carriedOut: Int { past.count }

    /// - Parameters:
    ///   - backup: makes what takes the store back to how it is now; without it no backups are restored.
    ///   - killedEverywhere: the first order of each shape that asks for so many tokens at most is killed at every statement. Needs `backup`.
    package init(seed: UInt64, store: Store, backup: (() -> () -> Void)? = nil, killedEverywhere: Int = 0) {
        (self.store, self.backup, self.killedEverywhere) = (store, backup, killedEverywhere)
        random = SeededRandom(seed: seed)
        wallet = ToyWallet(desk: desk, seed: seed ^ 0xD057)
        slice = Slice(20_000 * Slice.perDay + Int64.random(in: 0..<672, using: &random))
        var rules = MarketRules.usual
        (rules.leastFleet, rules.workBits) = (1, 4)
        // Most have too few motes for what they buy.
        rules.stopsAtLoad = seed % 4 == 0
        exchange = Exchange(store: store, desk: desk, rules: rules)
    }

    mutating func complain(_ text: String) { complaints.append(text) }

    package mutating func run(steps: Int) {
        for _ in 0..<steps where complaints.isEmpty {
            step()
            check()
        }
    }

    private mutating func step() {
        switch Int.random(in: 0..<28, using: &random) {
        case 0...2: prepay()
        case 3...6: buy()
        case 7: exchangeCredit()
        case 8...9: permit()
        case 10...11: list()
        case 12...13: use()
        case 14...15: certify()
        case 16: deposit()
        case 17: refund()
        case 18: unstake()
        case 19: swap()
        case 20: barter()
        case 21: cheat()
        case 22: retire()
        case 23: if let backup { saved = (backup(), []) }
        case 24: restore()
        case 25: trial()
        default: pass()
        }
    }

    // MARK: the wire

    /// Sends an order until it is answered: some messages come twice, some answers are lost, and sometimes the process is killed.
    @discardableResult
    mutating func send(_ made: ToyWallet.Made) -> Bool {
        var reply = deliver(made.order)
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let again = deliver(made.order)
            if case .carriedOut = reply, again != reply { complain("another reply to the same order") }
            reply = again
        }
        guard case .carriedOut(let answers, let isLost) = reply else { return false }
        past.append((made.order, reply))
        wallet.take(made, answers, isLost: isLost)
        return true
    }

    mutating func deliver(_ order: Order) -> Reply {
        // A clock that is off moves an order over the edge of a slice, never more.
        let skewed = Int.random(in: 0..<20, using: &random) == 0 ? slice + Int64.random(in: -1...1, using: &random) : slice
        if let backup, order.outputs.reduce(0, { $0 + $1.blinded.count }) <= killedEverywhere, !exhausted.contains(order.shape.code.0), killEverywhere(order, at: skewed, backup) {
            exhausted.insert(order.shape.code.0)
        }
        let reply = deliver(order, at: skewed)
        if case .carriedOut = reply { saved?.journal.append(.order(order, skewed, reply)) }
        return reply
    }

    mutating func deliver(_ order: Order, at skewed: Slice) -> Reply {
        while true {
            let before = store.snapshot
            if Int.random(in: 0..<4, using: &random) == 0 { store.killAfter = Int.random(in: 0..<60, using: &random) }
            do {
                let reply = try exchange.carryOut(order.bytes, at: skewed)
                store.killAfter = nil
                if case .refused = reply, store.snapshot != before { complain("a refused order changed something") }
                return reply
            } catch {
                kills += 1
                let after = store.snapshot
                // All of it or nothing: half an order would not add up, which `check` would see too.
                if after != before, (try? store.transaction { try $0.outcome(of: order.id) }) == .some(nil) { complain("a killed order left a trace") }
            }
        }
    }

    // MARK: what people do

    private mutating func prepay() {
        let receipt = wallet.bytes()
        let detail = OrderDetail.receipt(receipt, signature: ToyDesk.sign(Signed.receipt(receipt), desk.cashier))
        guard let made = wallet.make(.prepay, detail, at: slice) else { return complain("no pack") }
        if send(made) { paid += Shape.packValue }
    }

    /// Credit of some week, three or four tokens of it, if there are so many.
    private mutating func credit(_ count: Int, _ fits: (Denomination) -> Bool) -> (Denomination, KeyRole, [Token])? {
        let roles = wallet.tokens.filter { role, tokens in
            if case .credit(let denomination, _) = role { fits(denomination) && tokens.count >= count && role.accepted.contains(slice) } else { false }
        }.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        guard let role = roles.randomElement(using: &random), case .credit(let denomination, _) = role, let tokens = wallet.draw(count, of: role) else { return nil }
        return (denomination, role, tokens)
    }

    /// Gives back what an order did not take.
    private mutating func send(_ made: ToyWallet.Made?, orReturn tokens: [Token], _ role: KeyRole) {
        guard let made, send(made) else {
            wallet.tokens[role, default: []] += tokens
            return
        }
    }

    private mutating func buy() {
        guard let (denomination, role, tokens) = credit(3, { [.four, .sixteen, .sixtyFour].contains($0) }) else { return prepay() }
        let day = slice.day + Int64.random(in: 0...1, using: &random)
        let open = motes.filter { $0.isListed && $0.first.day == day }
        let places = open.isEmpty ? [(wallet.bytes(), Slice.first(ofDay: day))] : open.map { ($0.key, $0.first + Int64.random(in: 0...3, using: &random)) }
        send(wallet.make(.buy(denomination), .day(day), spending: tokens.map { Spend($0) }, roles: [role], at: slice, motes: places), orReturn: tokens, role)
    }

    private mutating func exchangeCredit() {
        let kind = Int.random(in: 0..<3, using: &random)
        let week = slice.week
        switch kind {
        case 0:
            guard let (denomination, role, tokens) = credit(1, { $0 != .one }) else { return }
            send(wallet.make(.split(denomination), spending: tokens.map { Spend($0) }, roles: [role], at: slice), orReturn: tokens, role)
        case 1:
            guard let (denomination, role, tokens) = credit(4, { $0.larger != nil }) else { return }
            send(wallet.make(.merge(denomination), spending: tokens.map { Spend($0) }, roles: [role], at: slice), orReturn: tokens, role)
        default:
            guard let (denomination, role, tokens) = credit(3, { _ in true }) else { return }
            let made = wallet.make(.roll(denomination), spending: tokens.map { Spend($0) }, roles: [role], at: slice)
            if case .credit(_, week) = role, let made, case .carriedOut = deliver(made.order) { complain("rolled into its own week") }
            send(made, orReturn: tokens, role)
        }
    }

    private mutating func permit() {
        let size = MoteClass.allCases.randomElement(using: &random)!, start = slice + Int64.random(in: 1...4, using: &random)
        allow(start, size, isStaked: true)
        guard let (_, role, tokens) = credit(3, { $0 == size.stake }) else { return }
        let permitRole = KeyRole.permit(start, size, isStaked: true)
        guard let made = wallet.make(.permit(size), .start(start), spending: tokens.map { Spend($0) }, roles: [role], at: slice) else { return }
        send(made, orReturn: tokens, role)
        addMote(size, permitRole, start)
    }

    /// How many permits the throttle gives: one for each start, class and kind.
    private mutating func allow(_ start: Slice, _ size: MoteClass, isStaked: Bool) {
        try? store.transaction { try $0.setAllowance(start, size, isStaked: isStaked, 1) }
        saved?.journal.append(.allowance(start, size, isStaked))
    }

    private mutating func addMote(_ size: MoteClass, _ role: KeyRole, _ start: Slice) {
        guard let permit = wallet.tokens[role]?.last else { return }
        motes.append(ToyMote(key: permit.input.nonce, size: size, bucket: UInt8.random(in: 0..<3, using: &random), permit: permit, permitRole: role, first: start))
        wallet.tokens[role] = []
    }

    /// A newcomer works for a permit.
    private mutating func trial() {
        let start = slice + Int64.random(in: 1...4, using: &random), role = KeyRole.permit(start, .small, isStaked: false)
        allow(start, .small, isStaked: false)
        for _ in 0..<200 {
            let detail = OrderDetail.work(start, nonce: Array(wallet.bytes().prefix(8)))
            guard let made = wallet.make(.trial(.small), detail, at: slice), Work.isEnough(made.order.core, bits: exchange.rules.workBits) else { continue }
            send(made)
            return addMote(.small, role, start)
        }
    }

    private mutating func list() {
        guard let index = motes.indices.filter({ !motes[$0].isListed }).randomElement(using: &random) else { return }
        let mote = motes[index]
        let unsigned = offer(mote, signature: [])
        let offer = offer(mote, signature: ToyDesk.sign(unsigned.signed, mote.key))
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            do {
                guard try exchange.list(offer, at: slice) == nil else { continue }
                if mote.isUnstaked { complain("listed with a stake that was taken back") }
                motes[index].isListed = true
                saved?.journal.append(.listing(offer, slice))
            } catch { complain("listing failed: \(error)") }
        }
    }

    private func offer(_ mote: ToyMote, signature: [UInt8]) -> Offer {
        Offer(
            permit: mote.permit, size: mote.size, bucket: mote.bucket, first: mote.first, last: mote.first + 3, group: mote.bucket, address: [], keyRoot: [UInt8](repeating: 0, count: 32),
            signature: signature)
    }

    /// Somebody shows an access token to its mote. The mote takes one token once.
    private mutating func use() {
        guard let index = wallet.accesses.indices.randomElement(using: &random) else { return }
        let access = wallet.accesses[index]
        guard let mote = motes.firstIndex(where: { $0.key == access.mote && $0.isListed }) else { return }
        wallet.accesses.remove(at: index)
        motes[mote].taken.append(ToyMote.Taken(spend: ToyWallet.spend(access, exporter: wallet.bytes()), role: access.role))
    }

    private mutating func certify() {
        for mote in motes where mote.isListed {
            for served in mote.first...(mote.first + 3) {
                let isUp = Int.random(in: 0..<4, using: &random) > 0
                try? exchange.certify(mote.key, at: served, isUp: isUp)
                saved?.journal.append(.certificate(mote.key, served, isUp))
            }
        }
    }

    private mutating func deposit() {
        guard let index = motes.indices.filter({ !motes[$0].taken.isEmpty }).randomElement(using: &random) else { return }
        // Bought and bartered tokens are deposited apart.
        let isPaid = motes[index].taken.first?.role.account != nil
        let own = motes[index].taken.filter { ($0.role.account != nil) == isPaid }.prefix(Shape.bundle), spends = own.map(\.spend)
        guard let made = wallet.make(.deposit, .mote(motes[index].key), spending: spends, roles: own.map(\.role), at: slice), send(made) else { return }
        let gone = Set(spends.map(\.token))
        motes[index].taken.removeAll { gone.contains($0.spend.token) }
    }

    /// What no mote took comes back once the motes' time is over.
    private mutating func refund() {
        guard let role = wallet.accesses.first(where: { $0.role.refunded?.contains(slice) == true })?.role else { return }
        let bundle = Array(wallet.accesses.lazy.filter { $0.role == role }.prefix(Shape.bundle))
        guard bundle.count == Shape.bundle else { return }
        let spends = bundle.map { Spend($0.token, .signed([UInt8](repeating: 0, count: 64))) }
        guard let made = wallet.make(.refund, spending: spends, roles: spends.map { _ in role }, at: slice), send(made) else { return }
        let gone = Set(bundle.map(\.token))
        wallet.accesses.removeAll { gone.contains($0.token) }
        // A mote that kept copies all the same comes too late.
        cheatByDepositing(bundle[0])
    }

    private mutating func cheatByDepositing(_ access: ToyWallet.Access) {
        let spend = ToyWallet.spend(access, exporter: wallet.bytes())
        guard let made = wallet.make(.deposit, .mote(access.mote), spending: [spend], roles: [access.role], at: slice) else { return }
        if case .carriedOut = deliver(made.order) { complain("refunded and deposited") }
    }

    private mutating func unstake() {
        let open = motes.indices.filter { index in
            let mote = motes[index]
            guard case .permit(_, _, true) = mote.permitRole, !mote.isUnstaked else { return false }
            return mote.permitRole.accepted.contains(slice) || !mote.isListed && slice < mote.permitRole.accepted.lowerBound
        }
        guard let index = open.randomElement(using: &random) else { return }
        let mote = motes[index], wasSlashed = mote.isSlashed
        guard let made = wallet.make(.unstake(mote.size), .signature([]), spending: [Spend(mote.permit)], roles: [mote.permitRole], at: slice) else { return }
        guard send(made) else { return }
        if wasSlashed { complain("a stake that was slashed came back") }
        motes[index].isUnstaked = true
    }

    // MARK: barter

    private mutating func swap() {
        let requests = motes.filter { $0.isListed && $0.swap == nil && $0.first + 3 >= slice }.map { mote in
            let accepts = UInt32.random(in: 1..<8, using: &random), orderKey = wallet.bytes()
            let request = { SwapRequest(mote: mote.key, accepts: accepts, first: mote.first, last: mote.first + 3, orderKey: orderKey, signature: $0) }
            return request(ToyDesk.sign(request([UInt8](repeating: 0, count: 64)).signed, mote.key))
        }
        let beacon = wallet.bytes()
        if Int.random(in: 0..<3, using: &random) == 0 { store.killAfter = Int.random(in: 0..<12, using: &random) }
        let first = try? exchange.clear(requests, beacon: beacon, at: slice)
        store.killAfter = nil
        guard let swaps = try? exchange.clear(requests.reversed(), beacon: beacon, at: slice) else { return complain("nothing was cleared") }
        if let first, first != swaps { complain("clearing again came to something else") }
        saved?.journal.append(.clearing(requests, beacon: beacon, slice, swaps))
        for swap in swaps { if let index = motes.firstIndex(where: { $0.key == swap.mote }) { motes[index].swap = swap } }
    }

    private mutating func barter() {
        if let mote = motes.filter({ $0.swap != nil }).randomElement(using: &random), let swap = mote.swap {
            let served = slice + 2
            if let made = wallet.make(.right(swap.size), .swap(swap.id, bucket: swap.bucket, served), at: slice, orderKey: swap.orderKey) {
                let isEarned = (try? store.allRows().certificates[.init(swap.mote, slice)]) == true && (swap.first...swap.last).contains(slice)
                if send(made), !isEarned { complain("a right without a certified slice") }
            }
        }
        let rights = wallet.tokens.keys.filter { if case .barter = $0 { $0.accepted.contains(slice) && wallet.tokens[$0]?.isEmpty == false } else { false } }
        guard let role = rights.min(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }), case .barter(let bucket, let served) = role, let tokens = wallet.draw(1, of: role) else { return }
        let places = motes.filter { $0.isListed && $0.bucket == bucket }.map { ($0.key, served) }
        send(wallet.make(.barter, spending: tokens.map { Spend($0) }, roles: [role], at: slice, motes: places), orReturn: tokens, role)
    }

    // MARK: time

    private mutating func pass() {
        let far = Int.random(in: 0..<10, using: &random)
        slice = slice + (far < 6 ? 1 : far < 9 ? Int64.random(in: 2...Slice.perDay, using: &random) : Int64.random(in: 1...7, using: &random) * Slice.perDay)
    }

    private mutating func retire() {
        guard var retired = try? store.allRows().retired else { return complain("the store cannot be read") }
        for key in desk.known.keys.sorted() {
            guard let role = desk.role(of: key), slice > role.forgotten else { continue }
            if Int.random(in: 0..<3, using: &random) == 0 { store.killAfter = Int.random(in: 0..<8, using: &random) }
            _ = try? exchange.retire(key, at: slice)
            store.killAfter = nil
            // Killed after its end, it has happened although nobody was told.
            guard let now = try? store.allRows().retired, now.contains(key) else { continue }
            if !retired.contains(key) { saved?.journal.append(.retirement(key, slice)) }
            retired = now
            wallet.tokens[role] = []
            wallet.accesses.removeAll { $0.role == role }
            for index in motes.indices { motes[index].taken.removeAll { $0.role == role } }
        }
    }
}

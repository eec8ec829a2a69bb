package import Exchange

/// An order that was carried out, as bytes, and the answer that it gets every time.
package struct Carried: Sendable, Equatable {
    package let order: [UInt8]
    package let answer: [UInt8]

    package init(order: [UInt8], answer: [UInt8]) { (self.order, self.answer) = (order, answer) }
}

extension History {
    /// Those carried out after the first so many.
    package func carried(after count: Int) -> [Carried] { past.dropFirst(count).map { Carried(order: $0.order.bytes, answer: $0.reply.bytes) } }
}

extension ToyDesk {
    /// A desk that knows every key that a history may have come to.
    package static func ofHistories() -> ToyDesk {
        let desk = ToyDesk(), first = Slice(20_000 * Slice.perDay)
        for week in first.week - 1...first.week + 12 { for denomination in Denomination.allCases { _ = desk.key(of: .credit(denomination, week: week)) } }
        for day in first.day - 1...first.day + 84 {
            _ = desk.key(of: .access(day: day))
            for bucket in UInt8(0)..<3 { _ = desk.key(of: .barterAccess(bucket: bucket, day: day)) }
        }
        for slice in first...first + 12 * Slice.perWeek {
            for size in MoteClass.allCases { for isStaked in [true, false] { _ = desk.key(of: .permit(slice, size, isStaked: isStaked)) } }
            for bucket in UInt8(0)..<3 { _ = desk.key(of: .barter(bucket: bucket, slice)) }
        }
        return desk
    }
}

/// Many clients, each with an order of its own that spends the same token as the others'.
package struct Contest {
    /// What must be carried out before, round by round.
    package let packs: [[UInt8]]
    /// By round and client.
    package let orders: [[[UInt8]]]
    package static let slice = Slice(20_000 * Slice.perDay + 300)

    package init(rounds: Int, clients: Int) {
        let desk = ToyDesk(), exchange = Exchange(store: MemoryStore(), desk: desk), role = KeyRole.credit(.twoHundredFiftySix, week: Self.slice.week)
        var wallet = ToyWallet(desk: desk, seed: 64), packs: [[UInt8]] = [], orders: [[[UInt8]]] = []
        for _ in 0..<rounds {
            let receipt = wallet.bytes(), detail = OrderDetail.receipt(receipt, signature: ToyDesk.sign(Signed.receipt(receipt), desk.cashier))
            guard let pack = wallet.make(.prepay, detail, at: Self.slice), case .carriedOut(let answers, _)? = try? exchange.carryOut(pack.order, at: Self.slice) else { break }
            wallet.take(pack, answers, isLost: false)
            guard let spent = wallet.draw(1, of: role)?.map({ Spend($0) }) else { break }
            packs.append(pack.order.bytes)
            orders.append((0..<clients).compactMap { _ in wallet.make(.split(.twoHundredFiftySix), spending: spent, roles: [role], at: Self.slice)?.order.bytes })
        }
        (self.packs, self.orders) = (packs, orders)
    }
}

/// An owner who buys shares of its own mote and deposits them, a bundle a round, and what that comes to.
package struct WashTrade {
    package private(set) var spent: Int64 = 0
    package private(set) var got: Int64 = 0
    package private(set) var isPlaceUnchanged = false
    package private(set) var complaints: [String] = []
    private let store = MemoryStore()
    private let desk = ToyDesk()
    private let exchange: Exchange<MemoryStore, ToyDesk>
    private let mote = [UInt8](repeating: 9, count: 32)
    private let slice = Contest.slice
    private var wallet: ToyWallet

    /// Twelve rounds for each purchase of 192 shares.
    package init(rounds: Int) throws {
        var rules = MarketRules.usual
        // An owner alone, with one mote.
        rules.stopsAtLoad = false
        exchange = Exchange(store: store, desk: desk, rules: rules)
        wallet = ToyWallet(desk: desk, seed: 16)
        let own = mote, permit = desk.key(of: .permit(slice, .medium, isStaked: true))!, first = slice
        let listing = Listing(mote: own, size: .medium, bucket: 0, first: first, last: first + 3, permit: permit, isStaked: true)
        try store.transaction { statements in
            _ = try statements.insertListing(listing)
            for slice in first...first + 3 { try statements.insertCertificate(own, at: slice, isUp: true) }
        }
        let before = store.rows.listings
        var left = rounds
        while left > 0, complaints.isEmpty {
            buy()
            left -= deposit(atMost: left)
        }
        isPlaceUnchanged = store.rows.listings == before
    }

    private mutating func carryOut(_ made: ToyWallet.Made?) -> Bool {
        guard let made, case .carriedOut(let answers, let isLost)? = try? exchange.carryOut(made.order, at: slice) else {
            complaints.append("an order was refused")
            return false
        }
        wallet.take(made, answers, isLost: isLost)
        return true
    }

    private mutating func buy() {
        let receipt = wallet.bytes(), role = KeyRole.credit(.sixtyFour, week: slice.week)
        guard carryOut(wallet.make(.prepay, .receipt(receipt, signature: ToyDesk.sign(Signed.receipt(receipt), desk.cashier)), at: slice)), let tokens = wallet.draw(3, of: role)
        else { return }
        let places = (0..<4).map { (mote, slice + Int64($0)) }
        _ = carryOut(wallet.make(.buy(.sixtyFour), .day(slice.day), spending: tokens.map { Spend($0) }, roles: [role], at: slice, motes: places))
    }

    private mutating func deposit(atMost limit: Int) -> Int {
        var rounds = 0
        while rounds < limit, wallet.accesses.count >= Shape.bundle, complaints.isEmpty {
            let exporter = wallet.bytes(), spends = wallet.accesses.prefix(Shape.bundle).map { ToyWallet.spend($0, exporter: exporter) }
            wallet.accesses.removeFirst(Shape.bundle)
            let roles = spends.compactMap { KeyID($0.token.input.keyID).flatMap(desk.role) }
            guard let made = wallet.make(.deposit, .mote(mote), spending: spends, roles: roles, at: slice), carryOut(made) else { break }
            spent += Int64(Shape.bundle)
            got += made.order.outputs.reduce(0) { $0 + (desk.role(of: $1.key)?.value ?? 0) * Int64($1.blinded.count) }
            rounds += 1
        }
        return rounds
    }
}

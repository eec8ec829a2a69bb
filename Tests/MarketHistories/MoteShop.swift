internal import Ambience
package import Exchange

/// Motes of one class that are listed for many slices, and people who buy of them through the ledger, always as much as it sells.
package final class MoteShop {
    package let start = Slice(20_000 * Slice.perDay)
    private let store = MemoryStore()
    private let desk = ToyDesk()
    private let exchange: Exchange<MemoryStore, ToyDesk>
    private let size: MoteClass
    private let motes: [[UInt8]]
    private let slices: Int64
    private var wallet: ToyWallet
    private var random: SeededRandom
    private var last: (order: Order, reply: Reply, slice: Slice)?

    package init(_ size: MoteClass, motes: Int, slices: Int64, seed: UInt64) throws {
        exchange = Exchange(store: store, desk: desk)
        (self.size, self.slices) = (size, slices)
        (wallet, random) = (ToyWallet(desk: desk, seed: seed), SeededRandom(seed: seed ^ 0x540B))
        self.motes = (0..<motes).map { [UInt8($0 & 255), UInt8($0 >> 8)] + [UInt8](repeating: 1, count: 30) }
        try store.transaction { statements in
            for mote in self.motes {
                for index in stride(from: 1, through: slices, by: Int64.Stride(MoteClass.slicesPerPermit)) {
                    let first = start + index, end = min(first + MoteClass.slicesPerPermit - 1, start + slices)
                    _ = try statements.insertListing(Listing(mote: mote, size: size, bucket: 0, first: first, last: end, permit: KeyID(mote)!, isStaked: false))
                }
            }
        }
    }

    package var violations: [String] { LedgerAudit(store.rows, roles: desk.known).violations() }

    package func balance(_ account: Account) -> Int64 { store.rows.entries.values.joined().reduce(0) { $0 + ($1.account == account ? $1.delta : 0) } }

    // MARK: orders

    private func carryOut(_ made: ToyWallet.Made?, at slice: Slice) throws -> Refusal? {
        guard let made else { return .malformed }
        let reply = try exchange.carryOut(made.order, at: slice)
        guard case .carriedOut(let answers, let isLost) = reply else { if case .refused(let refusal) = reply { return refusal } else { return .malformed } }
        wallet.take(made, answers, isLost: isLost)
        last = (made.order, reply, slice)
        return nil
    }

    /// Three credits of a denomination that a pack has, split as often as it takes.
    private func credit(_ denomination: Denomination, at slice: Slice) throws -> [Token] {
        while true {
            let role = KeyRole.credit(denomination, week: slice.week)
            if let tokens = wallet.draw(3, of: role) { return tokens }
            guard let larger = denomination.larger, denomination != .sixtyFour else {
                let receipt = wallet.bytes(), detail = OrderDetail.receipt(receipt, signature: ToyDesk.sign(Signed.receipt(receipt), desk.cashier))
                _ = try carryOut(wallet.make(.prepay, detail, at: slice), at: slice)
                continue
            }
            let whole = try credit(larger, at: slice), above = KeyRole.credit(larger, week: slice.week)
            for token in whole { _ = try carryOut(wallet.make(.split(larger), spending: [Spend(token)], roles: [above], at: slice), at: slice) }
        }
    }

    /// Buys for the next slices, of motes that each draw names; `nil` if it was carried out.
    package func buy(_ denomination: Denomination, at index: Int64, aimedAt aim: [[UInt8]]? = nil) throws -> Refusal? {
        let slice = start + index, tokens = try credit(denomination, at: slice), role = KeyRole.credit(denomination, week: slice.week)
        let open = (slice + 1...slice + LoadGate.ahead).filter { $0.day == slice.day && $0 <= start + slices }
        let places = (0..<3 * Int(denomination.value)).map { number in
            ((aim ?? motes).randomElement(using: &random) ?? [UInt8](repeating: 0, count: 32), open.isEmpty ? slice + 1 : open[number % open.count])
        }
        let refusal = try carryOut(wallet.make(.buy(denomination), .day(slice.day), spending: tokens.map { Spend($0) }, roles: [role], at: slice, motes: places), at: slice)
        if refusal != nil { wallet.tokens[role, default: []] += tokens }
        return refusal
    }

    /// Whether the last order that was carried out gets the same answer once more.
    package func repeatsLast() throws -> Bool {
        guard let last else { return false }
        return try exchange.carryOut(last.order, at: last.slice) == last.reply
    }

    // MARK: what motes see

    /// People buy whatever is sold, slice by slice, and so many of them come: how many tokens found their mote full, of those that were shown.
    package func fill(of part: Double) throws -> (refused: Int, shown: Int) {
        for index in 0..<slices { while try buy(.sixteen, at: index) == nil {} }
        // What nobody shows is still there, and comes back later.
        var shown: [ToyWallet.Access] = [], kept: [ToyWallet.Access] = []
        for access in wallet.accesses { if Double.random(in: 0..<1, using: &random) < part { shown.append(access) } else { kept.append(access) } }
        wallet.accesses = kept
        return (Self.refused(shown, size), shown.count)
    }

    private static func refused(_ shown: some Collection<ToyWallet.Access>, _ size: MoteClass) -> Int {
        var taken: [Slice: [[UInt8]: Int64]] = [:]
        for access in shown { taken[access.slice, default: [:]][access.mote, default: 0] += 1 }
        return taken.values.joined().reduce(0) { $0 + Int(max(0, $1.value - size.shares)) }
    }

    /// An attacker buys all shares of the first so many motes, and others buy what is left to be sold: how many of theirs were refused, and
    /// what the attacker paid.
    package func fillAimed(at filled: Int) throws -> (refused: Int, shown: Int, paid: Int) {
        let aim = Array(motes.prefix(filled)), target = Set(aim)
        var paid = 0, attacked: [Slice: Int] = [:]
        for index in 0..<slices {
            // Until every share of theirs in the next slice is paid for; a purchase is for the slices after it as well.
            let next = start + index + 1
            while attacked[next, default: 0] < filled * Int(size.shares), try buy(.sixteen, at: index, aimedAt: aim) == nil {
                paid += 48
                for access in wallet.accesses.suffix(48) { attacked[access.slice, default: 0] += 1 }
                wallet.accesses.removeLast(48)
            }
            while try buy(.sixteen, at: index) == nil {}
        }
        let others = wallet.accesses, elsewhere = others.filter { !target.contains($0.mote) || attacked[$0.slice, default: 0] < filled * Int(size.shares) }
        return (others.count - elsewhere.count + Self.refused(elsewhere, size), others.count, paid)
    }

    /// Takes back what was never shown, when its time has come.
    package func refund() throws -> Int {
        var bundles = 0
        for (role, accesses) in Dictionary(grouping: wallet.accesses, by: \.role) {
            guard let due = role.refunded?.lowerBound else { continue }
            for first in stride(from: 0, through: accesses.count - Shape.bundle, by: Shape.bundle) {
                let spends = accesses[first..<first + Shape.bundle].map { Spend($0.token, .signed([UInt8](repeating: 0, count: 64))) }
                if try carryOut(wallet.make(.refund, spending: spends, roles: spends.map { _ in role }, at: due), at: due) == nil { bundles += 1 }
            }
        }
        return bundles
    }
}

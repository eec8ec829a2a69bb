/// Orders that would have too few others to hide among are not carried out: they wait, and then are given back untouched.
///
/// Which of a slice's orders wait depends on the counts before any of them is carried out, so it is decided once and kept.
package enum HoldOver {
    package enum Verdict: UInt8, Sendable {
        case carryOut = 1
        /// For the next slice.
        case wait = 2
        /// `Refusal.tooFew`; the same order may be sent again later.
        case giveBack = 3
    }

    /// The tokens that an order's own hide among.
    package struct Pool: Hashable, Sendable {
        package let shape: Shape
        package let key: KeyID
    }

    /// How well a shape was hidden in a slice: what is published of it (M17).
    package struct Hidden: Hashable, Sendable {
        package let pool: Pool
        package let orders: Int
        /// How many sets of tokens there were that each may have been.
        package let set: Int64
        package let isHeld: Bool
    }

    /// `nil` for orders whose sender is known anyway or nobody in particular: packs, permits' trials and stakes, the rights of a named swap; and
    /// for a right that is used, which is void a slice later and has its fleet of `MarketRules.leastFleet` to hide in.
    static func pool(of order: Order, role: (KeyID) -> KeyRole?) -> Pool? {
        guard let key = order.inputs.first.flatMap({ KeyID($0.token.input.keyID) }) else { return nil }
        switch role(key) {
        case .credit?, .access?: return Pool(shape: order.shape, key: key)
        default: return nil
        }
    }

    /// Tokens of one key that one order may have made: among those nobody hides from the others.
    private static let tokensOfAnOrder: Int64 = 4

    /// Credit hides among what is still out, as many orders as must have made it. An access token that comes back hides among all purchases of
    /// its day, for nobody knows which of them have tokens left; so the last motes to deposit are paid too.
    static func set(_ count: KeyCount, _ pool: Pool, _ role: KeyRole) -> Int64 {
        if case .access = role { return count.issued / Int64(Shape.bundle) }
        let out = count.issued - count.redeemed
        // What is there is one at least: trials ask for no more.
        return max(out >= Int64(pool.shape.inputs) ? 1 : 0, out / tokensOfAnOrder)
    }
}

extension Exchange {
    /// What becomes of a slice's orders, before any is carried out. `since` is the slice that an order came for first.
    ///
    /// Orders that were carried out already, and bytes that are no order, are answered at once as ever.
    package func holdOver(_ orders: some Sequence<(body: [UInt8], since: Slice)>, at slice: Slice) throws -> (verdicts: [HoldOver.Verdict], hidden: [HoldOver.Hidden]) {
        try store.inspect { statements in
            var counts: [HoldOver.Pool: (orders: Int, set: Int64)] = [:], verdicts: [HoldOver.Verdict] = []
            for (body, since) in orders {
                guard let order = try? Order(body), let pool = HoldOver.pool(of: order, role: desk.role(of:)), try statements.outcome(of: order.id) == nil else {
                    verdicts.append(.carryOut)
                    continue
                }
                let set = try counts[pool]?.set ?? HoldOver.set(statements.count(pool.key), pool, desk.role(of: pool.key)!)
                counts[pool, default: (0, set)].orders += 1
                verdicts.append(set >= rules.leastSet ? .carryOut : slice - since.index >= Slice(rules.longestHold) ? .giveBack : .wait)
            }
            return (verdicts, counts.map { HoldOver.Hidden(pool: $0, orders: $1.orders, set: $1.set, isHeld: $1.set < rules.leastSet) })
        }
    }
}

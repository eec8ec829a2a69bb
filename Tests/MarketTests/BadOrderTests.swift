import Exchange
import MarketLine
import Sealing
import Testing

/// What is wrong is turned away by a whole exchange, in one way for each kind of wrong, and leaves nothing behind.
@Suite("Bad orders at an exchange at work")
struct BadOrderTests {
    /// What is to be answered, and the orders.
    private typealias Class = (name: String, refusal: Refusal, orders: [[UInt8]])

    @Test("an order of any shape that is malformed, cut, oversized, forged, of the wrong time or key, or spent changes nothing, and all of one kind get one answer")
    func refused() throws {
        let seed = try #require(WalletSeed(.random(32), device: 0)), market = try ClockedMarket(swapSigner: seed.orderKey(ClockedMarket.swapCounter).publicKey)
        defer { market.end() }
        var orders = TestOrders(market.issuer, cashier: market.cashier, seed: seed)
        let early = ClockedMarket.last - 1, last = ClockedMarket.last

        market.go(to: early)
        let before = try market.dump()
        try door(market, at: early)
        try expect(bad(&orders, at: early), market, at: early)
        #expect(try market.dump() == before)

        // Each of those that the bad ones were made of is good.
        market.go(to: last)
        let recipes = try orders.all(at: last), good = try recipes.map { try orders.order($0) }
        for order in good { #expect(try market.client.send(order.bytes, to: market.terms.sealKey, at: last) == .taken(last)) }
        try market.settle(last)
        let answers = try good.map { try market.client.post(.answer, $0.id) }
        for (order, answer) in zip(good, answers) {
            guard case .ready(.carriedOut(_, isLost: false)) = AnswerLetter(answer) else { Issue.record("\(order.shape): \(answer.prefix(20))"); continue }
        }
        let after = try market.dump()
        #expect(after != before)

        // Again: nothing happens, and the answer has the same bytes. Their tokens in other orders are spent, or their one slice is over.
        market.go(to: last + 1)
        for order in good { #expect(try market.client.send(order.bytes, to: market.terms.sealKey, at: last + 1) == .taken(last)) }
        let late: Set<Shape> = [.right(.small), .barter]
        let spent = try zip(recipes, good).filter { !late.contains($0.0.shape) }.map { recipe, order in
            if case .trial = recipe.shape { return try orders.again(order).bytes }
            return try orders.order(orders.again(recipe, at: last + 1)).bytes
        }
        let over = try recipes.filter { late.contains($0.shape) }.map { try orders.order(orders.again($0, at: last + 1)).bytes }
        try expect([("spent", .spent, spent), ("over", .untimely, over)], market, at: last + 1)
        #expect(try market.dump() == after)
        for (order, answer) in zip(good, answers) { #expect(try market.client.post(.answer, order.id) == answer, "\(order.shape)") }
    }

    /// Sends them, and finds one answer for each class.
    private func expect(_ classes: [Class], _ market: ClockedMarket, at slice: Slice) throws {
        for (name, _, orders) in classes {
            for order in orders { #expect(try market.client.send(order, to: market.terms.sealKey, at: slice) == .taken(slice), "\(name)") }
        }
        try market.settle(slice)
        for (name, refusal, orders) in classes {
            let expected = try #require(AnswerLetter.ready(.refused(refusal)).bytes)
            for order in orders { #expect(try market.client.post(.answer, Digest.sha256(order)) == expected, "\(name): shape \(order.dropFirst().first ?? 0), \(order.count) bytes") }
        }
    }

    // MARK: letters that no exchange opens

    private func door(_ market: ClockedMarket, at slice: Slice) throws {
        let order = [UInt8](repeating: 1, count: 400), good = try #require(OrderLetter.make(order, to: market.terms.sealKey, at: slice))
        var stamped = good, cut = good, sealed = good
        stamped[15] ^= 1
        cut.removeLast()
        sealed[sealed.count - 1] ^= 1
        let letters: [[UInt8]] = try [
            [], [1, 2, 3], Array(good.prefix(16)), stamped, cut, sealed, good + [0], #require(OrderLetter.make(order, to: Curve25519Key().publicKey, at: slice)),
            #require(OrderLetter.make(order, to: market.terms.sealKey, at: slice - 2)), #require(OrderLetter.make(order, to: market.terms.sealKey, at: slice + 2)),
        ]
        for letter in letters { #expect(try market.client.post(.order, letter) == OrderReceipt.refused.bytes, "\(letter.count) bytes") }
        #expect(try !market.knows(Digest.sha256(order)))
        // Longer than any order: refused by its length, perhaps before all of it was sent.
        let answer = try? market.client.perform(MarketRequest(.order, [UInt8](repeating: 0, count: OrderLetter.limitBytes + 1)))
        #expect(answer == nil || answer?.status == 413)
    }

    // MARK: orders of which something is wrong

    private func bad(_ orders: inout TestOrders, at slice: Slice) throws -> [Class] {
        let recipes = try orders.all(at: slice), good = try recipes.map { try orders.order($0) }
        var forged = good.map { $0.with(signature: Ed25519Key().sign(Signed.order($0.core))) }
        for recipe in recipes where !recipe.inputs.isEmpty { forged.append(try orders.order(recipe.withFalseToken)) }
        return try [
            ("malformed", .malformed, good.enumerated().flatMap { Self.damaged($1.bytes, $0) } + [[], [0], [UInt8](repeating: 0xFF, count: 5_000)]),
            ("oversized", .malformed, good.map { Self.oversized($0) }),
            ("of unknown keys", .malformed, good.map { $0.with(outputs: $0.outputs.map { Batch(key: KeyID(SecureRandom.bytes(32))!, type: $0.type, blinded: $0.blinded) }).bytes }),
            ("forged", .forged, forged.map(\.bytes)),
            ("untimely", .untimely, orders.untimely(at: slice).map { try orders.order($0).bytes }),
        ]
    }

    /// Another version, a shape that there is not, or one byte too many; and one too few, or half of it.
    private static func damaged(_ bytes: [UInt8], _ number: Int) -> [[UInt8]] {
        [[[2] + bytes[1...], [1, 13] + bytes[2...], bytes + [0]][number % 3], [bytes.dropLast(), Array(bytes.prefix(bytes.count / 2))][number % 2]]
    }

    /// More messages than any order has; what needs none has more than it may.
    private static func oversized(_ order: Order) -> [UInt8] {
        order.with(outputs: [Batch](repeating: Batch(key: order.outputs[0].key, type: .voprf, blinded: (0..<255).map { _ in SecureRandom.bytes(32) }), count: 2)).bytes
    }
}

extension Order {
    fileprivate func with(outputs: [Batch]? = nil, signature: [UInt8]? = nil) -> Order {
        Order(shape: shape, detail: detail, inputs: inputs, outputs: outputs ?? self.outputs, orderKey: orderKey, signature: signature ?? self.signature)
    }
}

extension Recipe {
    /// With one token that no key made; whatever signs an order signs that too.
    fileprivate var withFalseToken: Recipe {
        let first = inputs[0], token = first.token
        var authenticator = token.token.authenticator
        authenticator[authenticator.count - 1] ^= 1
        let forged = WalletToken(
            token: Token(input: token.token.input, authenticator: authenticator), role: token.role, counter: token.counter, since: token.since, ripe: token.ripe, stale: token.stale, place: token.place)
        return Recipe(shape, detail, at: slice, from: counter, keyCounter: keyCounter, inputs: [Input(forged, first.evidence)] + inputs.dropFirst(), places: places)
    }
}

import Exchange
import Sealing
import Testing

/// Orders of every shape, each of which an exchange would carry out: made by somebody who has its keys, and so all the tokens that he likes.
struct TestOrders {
    static let workBits = 8
    private static let step: UInt64 = 1_000

    let issuer: Issuer
    let cashier: Ed25519Key
    let seed: WalletSeed
    private var counter = Self.step

    init(_ issuer: Issuer, cashier: Ed25519Key, seed: WalletSeed) { (self.issuer, self.cashier, self.seed) = (issuer, cashier, seed) }

    private mutating func next() -> UInt64 {
        counter += Self.step
        return counter
    }

    func order(_ recipe: Recipe) throws -> Order { try #require(Draft(recipe, seed: seed, keys: issuer), "\(recipe.shape)").order }

    /// The tokens that such an order gets, without the ledger's knowing.
    private mutating func tokens(_ shape: Shape, _ detail: OrderDetail = .none, at slice: Slice, for place: Place? = nil) throws -> [WalletToken] {
        var random = SecureRandom()
        let recipe = Recipe(shape, detail, at: slice, from: next(), places: place.map { [$0] } ?? []), draft = try #require(Draft(recipe, seed: seed, keys: issuer))
        let batch = try #require(draft.order.outputs.first), answer = try #require(issuer.role(of: batch.key).flatMap { issuer.issue(batch, $0) })
        guard case .made(let tokens, _) = draft.finish(.carriedOut([answer], isLost: false), keys: issuer, at: slice, random: &random) else { throw OrderError.malformed }
        return tokens
    }

    private func spent(_ tokens: [WalletToken], at slice: Slice) throws -> [Recipe.Input] {
        try tokens.prefix(Shape.bundle).map { token in
            let key = try #require(KeyID(token.token.input.keyID)), session = SecureRandom.bytes(32)
            let signature = seed.signer(key, token.counter).sign(Signed.spend(mote: ClockedMarket.mote.publicKey, slice, session: session))
            return Recipe.Input(token, .spent(slice, salt: seed.salt(key, token.counter), session: session, signature: signature))
        }
    }

    private mutating func access(day: Int64, at slice: Slice) throws -> [WalletToken] {
        let place = Place(mote: ClockedMarket.mote.publicKey, slice: slice)
        return try tokens(.buy(.four), .day(day), at: slice, for: place) + tokens(.buy(.four), .day(day), at: slice, for: place)
    }

    private func receipt() -> OrderDetail {
        let id = SecureRandom.bytes(32)
        return .receipt(id, signature: cashier.sign(Signed.receipt(id)))
    }

    /// One of each shape.
    mutating func all(at slice: Slice) throws -> [Recipe] {
        let start = ClockedMarket.last + 2, old = Slice.first(ofWeek: slice.week - 1), day = Slice.first(ofDay: slice.day - 2), place = Place(mote: ClockedMarket.mote.publicKey, slice: slice + 1)
        let four = try (0..<3).flatMap { _ in try tokens(.split(.sixteen), at: slice) }.map { Recipe.Input($0) }
        let right = OrderDetail.swap(ClockedMarket.swap, bucket: 1, slice + 1)
        return try [
            Recipe(.buy(.four), .day(slice.day), at: slice, from: next(), inputs: Array(four[0..<3]), places: [place]),
            Recipe(.roll(.four), at: slice, from: next(), inputs: tokens(.roll(.four), at: old).map { Recipe.Input($0) }),
            Recipe(.split(.four), at: slice, from: next(), inputs: [four[3]]),
            Recipe(.merge(.four), at: slice, from: next(), inputs: Array(four[4..<8])),
            Recipe(.refund, at: slice, from: next(), inputs: access(day: day.day, at: day).prefix(Shape.bundle).map { Recipe.Input($0, .own) }),
            Recipe(.deposit, .mote(ClockedMarket.mote.publicKey), at: slice, from: next(), inputs: spent(access(day: slice.day, at: slice - 1), at: slice - 1)),
            Recipe(.prepay, receipt(), at: slice, from: next()),
            Recipe(.permit(.small), .start(start), at: slice, from: next(), inputs: Array(four[8..<11])),
            worked(start, at: slice),
            Recipe(.unstake(.small), .signature([]), at: slice, from: next(), inputs: tokens(.permit(.small), .start(day), at: day).map { Recipe.Input($0) }),
            Recipe(.right(.small), .swap(ClockedMarket.swap, bucket: 1, slice + 2), at: slice, from: next(), keyCounter: ClockedMarket.swapCounter),
            Recipe(.barter, at: slice, from: next(), inputs: [Recipe.Input(tokens(.right(.small), right, at: slice)[0])], places: [place]),
        ]
    }

    private mutating func worked(_ start: Slice, at slice: Slice) throws -> Recipe {
        let recipe = Recipe(.trial(.small), .work(start, nonce: [UInt8](repeating: 0, count: 8)), at: slice, from: next())
        return try #require(Trial.mine(recipe, seed: seed, keys: issuer, bits: Self.workBits))
    }

    /// The same with tokens or for slices whose time has not come, or is over. A pack has neither.
    mutating func untimely(at slice: Slice) throws -> [Recipe] {
        let far = Slice.first(ofDay: slice.day + 2), week = Slice.first(ofWeek: slice.week + 1), past = Slice.first(ofDay: slice.day - 2)
        let place = Place(mote: ClockedMarket.mote.publicKey, slice: slice + 1), new = try (0..<2).flatMap { _ in try tokens(.split(.sixteen), at: week) }.map { Recipe.Input($0) }
        let four = try (0..<3).flatMap { _ in try tokens(.split(.sixteen), at: slice) }.map { Recipe.Input($0) }
        return try [
            Recipe(.buy(.four), .day(far.day), at: slice, from: next(), inputs: Array(four[0..<3]), places: [place]),
            Recipe(.roll(.four), at: slice, from: next(), inputs: Array(four[4..<7])),
            Recipe(.split(.four), at: slice, from: next(), inputs: [new[0]]),
            Recipe(.merge(.four), at: slice, from: next(), inputs: Array(new[4..<8])),
            Recipe(.refund, at: slice, from: next(), inputs: access(day: slice.day, at: slice - 1).prefix(Shape.bundle).map { Recipe.Input($0, .own) }),
            Recipe(.deposit, .mote(ClockedMarket.mote.publicKey), at: slice, from: next(), inputs: spent(access(day: past.day, at: past), at: past)),
            Recipe(.permit(.small), .start(far), at: slice, from: next(), inputs: Array(four[8..<11])),
            worked(far, at: slice),
            Recipe(.unstake(.small), .signature([]), at: slice, from: next(), inputs: tokens(.permit(.small), .start(far), at: slice).map { Recipe.Input($0) }),
            Recipe(.right(.small), .swap(ClockedMarket.swap, bucket: 1, slice + 3), at: slice, from: next(), keyCounter: ClockedMarket.swapCounter),
            Recipe(.barter, at: slice, from: next(), inputs: [Recipe.Input(tokens(.right(.small), .swap(ClockedMarket.swap, bucket: 1, slice + 2), at: slice)[0])], places: [place]),
        ]
    }

    /// The same tokens in another order: other messages are blinded, another key signs.
    mutating func again(_ recipe: Recipe, at slice: Slice) -> Recipe {
        Recipe(recipe.shape, recipe.detail, at: slice, from: next(), inputs: recipe.inputs, places: recipe.places)
    }

    /// The same messages in a trial of another key, with work of its own.
    func again(_ trial: Order) throws -> Order {
        guard case .work(let start, _) = trial.detail else { throw OrderError.malformed }
        let key = Ed25519Key()
        for number in UInt8(0)...255 {
            for other in UInt8(0)...255 {
                let order = { Order(shape: trial.shape, detail: .work(start, nonce: [number, other, 0, 0, 0, 0, 0, 0]), inputs: [], outputs: trial.outputs, orderKey: key.publicKey, signature: $0) }
                if case let core = order([]).core, Work.isEnough(core, bits: Self.workBits) { return order(key.sign(Signed.order(core))) }
            }
        }
        throw OrderError.malformed
    }
}

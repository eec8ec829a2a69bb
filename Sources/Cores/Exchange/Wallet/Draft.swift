internal import Sealing

/// An order made of its recipe, and what makes tokens of its answer.
package struct Draft {
    package let recipe: Recipe
    package let order: Order
    private let batches: [(role: KeyRole, pending: [PendingToken])]

    /// `nil` when a key is not known, or the recipe is none: it names tokens that its shape does not take, or too few places.
    package init?(_ recipe: Recipe, seed: WalletSeed, keys: some PublicKeys) {
        guard let wanted = recipe.wanted else { return nil }
        var maker = TokenMaker(recipe: recipe, seed: seed), batches: [(role: KeyRole, pending: [PendingToken])] = [], outputs: [Batch] = []
        for (role, count) in wanted {
            guard let key = keys.publicKey(role), let pending = maker.make(role, KeyID(role, publicKey: key), count), let blinded = Self.blinded(pending, role, key)
            else { return nil }
            batches.append((role, pending))
            outputs.append(Batch(key: KeyID(role, publicKey: key), type: role.tokenType, blinded: blinded))
        }
        (self.recipe, self.batches) = (recipe, batches)
        order = Self.signed(recipe, outputs, seed)
    }

    private static func blinded(_ pending: [PendingToken], _ role: KeyRole, _ key: [UInt8]) -> [[UInt8]]? {
        let rsa = role.tokenType == .blindRSA ? TokenPublicKey.decode(key) : nil
        let blinded = pending.compactMap { token in rsa.map { token.blindedMessage(for: $0) } ?? token.blindedElement?.bytes }
        return blinded.count == pending.count && (rsa != nil || role.tokenType == .voprf) ? blinded : nil
    }

    // MARK: signatures

    /// All of them are over the order's core, which has none of them in it.
    private static func signed(_ recipe: Recipe, _ outputs: [Batch], _ seed: WalletSeed) -> Order {
        let orderKey = seed.orderKey(recipe.keyCounter ?? recipe.counter)
        func order(_ detail: OrderDetail, _ inputs: [Spend], _ signature: [UInt8]) -> Order {
            Order(shape: recipe.shape, detail: detail, inputs: inputs, outputs: outputs, orderKey: orderKey.publicKey, signature: signature)
        }
        let core = order(recipe.detail, recipe.inputs.map { Spend($0.token.token) }, []).core
        let inputs = recipe.inputs.map { Spend($0.token.token, evidence($0, core, seed)) }
        var detail = recipe.detail
        if case .unstake = recipe.shape, let permit = recipe.inputs.first?.token { detail = .signature(own(permit, seed).sign(Signed.unstake(core))) }
        return order(detail, inputs, orderKey.sign(Signed.order(core)))
    }

    private static func evidence(_ input: Recipe.Input, _ core: [UInt8], _ seed: WalletSeed) -> Spend.Evidence {
        switch input.evidence {
        case .bearer: .bearer
        case .own: .signed(own(input.token, seed).sign(Signed.refund(core)))
        case .spent(let slice, let salt, let session, let signature): .spent(slice, salt: salt, session: session, signature: signature)
        }
    }

    private static func own(_ token: WalletToken, _ seed: WalletSeed) -> Ed25519Key {
        KeyID(token.token.input.keyID).map { seed.signer($0, token.counter) } ?? Ed25519Key()
    }

    // MARK: the answer

    package enum Result {
        /// Tokens, each of which was checked.
        case made([WalletToken], isLost: Bool)
        case refused(Refusal)
        /// The answer's signatures or proofs do not hold: the exchange's fault, and evidence of it.
        case bogus
    }

    /// `random` draws the ages of new credit.
    package func finish(_ reply: Reply, keys: some PublicKeys, at slice: Slice, random: inout some RandomNumberGenerator) -> Result {
        switch reply {
        case .refused(let refusal): return .refused(refusal)
        case .carriedOut(let answers, let isLost):
            let answered = isLost ? batches.suffix(answers.count) : batches.prefix(answers.count)
            guard answers.count == expected(isLost: isLost) else { return .bogus }
            var counter = recipe.counter + UInt64(batches.prefix(answered.startIndex).reduce(0) { $0 + $1.pending.count }), made: [WalletToken] = []
            for (batch, answer) in zip(answered, answers) {
                guard let key = keys.publicKey(batch.role), let tokens = Self.tokens(batch.pending, answer, batch.role, key) else { return .bogus }
                made += tokens.enumerated().map { held($1, batch.role, counter + UInt64($0), slice, &random) }
                counter += UInt64(tokens.count)
            }
            return .made(made, isLost: isLost)
        }
    }

    /// How many batches are answered: a draw has a batch for each outcome, or none for a lost trial; everything else has no outcomes.
    private func expected(isLost: Bool) -> Int? {
        switch recipe.shape {
        case .permit: 1
        case .trial: isLost ? 0 : 1
        default: isLost ? nil : batches.count
        }
    }

    private static func tokens(_ pending: [PendingToken], _ answer: [UInt8], _ role: KeyRole, _ key: [UInt8]) -> [Token]? {
        if role.tokenType == .voprf {
            guard let key = RistrettoElement(canonical: key), let evaluation = try? VOPRFEvaluation(answer, isBatch: true) else { return nil }
            return PendingToken.finalize(pending, evaluation, key: key)
        }
        let size = role.tokenType.authenticatorBytes
        guard let key = TokenPublicKey.decode(key), answer.count == size * pending.count else { return nil }
        let tokens = pending.indices.compactMap { pending[$0].finalize(Array(answer[$0 * size..<($0 + 1) * size]), key: key) }
        return tokens.count == pending.count ? tokens : nil
    }

    private func held(_ token: Token, _ role: KeyRole, _ counter: UInt64, _ slice: Slice, _ random: inout some RandomNumberGenerator) -> WalletToken {
        guard case .credit = role else {
            let place = recipe.places.isEmpty ? nil : recipe.places[Int(counter - recipe.counter) % recipe.places.count]
            return WalletToken(token: token, role: role, counter: counter, since: slice, ripe: slice, stale: role.forgotten, place: place)
        }
        var stock = TokenStock()
        stock.add(token, role, at: slice, random: &random)
        let drawn = stock.held[0]
        return WalletToken(token: token, role: role, counter: counter, since: slice, ripe: drawn.ripe, stale: drawn.stale)
    }
}

/// Makes an order's tokens to be, one counter after another.
private struct TokenMaker {
    let recipe: Recipe
    let seed: WalletSeed
    private var next: UInt64

    init(recipe: Recipe, seed: WalletSeed) { (self.recipe, self.seed, next) = (recipe, seed, recipe.counter) }

    mutating func make(_ role: KeyRole, _ key: KeyID, _ count: Int) -> [PendingToken]? {
        var made: [PendingToken] = []
        for _ in 0..<count {
            guard let challenge = challenge(role, key), let token = seed.pending(role, key, next, challenge: challenge) else { return nil }
            made.append(token)
            next += 1
        }
        return made
    }

    private func challenge(_ role: KeyRole, _ key: KeyID) -> TokenChallenge? {
        switch role {
        case .credit(let denomination, _): return Challenges.credit(denomination)
        case .barter(let bucket, let slice): return Challenges.barter(bucket: bucket, slice)
        case .permit(let start, _, _): return Challenges.permit(from: start)
        case .access, .barterAccess:
            guard !recipe.places.isEmpty else { return nil }
            let place = recipe.places[Int(next - recipe.counter) % recipe.places.count]
            return Challenges.access(mote: place.mote, place.slice, salt: seed.salt(key, next))
        }
    }
}

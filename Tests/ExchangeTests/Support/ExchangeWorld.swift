import Exchange
import MarketHistories
import Sealing
import Testing

/// An exchange with real keys, and a wallet that makes its orders from a seed.
final class ExchangeWorld {
    /// Made once: keys of RSA take their time.
    // SAFETY: OpenSSL's keys may be used by several threads at once; nobody changes these.
    nonisolated(unsafe) static let rsa = (0..<5).map { _ in RSAKey.generateLocked(bits: 2048) }

    let issuer: Issuer
    let cashier = Ed25519Key()
    let store = MemoryStore()
    let exchange: Exchange<MemoryStore, Issuer>
    let seed = WalletSeed(.random(32), device: 1)!
    let slice = Slice(20_000 * Slice.perDay + 200)
    static let workBits = 10

    init(_ change: (inout MarketRules) -> Void = { _ in }) {
        issuer = Issuer(seed: .random(32), cashier: cashier.publicKey)!
        var rules = MarketRules.usual
        (rules.workBits, rules.stopsAtLoad) = (Self.workBits, false)
        change(&rules)
        exchange = Exchange(store: store, desk: issuer, rules: rules)
        for denomination in Denomination.allCases { issuer.open(.credit(denomination, week: slice.week)) }
        issuer.open(.access(day: slice.day), Self.rsa[0])
        issuer.open(.access(day: slice.day + 1), Self.rsa[1])
    }

    /// An order and what finishes its tokens, from the seed and a counter alone.
    func make(_ shape: Shape, _ detail: OrderDetail, spending tokens: [Token] = [], roles: [KeyRole] = [], from counter: UInt64, mote: [UInt8] = [], at served: Slice? = nil) throws -> (Order, [[PendingToken]]) {
        let wanted = try #require(shape.outputs(roles, at: slice, detail: detail))
        var next = counter, pending: [[PendingToken]] = []
        for (role, count) in wanted {
            let key = try #require(issuer.key(of: role))
            pending.append(try (0..<count).map { _ in
                defer { next += 1 }
                return try #require(seed.pending(role, key, next, challenge: challenge(role, key, next, mote, served ?? slice)))
            })
        }
        let batches = try zip(wanted, pending).map { wanted, pending in
            Batch(key: try #require(issuer.key(of: wanted.role)), type: wanted.role.tokenType, blinded: try pending.map { try blinded($0, wanted.role) })
        }
        return (sign(Order(shape: shape, detail: detail, inputs: tokens.map { Spend($0) }, outputs: batches, orderKey: [], signature: []), counter), pending)
    }

    /// All rules that hold at all times, as an auditor finds them.
    var violations: [String] { LedgerAudit(store.rows, roles: Dictionary(uniqueKeysWithValues: store.rows.counts.keys.map { ($0, issuer.role(of: $0)!) })).violations() }

    func sign(_ order: Order, _ counter: UInt64) -> Order {
        let key = seed.orderKey(counter)
        let unsigned = Order(shape: order.shape, detail: order.detail, inputs: order.inputs, outputs: order.outputs, orderKey: key.publicKey, signature: [])
        return Order(
            shape: order.shape, detail: order.detail, inputs: order.inputs, outputs: order.outputs, orderKey: key.publicKey, signature: key.sign(Signed.order(unsigned.core)))
    }

    private func challenge(_ role: KeyRole, _ key: KeyID, _ counter: UInt64, _ mote: [UInt8], _ served: Slice) -> TokenChallenge {
        if case .credit(let denomination, _) = role { return Challenges.credit(denomination) }
        if case .permit(let start, _, _) = role { return Challenges.permit(from: start) }
        if case .barter(let bucket, let own) = role { return Challenges.barter(bucket: bucket, own) }
        return Challenges.access(mote: mote, served, salt: seed.salt(key, counter))
    }

    private func blinded(_ pending: PendingToken, _ role: KeyRole) throws -> [UInt8] {
        if role.tokenType == .voprf { return try #require(pending.blindedElement).bytes }
        let publicKey = try #require(issuer.publicKey(role)), key = try #require(TokenPublicKey.decode(publicKey))
        return try #require(pending.blindedMessage(for: key))
    }

    func finish(_ pending: [PendingToken], _ answer: [UInt8], _ role: KeyRole) throws -> [Token] {
        let publicKey = try #require(issuer.publicKey(role))
        if role.tokenType == .voprf {
            let key = try #require(RistrettoElement(canonical: publicKey)), evaluation = try VOPRFEvaluation(answer, isBatch: true)
            return try #require(PendingToken.finalize(pending, evaluation, key: key))
        }
        let key = try #require(TokenPublicKey.decode(publicKey))
        return try pending.indices.map { try #require(pending[$0].finalize(Array(answer[$0 * 256..<($0 + 1) * 256]), key: key)) }
    }

    func pack(from counter: UInt64) throws -> (order: Order, pending: [[PendingToken]]) {
        let receipt = Digest.sha256(counter.description.utf8)
        return try make(.prepay, .receipt(receipt, signature: cashier.sign(Signed.receipt(receipt))), from: counter)
    }

    /// Twelve access tokens for one mote and slice, bought with a pack, as they are shown to the mote.
    func access(mote: [UInt8], at served: Slice, from base: UInt64 = 0) throws -> [(token: Token, counter: UInt64)] {
        let (pack, pendingPack) = try self.pack(from: base)
        guard case .carriedOut(let answers, _) = try exchange.carryOut(pack, at: slice) else { throw OrderError.malformed }
        let large = try finish(pendingPack[1], answers[1], .credit(.sixtyFour, week: slice.week))
        let small = try exchangeDown(large[0], base)
        let (buy, pending) = try make(
            .buy(.four), .day(served.day), spending: small, roles: [.credit(.four, week: slice.week)], from: base + 1000, mote: mote, at: served)
        guard case .carriedOut(let bought, _) = try exchange.carryOut(buy, at: slice) else { throw OrderError.malformed }
        return try finish(pending[0], bought[0], .access(day: served.day)).enumerated().map { ($1, base + 1000 + UInt64($0)) }
    }

    /// 64 becomes 4 of 16, one of them 4 of 4.
    private func exchangeDown(_ large: Token, _ base: UInt64) throws -> [Token] {
        var token = large, from = Denomination.sixtyFour, tokens: [Token] = []
        for (denomination, counter) in [(Denomination.sixteen, UInt64(100)), (.four, 200)] {
            let (order, pending) = try make(.split(from), .none, spending: [token], roles: [.credit(from, week: slice.week)], from: base + counter)
            guard case .carriedOut(let answers, _) = try exchange.carryOut(order, at: slice) else { throw OrderError.malformed }
            tokens = try finish(pending[0], answers[0], .credit(denomination, week: slice.week))
            (token, from) = (tokens[0], denomination)
        }
        return Array(tokens.prefix(3))
    }

    func spend(_ token: Token, _ counter: UInt64, mote: [UInt8], _ served: Slice, exporter: [UInt8]) throws -> Spend {
        let key = try #require(KeyID(token.input.keyID))
        let session = Signed.session(exporter, token: token.input.nonce)
        let signature = seed.signer(key, counter).sign(Signed.spend(mote: mote, served, session: session))
        return Spend(token, .spent(served, salt: seed.salt(key, counter), session: session, signature: signature))
    }
}

/// Honours the access keys of an issuer, and those of barter in one bucket.
struct IssuerKeys: AccessKeys {
    let issuer: Issuer
    var bucket: UInt8 = 0

    func key(_ id: KeyID?, for slice: Slice) -> RSAPublicKey? {
        let roles = [KeyRole.access(day: slice.day), .barterAccess(bucket: bucket, day: slice.day)]
        return roles.first { id != nil && id == issuer.key(of: $0) }.flatMap { issuer.publicKey($0) }.flatMap(TokenPublicKey.decode)
    }
}

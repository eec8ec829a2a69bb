import Ambience
import Bytes
import Damage
import Exchange
import MarketHistories
import Sealing
import Testing

/// Orders with real keys: what a wallet, an exchange and a mote do with each other.
@Suite("Orders with real tokens")
struct OrderTests {
    @Test("a wallet restored from its seed sends the same bytes, gets the same bytes, and pays once")
    func restored() throws {
        let world = ExchangeWorld()
        let (order, pending) = try world.pack(from: 7)
        let first = try world.exchange.carryOut(order, at: world.slice), before = world.store.snapshot
        let (again, _) = try world.pack(from: 7)
        #expect(again.bytes == order.bytes)
        let second = try world.exchange.carryOut(again.bytes, at: world.slice + 5)
        #expect(first == second && world.store.snapshot == before)
        #expect(try Order(order.bytes) == order)
        #expect(Reply(first.bytes) == first)
        guard case .carriedOut(let answers, _) = first else { throw OrderError.malformed }
        #expect(try world.finish(pending[0], answers[0], .credit(.twoHundredFiftySix, week: world.slice.week)).count == 3)
        #expect(world.store.rows.entries[order.id]?.contains(Entry(.prepaid, -960)) == true)
        // Another device of the same seed makes none of the same.
        let devices = try (1...2).map { try #require(WalletSeed(SecretBytes([UInt8](repeating: 1, count: 32)), device: $0)) }
        #expect(devices[0].orderKey(1).publicKey != devices[1].orderKey(1).publicKey)
    }

    @Test("a token is admitted once, by its mote, in its slice, in the TLS session that it was signed for, and nowhere else")
    func gate() throws {
        let world = ExchangeWorld(), (mote, other) = (Ed25519Key().publicKey, Ed25519Key().publicKey)
        let served = world.slice, session = SecureRandom.bytes(32), keys = IssuerKeys(issuer: world.issuer)
        let bought = try world.access(mote: mote, at: served)
        let spend = try world.spend(bought[0].token, bought[0].counter, mote: mote, served, exporter: session)
        var gate = Gate(mote: mote, size: .small, keys: keys), elsewhere = Gate(mote: other, size: .small, keys: keys)
        let otherSession = SecureRandom.bytes(32)
        #expect(throws: Gate<IssuerKeys>.Refusal.notAdmitted) { try gate.admit(spend, exporter: otherSession, at: served) }
        #expect(throws: Gate<IssuerKeys>.Refusal.notAdmitted) { try gate.admit(spend, exporter: session, at: served + 1) }
        #expect(throws: Gate<IssuerKeys>.Refusal.notAdmitted) { try gate.admit(spend, exporter: session, at: served - 2) }
        #expect(throws: Gate<IssuerKeys>.Refusal.notAdmitted) { try elsewhere.admit(spend, exporter: session, at: served) }
        let salt = world.seed.salt(try #require(KeyID(spend.token.input.keyID)), bought[0].counter)
        let copied = Spend(spend.token, .spent(served, salt: salt, session: Signed.session(otherSession, token: spend.token.input.nonce), signature: [UInt8](repeating: 1, count: 64)))
        #expect(throws: Gate<IssuerKeys>.Refusal.notAdmitted) { try gate.admit(copied, exporter: otherSession, at: served) }
        try gate.admit(spend, exporter: session, at: served)
        #expect(throws: Gate<IssuerKeys>.Refusal.used) { try gate.admit(spend, exporter: session, at: served) }
        for index in 1..<12 { try gate.admit(try world.spend(bought[index].token, bought[index].counter, mote: mote, served, exporter: session), exporter: session, at: served) }
    }

    @Test("a mote that was certified up is paid for what it admitted; one that was not is not, and its buyer gets the money back, once")
    func settled() throws {
        let world = ExchangeWorld(), mote = Ed25519Key().publicKey, served = world.slice
        let bought = try world.access(mote: mote, at: served), session = SecureRandom.bytes(32)
        let listing = Listing(mote: mote, size: .small, bucket: 0, first: served, last: served + 3, permit: KeyID([UInt8](repeating: 1, count: 32))!, isStaked: true)
        #expect(try world.store.transaction { try $0.insertListing(listing) })
        let spends = try bought.prefix(2).map { try world.spend($0.token, $0.counter, mote: mote, served, exporter: session) }
        let role = KeyRole.access(day: served.day)
        let (plain, _) = try world.make(.deposit, .mote(mote), roles: [role, role], from: 3000)
        let deposit = world.sign(Order(shape: .deposit, detail: .mote(mote), inputs: spends, outputs: plain.outputs, orderKey: [], signature: []), 3000)
        let before = world.store.snapshot
        #expect(try world.exchange.carryOut(deposit, at: served + 1) == .refused(.unearned))
        #expect(world.store.snapshot == before)
        try world.exchange.certify(mote, at: served, isUp: true)
        try world.exchange.certify(mote, at: served, isUp: false)
        guard case .carriedOut(let answers, _) = try world.exchange.carryOut(deposit, at: served + 1) else { throw OrderError.malformed }
        #expect(answers.count == 1)
        #expect(try world.exchange.carryOut(deposit, at: served + 2 * Slice.perDay) == .carriedOut(answers, isLost: false))
        #expect(world.violations.isEmpty)
    }

    @Test("orders that are damaged, cut short or of another version are refused in one way, and change nothing", arguments: 0..<4 as Range<UInt64>)
    func damaged(part: UInt64) throws {
        let world = ExchangeWorld(), (order, _) = try world.pack(from: 9), before = world.store.snapshot
        var random = SeededRandom(seed: part)
        for _ in 0..<150 {
            let bytes = Damage.some(order.bytes, &random)
            guard bytes != order.bytes else { continue }
            let reply = try world.exchange.carryOut(bytes, at: world.slice)
            #expect(reply == .refused(.malformed) || reply == .refused(.forged))
        }
        for end in stride(from: 0, to: order.bytes.count, by: 5) {
            #expect(try world.exchange.carryOut(Array(order.bytes[..<end]), at: world.slice) == .refused(.malformed))
        }
        #expect(world.store.snapshot == before)
    }

    @Test("29 bad encodings, the identity, and blocks above the modulus are refused, and nothing is paid")
    func badBlinded() throws {
        let world = ExchangeWorld(), (order, _) = try world.pack(from: 11), before = world.store.snapshot
        let bad = try Vectors.load("rfc9496_ristretto255").list("invalid_encodings").map { try $0.bytes("encoding") } + [[UInt8](repeating: 0, count: 32)]
        for encoding in bad {
            let first = Batch(key: order.outputs[0].key, type: .voprf, blinded: [encoding] + order.outputs[0].blinded.dropFirst())
            let changed = world.sign(Order(shape: .prepay, detail: order.detail, inputs: [], outputs: [first, order.outputs[1]], orderKey: [], signature: []), 11)
            #expect(try world.exchange.carryOut(changed, at: world.slice) == .refused(.malformed))
        }
        #expect(world.store.snapshot == before)
    }

    @Test("messages have few lengths, and padding that is not zeros is refused")
    func padding() throws {
        for count in [0, 1, 8188, 8189, 16_380, 60_000, 131_068] {
            let padded = try #require(Padding.pad([UInt8](repeating: 5, count: count)))
            #expect([8 << 10, 16 << 10, 64 << 10, 128 << 10].contains(padded.count))
            #expect(Padding.strip(padded) == [UInt8](repeating: 5, count: count))
            if count < 8188 { #expect(Padding.strip(padded.dropLast() + [1]) == nil) }
        }
        #expect(Padding.pad([UInt8](repeating: 5, count: 131_069)) == nil && Padding.strip([1, 2]) == nil)
    }

    @Test("a newcomer's permit costs work instead of a stake, there are only so many, and it lists one mote once")
    func trial() throws {
        let world = ExchangeWorld(), start = world.slice + 2, role = KeyRole.permit(start, .small, isStaked: false)
        let key = try #require(world.issuer.open(role, ExchangeWorld.rsa[2]))
        // One nonce in 1,024 is enough by chance.
        let made = try (UInt8(0)..<4).map { try world.make(.trial(.small), .work(start, nonce: [$0, 0, 0, 0, 0, 0, 0, 0]), from: 50) }
        let (unworked, pending) = try #require(made.first { !Work.isEnough($0.0.core, bits: ExchangeWorld.workBits) })
        #expect(try world.exchange.carryOut(unworked, at: world.slice) == .refused(.forged))
        let order = try #require(work(on: unworked, start, world, from: 0))
        #expect(try world.exchange.carryOut(order, at: world.slice) == .carriedOut([], isLost: true))
        try world.store.transaction { try $0.setAllowance(start, .small, isStaked: false, 1) }
        let again = try #require(work(on: unworked, start, world, from: 1 << 40))
        guard case .carriedOut(let answers, false) = try world.exchange.carryOut(again, at: world.slice) else { throw OrderError.malformed }
        let permit = try world.finish(pending[0], answers[0], role)[0], mote = world.seed.signer(key, 50)
        #expect(permit.input.nonce == mote.publicKey)
        let offer = { (last: Slice, signature: [UInt8]) in
            Offer(
                permit: permit, size: .small, bucket: 3, first: start, last: last, group: 3, address: [1], keyRoot: [UInt8](repeating: 0, count: 32), signature: signature)
        }
        let signed = offer(start + 3, mote.sign(offer(start + 3, []).signed))
        #expect(try world.exchange.list(offer(start + 4, mote.sign(offer(start + 4, []).signed)), at: world.slice) == .malformed)
        #expect(try world.exchange.list(offer(start + 2, signed.signature), at: world.slice) == .forged)
        #expect(try world.exchange.list(signed, at: start + 4) == .untimely)
        #expect(try world.exchange.list(signed, at: world.slice) == nil)
        #expect(try world.exchange.list(signed, at: world.slice) == .spent)
    }

    /// The same order with work that is enough.
    private func work(on order: Order, _ start: Slice, _ world: ExchangeWorld, from first: UInt64) -> Order? {
        let key = world.seed.orderKey(50)
        for number in first..<first + 100_000 {
            let detail = OrderDetail.work(start, nonce: Slice(Int64(number)).bytes)
            let worked = Order(shape: order.shape, detail: detail, inputs: [], outputs: order.outputs, orderKey: key.publicKey, signature: [])
            if Work.isEnough(worked.core, bits: ExchangeWorld.workBits) { return world.sign(worked, 50) }
        }
        return nil
    }

    @Test("a key's name says what it is for, so an issuer cannot give one wallet another key for the same")
    func keyNames() {
        let world = ExchangeWorld(), role = KeyRole.credit(.four, week: world.slice.week)
        #expect(world.issuer.open(role) == KeyID(role, publicKey: world.issuer.publicKey(role)!))
        #expect(world.issuer.open(.access(day: world.slice.day), ExchangeWorld.rsa[2]) == nil)
        #expect(KeyID(role, publicKey: [1]) != KeyID(.credit(.four, week: world.slice.week + 1), publicKey: [1]))
        #expect(KeyID(role, publicKey: [1]) != KeyID(role, publicKey: [2]))
    }
}

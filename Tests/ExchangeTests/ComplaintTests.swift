import Exchange
import MarketHistories
import Sealing
import Testing

@Suite("Complaints about motes")
struct ComplaintTests {
    private static let mote = Ed25519Key()

    /// A world with a listed mote, and a token for it.
    private func bought() throws -> (world: ExchangeWorld, token: Token, salt: [UInt8], signer: Ed25519Key) {
        let world = ExchangeWorld(), mote = Self.mote.publicKey, (token, counter) = try world.access(mote: mote, at: world.slice)[0], key = try #require(KeyID(token.input.keyID))
        try world.store.transaction { statements in
            _ = try statements.insertListing(Listing(mote: mote, size: .small, bucket: 0, first: world.slice, last: world.slice + 3, permit: key, isStaked: false))
        }
        return (world, token, world.seed.salt(key, counter), world.seed.signer(key, counter))
    }

    private func complaint(_ token: Token, _ slice: Slice, _ salt: [UInt8], by key: Ed25519Key, of mote: [UInt8] = mote.publicKey) -> Complaint {
        Complaint(mote: mote, slice: slice, token: token, salt: salt, signature: key.sign(Signed.failed(mote: mote, slice)))
    }

    @Test("counts by whoever has the token's key, for its mote and slice, while it can be deposited, and changes nothing in the ledger")
    func counts() throws {
        let (world, token, salt, signer) = try bought(), slice = world.slice, before = world.store.rows
        let good = complaint(token, slice, salt, by: signer)
        #expect(try Complaint(good.bytes) == good)
        #expect(try world.exchange.check(good, at: slice) == nil)
        #expect(try world.exchange.check(good, at: Slice.first(ofDay: slice.day + 2) - 1) == nil)
        #expect(try world.exchange.check(good, at: Slice.first(ofDay: slice.day + 2)) == .untimely)
        #expect(world.store.rows.entries == before.entries && world.store.rows.nullifiers == before.nullifiers)
    }

    @Test("of another mote, slice or token, by another key, or of a mote that nobody listed, does not count")
    func refused() throws {
        let (world, token, salt, signer) = try bought(), slice = world.slice, other = Ed25519Key()
        var forged = token.bytes
        forged[forged.count - 1] ^= 1
        let damaged = try Token(forged)
        for wrong in [
            complaint(token, slice, salt, by: other), complaint(token, slice, salt, by: signer, of: other.publicKey), complaint(token, slice - 1, salt, by: signer),
            complaint(token, slice, [UInt8](repeating: 0, count: 32), by: signer), complaint(damaged, slice, salt, by: signer),
        ] { #expect(try world.exchange.check(wrong, at: slice) == .forged) }
        #expect(try world.exchange.check(complaint(token, slice + 1, salt, by: signer), at: slice) == .untimely)
        let stranger = other.publicKey, (unlisted, counter) = try world.access(mote: stranger, at: slice, from: 5_000)[0], key = try #require(KeyID(unlisted.input.keyID))
        let unheard = complaint(unlisted, slice, world.seed.salt(key, counter), by: world.seed.signer(key, counter), of: stranger)
        #expect(try world.exchange.check(unheard, at: slice) == .unearned)
        #expect(throws: OrderError.self) { try Complaint(Array(unheard.bytes.dropLast())) }
    }

    @Test("what is published of them is read as it was written, and nothing else is")
    func published() {
        let count = ComplaintCount(mote: Self.mote.publicKey, slice: Slice(7), count: 3)
        #expect(ComplaintCount(count.bytes) == count && ComplaintCount(count.bytes + [0]) == nil && ComplaintCount([]) == nil)
    }
}

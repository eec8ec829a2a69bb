internal import Bytes
internal import Sealing

/// A mote says that it is to be had (M4). Public, and the first time that the exchange sees the mote's key.
package struct Offer: Hashable, Sendable {
    package let permit: Token
    package let size: MoteClass
    package let bucket: UInt8
    package let first: Slice
    package let last: Slice
    /// Which provider group it is of, for the cap on groups.
    package let group: UInt8
    /// Where it is reached, as the network's documents name it.
    package let address: [UInt8]
    /// The root of the key log that the mote saw: whoever is shown another one finds it here.
    package let keyRoot: [UInt8]
    package let signature: [UInt8]

    package init(permit: Token, size: MoteClass, bucket: UInt8, first: Slice, last: Slice, group: UInt8, address: [UInt8], keyRoot: [UInt8], signature: [UInt8]) {
        (self.permit, self.size, self.bucket, self.first, self.last, self.group) = (permit, size, bucket, first, last, group)
        (self.address, self.keyRoot, self.signature) = (address, keyRoot, signature)
    }

    package static let addressLimitBytes = 256

    package var mote: [UInt8] { permit.input.nonce }

    /// What the mote signs.
    package var signed: [UInt8] { Array("dust-offer".utf8) + head }
    package var bytes: [UInt8] { head + signature }

    private var head: [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.append(permit.bytes)
        writer.append([size.rawValue, bucket, group])
        writer.append(first.bytes + last.bytes)
        writer.u16(UInt16(truncatingIfNeeded: address.count))
        writer.append(address + keyRoot)
        return writer.bytes
    }

    package init(_ bytes: [UInt8]) throws(OrderError) {
        do {
            var reader = ByteReader(bytes)
            let permit = try Token(&reader)
            guard let size = MoteClass(rawValue: try reader.u8()) else { throw OrderError.malformed }
            let (bucket, group, first, last) = (try reader.u8(), try reader.u8(), try Slice(&reader), try Slice(&reader)), count = Int(try reader.u16())
            guard count <= Self.addressLimitBytes, first <= last else { throw OrderError.malformed }
            self.init(
                permit: permit, size: size, bucket: bucket, first: first, last: last, group: group, address: try reader.bytes(count), keyRoot: try reader.bytes(32),
                signature: try reader.bytes(64))
            guard reader.isAtEnd else { throw OrderError.malformed }
        } catch { throw .malformed }
    }
}

/// That a mote told a buyer that it had no room, and deposited the buyer's token all the same.
package struct FraudProof: Hashable, Sendable {
    package let mote: [UInt8]
    package let slice: Slice
    /// The token, and the salt that shows that it was for that mote and slice.
    package let token: Token
    package let salt: [UInt8]
    /// The mote's signature over "full".
    package let receipt: [UInt8]

    package init(mote: [UInt8], slice: Slice, token: Token, salt: [UInt8], receipt: [UInt8]) {
        (self.mote, self.slice, self.token, self.salt, self.receipt) = (mote, slice, token, salt, receipt)
    }

    package var bytes: [UInt8] { mote + slice.bytes + token.bytes + salt + receipt }

    package init(_ bytes: [UInt8]) throws(OrderError) {
        do {
            var reader = ByteReader(bytes)
            self.init(
                mote: try reader.bytes(32), slice: try Slice(&reader), token: try Token(&reader), salt: try reader.bytes(32), receipt: try reader.bytes(64))
            guard reader.isAtEnd else { throw OrderError.malformed }
        } catch { throw .malformed }
    }
}

extension Exchange {
    /// Lists a mote. The permit limits how many there are, and its provider group how many of those are alike; nothing says whose it is.
    package func list(_ offer: Offer, at slice: Slice) throws -> Refusal? {
        guard let key = KeyID(offer.permit.input.keyID), case .permit(let start, let size, let isStaked)? = desk.role(of: key), size == offer.size,
            rules.groups[offer.bucket] == offer.group, offer.keyRoot.count == 32, offer.address.count <= Offer.addressLimitBytes,
            offer.first >= start, offer.last >= offer.first, offer.last < start + MoteClass.slicesPerPermit
        else { return .malformed }
        guard slice >= start - 4, slice <= offer.last else { return .untimely }
        guard offer.permit.input.challengeDigest == Challenges.permit(from: start).digest, desk.isSigned(offer.signature, offer.signed, by: offer.mote),
            desk.isGenuine(offer.permit, .permit(start, size, isStaked: isStaked))
        else { return .forged }
        let listing = Listing(mote: offer.mote, size: size, bucket: offer.bucket, first: offer.first, last: offer.last, permit: key, isStaked: isStaked)
        do {
            try store.transaction { try insert(listing, &$0) }
            return nil
        } catch let refusal as Refusal { return refusal }
    }

    /// No provider group has more than its part of a slice's shares: who can look into a third of them learns too much.
    private func insert(_ listing: Listing, _ statements: inout Store.Statements) throws {
        // A stake that was taken back lists nothing any more.
        guard try !statements.isSpent(listing.permit, listing.mote), try statements.insertListing(listing) else { throw Refusal.spent }
        for slice in listing.first...listing.last {
            let shares = try statements.shares(at: slice), own = shares.filter { rules.groups[$0.key] == rules.groups[listing.bucket] }
            guard rules.allows(own.values.reduce(0, +), of: shares.values.reduce(0, +), with: listing.size) else { throw Refusal.crowded }
        }
    }

    /// Notes what the probes of a slice said. The first word stands.
    package func certify(_ mote: [UInt8], at slice: Slice, isUp: Bool) throws {
        try store.transaction { statements in
            if try statements.isUp(mote, at: slice) == nil { try statements.insertCertificate(mote, at: slice, isUp: isUp) }
        }
    }

    /// Takes the stake of a mote that said "full" of a token and then deposited it. It is burned, so nobody gains by accusing.
    ///
    /// Only while the token can be deposited: afterwards its buyer may have been refunded, and the ledger does not know one from the other.
    package func slash(_ proof: FraudProof, at slice: Slice) throws -> Refusal? {
        guard let key = KeyID(proof.token.input.keyID), let role = desk.role(of: key), case .access = role, proof.salt.count == 32 else { return .malformed }
        guard role.accepted.contains(slice) else { return .untimely }
        let message = Signed.receipt(of: proof.token.input.nonce, proof.slice, isServed: false)
        guard Challenges.access(mote: proof.mote, proof.slice, salt: proof.salt).digest == proof.token.input.challengeDigest,
            desk.isSigned(proof.receipt, message, by: proof.mote), desk.isGenuine(proof.token, role)
        else { return .forged }
        let id = Digest.sha256(Array("dust-slash".utf8) + proof.mote + proof.slice.bytes)
        return try store.transaction { statements in
            guard let listing = try statements.listing(proof.mote, at: proof.slice), listing.isStaked, try statements.isSpent(key, proof.token.input.nonce)
            else { return .unearned }
            // The permit counts as spent, so its stake cannot be had back.
            guard try statements.outcome(of: id) == nil, try statements.insertNullifier(listing.permit, proof.mote) else { return .spent }
            try burnStake(of: listing, id, &statements, at: slice)
            return nil
        }
    }

    private func burnStake(of listing: Listing, _ id: [UInt8], _ statements: inout Store.Statements, at slice: Slice) throws {
        let stake = 3 * listing.size.stake.value
        var count = try statements.count(listing.permit)
        count.redeemed += 1
        try statements.insertRequest(id, .unstake(listing.size), at: slice, .lost)
        try statements.setCount(listing.permit, count)
        try statements.insertEntry(id, Entry(.stake, -stake))
        try statements.insertEntry(id, Entry(.burned, stake))
    }

    /// Burns what is left of a key that nobody takes any more, and forgets what was spent with it. Doing it twice does nothing.
    package func retire(_ key: KeyID, at slice: Slice) throws {
        guard let role = desk.role(of: key), slice >= role.forgotten else { return }
        let id = Digest.sha256(Array("dust-retire".utf8) + key.bytes)
        try store.transaction { statements in
            guard try statements.outcome(of: id) == nil else { return }
            let count = try statements.count(key)
            let rest = (count.issued - count.redeemed) * role.value
            try statements.insertRequest(id, .refund, at: slice, .lost)
            if let account = role.account, rest > 0 {
                try statements.insertEntry(id, Entry(account, -rest))
                try statements.insertEntry(id, Entry(.burned, rest))
            }
            try statements.forgetTokens(of: key)
        }
    }
}

package import Sealing

/// Where a mote that is on the exchange admits whoever shows it an access token. It needs nobody: the token names this mote and a slice, so
/// having been used can be seen here alone; and its own key signs this very TLS session, so a copy of it is useless.
package struct Gate<Keys: AccessKeys> {
    package enum Refusal: Error, Equatable {
        /// Another mote's, another slice's, not genuine, or another session's.
        case notAdmitted
        /// It was here before.
        case used
        /// All shares of the slice are taken.
        case full
    }

    private let mote: [UInt8]
    private var shares: Int
    private var keys: Keys
    /// Tokens of the last slice, this one and the next, by slice: as many as there are shares at most.
    private var used: [Slice: Set<[UInt8]>] = [:]

    package init(mote: [UInt8], size: MoteClass, keys: Keys) {
        (self.mote, shares, self.keys) = (mote, Int(size.shares), keys)
    }

    /// The exchange's keys of another day, or another offer. What was admitted stays so.
    package mutating func renew(size: MoteClass, keys: Keys) { (shares, self.keys) = (Int(size.shares), keys) }

    /// Counts what was admitted before a restart.
    package mutating func restore(_ record: SpendRecord) { used[record.slice, default: []].insert(record.token.input.nonce) }

    /// Whether one more would be admitted: what the mote says, signed, before anybody shows a token.
    package func hasRoom(in slice: Slice) -> Bool { used[slice, default: []].count < shares }

    /// Shares that were taken in a slice, this one or the one before it.
    package func taken(in slice: Slice) -> Int { used[slice]?.count ?? 0 }

    /// Admits the token for that slice, now or one ahead. The spend is the evidence for a deposit: keep it before serving.
    package mutating func admit(_ spend: Spend, exporter: [UInt8], at now: Slice) throws(Refusal) {
        guard case .spent(let slice, let salt, let session, let signature) = spend.evidence, slice == now || slice == now + 1, salt.count == 32,
            session == Signed.session(exporter, token: spend.token.input.nonce)
        else { throw .notAdmitted }
        let input = spend.token.input
        guard Challenges.access(mote: mote, slice, salt: salt).digest == input.challengeDigest, let key = keys.key(KeyID(input.keyID), for: slice) else { throw .notAdmitted }
        // Cheap checks before dear ones: what was here before costs no signature.
        guard !used[slice, default: []].contains(input.nonce) else { throw .used }
        guard hasRoom(in: slice) else { throw .full }
        guard spend.token.isGenuine(key), Ed25519.verify(signature, of: Signed.spend(mote: mote, slice, session: session), by: input.nonce) else { throw .notAdmitted }
        used = used.filter { $0.key >= now - 1 }
        used[slice, default: []].insert(input.nonce)
    }
}

/// The exchange's public access keys that a mote honours.
package protocol AccessKeys {
    /// `nil` unless that is a key for access in that slice, to this mote's bucket if it is one of barter.
    func key(_ id: KeyID?, for slice: Slice) -> RSAPublicKey?
}

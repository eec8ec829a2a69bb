package import Exchange
package import Sealing

/// Access tokens of one day as the exchange would sign them, and the key with which motes check them.
// SAFETY: OpenSSL does not change the key when it signs or checks.
package struct AccessTokens: AccessKeys, @unchecked Sendable {
    package struct Bought: Sendable {
        package let token: Token
        package let salt: [UInt8]
        package let seed: SecretBytes

        /// For a mote, as a client has it from its wallet.
        package func ticket(mote: [UInt8], _ slice: Slice, time: MarketTime = .usual, relay: RSAIdentity = RSAIdentity([UInt8](repeating: 7, count: 20))!) -> Ticket? {
            Ticket(time: time, slices: slice...slice, mote: mote, relay: relay, access: .token(token, salt: salt), seed: seed)
        }
    }

    private let secret = RSAKey.generateLocked(bits: 2048)
    package let role: KeyRole

    package init(_ role: KeyRole) { self.role = role }

    package var id: KeyID { KeyID(role, publicKey: TokenPublicKey.encode(secret.publicKey)) }
    package var publicKey: RSAPublicKey { secret.publicKey }

    package func key(_ id: KeyID?, for slice: Slice) -> RSAPublicKey? {
        switch role {
        case .access(slice.day), .barterAccess(3, slice.day): id == self.id ? secret.publicKey : nil
        default: nil
        }
    }

    package func buy(mote: [UInt8], _ slice: Slice) throws -> Bought {
        let seed = SecretBytes.random(32), salt = SecureRandom.bytes(32)
        let input = TokenInput(
            type: .blindRSA, nonce: Ed25519Key(seed: seed.copy).publicKey, challengeDigest: Challenges.access(mote: mote, slice, salt: salt).digest, keyID: id.bytes)
        guard let pending = PendingToken(input: input, blind: .random(PendingToken.rsaBlindBytes), salt: SecureRandom.bytes(PendingToken.rsaSaltBytes)),
            let blinded = pending.blindedMessage(for: secret.publicKey), let signed = secret.signBlock(blinded), let token = pending.finalize(signed, key: secret.publicKey)
        else { throw OrderError.malformed }
        return Bought(token: token, salt: salt, seed: seed)
    }
}

import Sealing

@testable import Exchange

/// Access tokens of one day as the exchange would sign them, and the key with which motes check them.
struct AccessTokens: AccessKeys {
    struct Bought {
        let token: Token
        let salt: [UInt8]
        let seed: SecretBytes

        var key: Ed25519Key { Ed25519Key(seed: seed.copy) }

        func spend(mote: [UInt8], _ slice: Slice, exporter: [UInt8]) -> Spend {
            Spend(token, .spent(slice, salt: salt, exporter: exporter, signature: key.sign(Signed.spend(mote: mote, slice, exporter: exporter))))
        }
    }

    private let secret = RSAKey.generateLocked(bits: 2048)
    let role: KeyRole

    init(_ role: KeyRole) { self.role = role }

    private var id: KeyID { KeyID(role, publicKey: TokenPublicKey.encode(secret.publicKey)) }

    func key(_ id: KeyID?, for slice: Slice) -> RSAPublicKey? {
        switch role {
        case .access(slice.day), .barterAccess(3, slice.day): id == self.id ? secret.publicKey : nil
        default: nil
        }
    }

    func buy(mote: [UInt8], _ slice: Slice) throws -> Bought {
        let seed = SecretBytes.random(32), salt = SecureRandom.bytes(32)
        let input = TokenInput(
            type: .blindRSA, nonce: Ed25519Key(seed: seed.copy).publicKey, challengeDigest: Challenges.access(mote: mote, slice, salt: salt).digest, keyID: id.bytes)
        guard let pending = PendingToken(input: input, blind: .random(PendingToken.rsaBlindBytes), salt: SecureRandom.bytes(PendingToken.rsaSaltBytes)),
            let blinded = pending.blindedMessage(for: secret.publicKey), let signed = secret.signBlock(blinded), let token = pending.finalize(signed, key: secret.publicKey)
        else { throw OrderError.malformed }
        return Bought(token: token, salt: salt, seed: seed)
    }
}

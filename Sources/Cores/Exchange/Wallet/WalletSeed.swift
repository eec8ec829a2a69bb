internal import Bytes
package import Sealing

/// The 32 bytes from which a wallet makes all its secrets: whoever has them and knows how far the counters went has the wallet.
///
/// A token's nonce, blind and salt are functions of the seed, the device, the key and a counter, so an order that was lost is made again
/// bit for bit, and the exchange answers it as a repetition. Two devices never make the same.
package struct WalletSeed: Sendable {
    package static let bytesCount = 32
    /// Counters that are taken at once, and written down before any of them is used.
    package static let block: UInt64 = 64

    private let secret: SecretBytes
    private let device: UInt16

    /// `nil` unless there are 32 bytes.
    package init?(_ secret: SecretBytes, device: UInt16) {
        guard secret.count == Self.bytesCount else { return nil }
        (self.secret, self.device) = (secret, device)
    }

    private enum Purpose: String { case nonce, blind, salt, signer, order, backup }

    private func derive(_ purpose: Purpose, _ key: [UInt8], _ counter: UInt64, count: Int) -> SecretBytes {
        var info = ByteWriter(capacity: 64)
        info.append("dust-wallet-1 \(purpose.rawValue)\0")
        info.u16(device)
        info.append(key)
        info.u64(counter)
        return Digest.expandSHA512(secret: secret, info: info.bytes, count: count)
    }

    /// The key that is the nonce of an access token or a permit, and spends it.
    package func signer(_ key: KeyID, _ counter: UInt64) -> Ed25519Key {
        var seed = derive(.signer, key.bytes, counter, count: 32).copy
        defer { seed.wipe() }
        return Ed25519Key(seed: seed)
    }

    /// The same key's seed, 32 bytes: for a mote that runs by itself, or a ticket.
    package func signerSeed(_ key: KeyID, _ counter: UInt64) -> SecretBytes { derive(.signer, key.bytes, counter, count: 32) }

    /// Whom the own motes let in for nothing.
    package var owner: Ed25519Key { orderKey(.max) }
    /// The same key's seed, 32 bytes: for a ticket.
    package var ownerSeed: SecretBytes { derive(.order, [], .max, count: 32) }

    /// For backups: one key to encrypt with and one to authenticate, from a nonce of the backup's own.
    package func backupKey(_ nonce: [UInt8]) -> SecretBytes { derive(.backup, nonce, 0, count: 96) }

    /// What opens an access token's challenge to its mote.
    package func salt(_ key: KeyID, _ counter: UInt64) -> [UInt8] { derive(.salt, key.bytes, counter, count: 32).copy }

    /// A fresh key for one order.
    package func orderKey(_ counter: UInt64) -> Ed25519Key {
        var seed = derive(.order, [], counter, count: 32).copy
        defer { seed.wipe() }
        return Ed25519Key(seed: seed)
    }

    /// A token to be. `nil` only if a blind comes to zero, which none does.
    package func pending(_ role: KeyRole, _ key: KeyID, _ counter: UInt64, challenge: TokenChallenge) -> PendingToken? {
        let isVOPRF = role.tokenType == .voprf
        let nonce = isVOPRF ? derive(.nonce, key.bytes, counter, count: 32).copy : signer(key, counter).publicKey
        let input = TokenInput(type: role.tokenType, nonce: nonce, challengeDigest: challenge.digest, keyID: key.bytes)
        let blind = derive(.blind, key.bytes, counter, count: isVOPRF ? 64 : PendingToken.rsaBlindBytes + PendingToken.rsaSaltBytes)
        guard !isVOPRF else { return PendingToken(input: input, blind: blind, salt: []) }
        var both = blind.copy
        defer { both.wipe() }
        return PendingToken(input: input, blind: SecretBytes(both.prefix(PendingToken.rsaBlindBytes)), salt: Array(both.suffix(PendingToken.rsaSaltBytes)))
    }
}

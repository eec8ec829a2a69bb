package import Sealing

/// The exchange's private keys, in locked memory. VOPRF keys come from a seed; RSA keys are made once and kept by the caller.
package final class Issuer: TokenDesk {
    private let seed: SecretBytes
    package let cashier: [UInt8]
    private var functions: [KeyRole: VOPRFKey] = [:]
    private var signers: [KeyRole: Signer] = [:]
    private var ids: [KeyRole: KeyID] = [:]
    private var roles: [KeyID: KeyRole] = [:]

    private struct Signer {
        let publicKey: RSAPublicKey
        /// Brings the private key, which need not be in memory all the time.
        let load: () -> RSAKey?
    }

    /// `nil` unless the seed has 32 bytes.
    package init?(seed: SecretBytes, cashier: [UInt8]) {
        guard seed.count == 32 else { return nil }
        (self.seed, self.cashier) = (seed, cashier)
    }

    /// Opens a key of the VOPRF; again gives the same. `nil` for a role that is not one of its.
    @discardableResult
    package func open(_ role: KeyRole) -> KeyID? {
        if let id = ids[role] { return id }
        guard role.tokenType == .voprf, let key = VOPRFKey(seed: seed, info: role.bytes) else { return nil }
        functions[role] = key
        return note(role, key.publicKey.bytes)
    }

    /// Opens a role with a key of 2,048 bits; `nil` for one of another kind or length, or if the role has another key: a second one would
    /// part those who use it from the others.
    @discardableResult
    package func open(_ role: KeyRole, _ key: RSAKey) -> KeyID? { open(role, key.publicKey) { key } }

    /// The same for a key that is brought whenever something is signed with it.
    @discardableResult
    package func open(_ role: KeyRole, _ publicKey: RSAPublicKey, _ load: @escaping () -> RSAKey?) -> KeyID? {
        guard role.tokenType == .blindRSA, ids[role] == nil, publicKey.bits == 2048 else { return nil }
        signers[role] = Signer(publicKey: publicKey, load: load)
        return note(role, TokenPublicKey.encode(publicKey))
    }

    /// Lets a key go that nobody needs any more.
    package func close(_ role: KeyRole) {
        guard let id = ids[role] else { return }
        (functions[role], signers[role], ids[role], roles[id]) = (nil, nil, nil, nil)
    }

    /// All that are open.
    package var openRoles: [KeyRole] { Array(ids.keys) }

    private func note(_ role: KeyRole, _ publicKey: [UInt8]) -> KeyID {
        let id = KeyID(role, publicKey: publicKey)
        (ids[role], roles[id]) = (id, role)
        return id
    }

    /// As it is published.
    package func publicKey(_ role: KeyRole) -> [UInt8]? { functions[role]?.publicKey.bytes ?? signers[role].map { TokenPublicKey.encode($0.publicKey) } }

    package func role(of key: KeyID) -> KeyRole? { roles[key] }
    package func key(of role: KeyRole) -> KeyID? { ids[role] }

    package func isGenuine(_ token: Token, _ role: KeyRole) -> Bool {
        if let function = functions[role] { return token.isGenuine(function) }
        return signers[role].map { token.isGenuine($0.publicKey) } ?? false
    }

    /// For the VOPRF, one proof for the batch; for RSA, the signatures one after another.
    package func issue(_ batch: Batch, _ role: KeyRole) -> [UInt8]? {
        if let function = functions[role] {
            let elements = batch.blinded.compactMap { RistrettoElement(canonical: $0) }
            return elements.count == batch.blinded.count ? function.evaluate(elements)?.bytes(isBatch: true) : nil
        }
        guard let signer = signers[role]?.load() else { return nil }
        let signed = batch.blinded.compactMap { signer.signBlock($0) }
        return signed.count == batch.blinded.count ? Array(signed.joined()) : nil
    }

    package func isSigned(_ signature: [UInt8], _ message: [UInt8], by key: [UInt8]) -> Bool { Ed25519.verify(signature, of: message, by: key) }
}

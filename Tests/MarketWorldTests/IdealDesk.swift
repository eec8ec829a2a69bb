import Exchange
import Sealing

/// An issuer whose blinding is perfect by construction: a blinded message is drawn at random and has nothing to do with the token, which
/// its buyer gets from `sign`. So whatever an insider finds here, it finds without breaking any cryptography; and ten thousand wallets
/// cost seconds. That the real blinding hides as much is the business of the vectors and of the markets that real programs run.
final class IdealDesk: TokenDesk {
    private var roles: [KeyID: KeyRole] = [:]
    private var keys: [KeyRole: KeyID] = [:]
    let cashier = [UInt8](repeating: 0xCA, count: 32)

    func role(of key: KeyID) -> KeyRole? { roles[key] }

    func key(of role: KeyRole) -> KeyID? {
        if let key = keys[role] { return key }
        let key = KeyID(role, publicKey: Array("ideal".utf8))
        (roles[key], keys[role]) = (role, key)
        return key
    }

    private func mac(_ role: KeyRole, _ bytes: [UInt8]) -> [UInt8] {
        let digest = Digest.sha512(role.bytes + bytes)
        return role.tokenType == .voprf ? digest : digest + digest + digest + digest
    }

    /// What a buyer makes of an answer.
    func sign(_ input: TokenInput, _ role: KeyRole) -> Token { Token(input: input, authenticator: mac(role, input.bytes)) }

    func isGenuine(_ token: Token, _ role: KeyRole) -> Bool { token.authenticator == mac(role, token.input.bytes) }

    /// Says that the messages were answered; what they were is known to nobody but their buyer.
    func issue(_ batch: Batch, _ role: KeyRole) -> [UInt8]? { [UInt8(batch.blinded.count)] }

    /// Nobody here forges orders.
    func isSigned(_ signature: [UInt8], _ message: [UInt8], by key: [UInt8]) -> Bool { signature.count == 64 }
}

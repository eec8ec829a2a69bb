package import Exchange
internal import Sealing

/// Keys and signatures that cost a digest, and hide nothing: for what is about the ledger, not about the arithmetic.
package final class ToyDesk: TokenDesk {
    private var roles: [KeyID: KeyRole] = [:]
    private var keys: [KeyRole: KeyID] = [:]
    package let cashier = [UInt8](repeating: 0xCA, count: 32)

    package init() {}

    package var known: [KeyID: KeyRole] { roles }

    package func role(of key: KeyID) -> KeyRole? { roles[key] }

    package func key(of role: KeyRole) -> KeyID? {
        if let key = keys[role] { return key }
        let key = KeyID(role, publicKey: Array("toy".utf8))
        (roles[key], keys[role]) = (role, key)
        return key
    }

    private func mac(_ role: KeyRole, _ blinded: [UInt8]) -> [UInt8] {
        let digest = Digest.sha512(role.bytes + blinded)
        return (0..<role.tokenType.authenticatorBytes / 64).flatMap { _ in digest }
    }

    package func isGenuine(_ token: Token, _ role: KeyRole) -> Bool { token.authenticator == mac(role, Self.blinded(token.input)) }

    package func issue(_ batch: Batch, _ role: KeyRole) -> [UInt8]? {
        batch.blinded.allSatisfy { $0.first != 0xFF } ? batch.blinded.flatMap { mac(role, $0) } : nil
    }

    package func isSigned(_ signature: [UInt8], _ message: [UInt8], by key: [UInt8]) -> Bool { signature == Self.sign(message, key) }

    package static func sign(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] { Digest.sha512(key + message) }

    /// Its first byte is not 0xFF, which stands for what no key can answer.
    package static func blinded(_ input: TokenInput) -> [UInt8] {
        let digest = Digest.sha256(input.bytes)
        let all = (0..<input.type.blindedBytes / 32).flatMap { _ in digest }
        return [all[0] & 0x7F] + all[1...]
    }

    package static func tokens(_ inputs: [TokenInput], _ answer: [UInt8]) -> [Token] {
        let count = inputs.first?.type.authenticatorBytes ?? 1
        precondition(answer.count == count * inputs.count, "an answer has a part for each token")
        return inputs.enumerated().map { Token(input: $1, authenticator: Array(answer[$0 * count..<($0 + 1) * count])) }
    }
}

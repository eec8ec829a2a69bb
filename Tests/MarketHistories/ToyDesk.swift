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

    /// With the bytes of a role, which are the same for a whole batch.
    private static func mac(_ role: [UInt8], _ type: TokenType, _ blinded: [UInt8]) -> [UInt8] {
        let digest = Digest.sha512(role + blinded)
        if type.authenticatorBytes == digest.count { return digest }
        var mac: [UInt8] = []
        mac.reserveCapacity(type.authenticatorBytes)
        while mac.count < type.authenticatorBytes { mac += digest }
        return mac
    }

    package func isGenuine(_ token: Token, _ role: KeyRole) -> Bool { token.authenticator == Self.mac(role.bytes, role.tokenType, Self.blinded(token.input)) }

    package func issue(_ batch: Batch, _ role: KeyRole) -> [UInt8]? {
        guard batch.blinded.allSatisfy({ $0.first != 0xFF }) else { return nil }
        let name = role.bytes
        var answer: [UInt8] = []
        for blinded in batch.blinded { answer += Self.mac(name, role.tokenType, blinded) }
        return answer
    }

    package func isSigned(_ signature: [UInt8], _ message: [UInt8], by key: [UInt8]) -> Bool { signature == Self.sign(message, key) }

    package static func sign(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] { Digest.sha512(key + message) }

    /// Its first byte is not 0xFF, which stands for what no key can answer.
    package static func blinded(_ input: TokenInput) -> [UInt8] {
        let digest = Digest.sha256(input.bytes)
        var all: [UInt8] = []
        all.reserveCapacity(input.type.blindedBytes)
        while all.count < input.type.blindedBytes { all += digest }
        all[0] &= 0x7F
        return all
    }

    package static func tokens(_ inputs: [TokenInput], _ answer: [UInt8]) -> [Token] {
        let count = inputs.first?.type.authenticatorBytes ?? 1
        precondition(answer.count == count * inputs.count, "an answer has a part for each token")
        return inputs.enumerated().map { Token(input: $1, authenticator: Array(answer[$0 * count..<($0 + 1) * count])) }
    }
}

internal import Bytes
package import Sealing

/// What a wallet keeps to make a token of the issuer's answer. It is a value with an encoding, so that it is on disk before anything is sent:
/// a blind that is lost after that is a token that is lost. Whoever reads it can link the token to its issuance.
package struct PendingToken: Sendable {
    package let input: TokenInput
    /// A scalar of 32 bytes, or 272 bytes that become a number below the modulus.
    private let blind: SecretBytes
    /// PSS's salt; empty with the VOPRF.
    private let salt: [UInt8]

    package static let rsaBlindBytes = 272
    package static let rsaSaltBytes = 48

    /// With randomness of the caller's: from the wallet's seed, so that a restored wallet makes the same token again.
    /// `nil` unless the blind has 64 bytes (VOPRF) or `rsaBlindBytes`, and the salt none or `rsaSaltBytes`; or if the blind is zero.
    package init?(input: TokenInput, blind: SecretBytes, salt: [UInt8]) {
        self.input = input
        self.salt = salt
        switch input.type {
        case .voprf:
            var wide = blind.copy
            defer { wide.wipe() }
            guard let scalar = RistrettoScalar(reducing: wide), salt.isEmpty else { return nil }
            self.blind = scalar.secretBytes
        case .blindRSA:
            guard blind.count == Self.rsaBlindBytes, salt.count == Self.rsaSaltBytes else { return nil }
            self.blind = blind
        }
    }

    // MARK: the encoding

    package init(_ bytes: [UInt8]) throws(TokenError) {
        do {
            var reader = ByteReader(bytes)
            guard let type = TokenType(rawValue: try reader.u16()) else { throw TokenError.malformed }
            input = TokenInput(type: type, nonce: try reader.bytes(32), challengeDigest: try reader.bytes(32), keyID: try reader.bytes(32))
            blind = SecretBytes(try reader.slice(type == .voprf ? RistrettoScalar.bytes : Self.rsaBlindBytes))
            salt = try reader.bytes(type == .voprf ? 0 : Self.rsaSaltBytes)
            guard reader.isAtEnd else { throw TokenError.malformed }
        } catch { throw .malformed }
    }

    /// `wipe` it once it is written.
    package var bytes: [UInt8] { input.bytes + blind.copy + salt }

    // MARK: with the VOPRF

    private var scalar: RistrettoScalar? {
        var copy = blind.copy
        defer { copy.wipe() }
        return RistrettoScalar(canonical: copy)
    }

    package var blindedElement: RistrettoElement? { scalar.flatMap { VOPRF.blind(input.bytes, with: $0) } }

    /// The tokens of one answer, all or none: `nil` unless its proof holds for that key and for all of them.
    package static func finalize(_ pending: [PendingToken], _ answer: VOPRFEvaluation, key: RistrettoElement) -> [Token]? {
        let scalars = pending.compactMap(\.scalar)
        let blinded = pending.compactMap(\.blindedElement)
        guard blinded.count == pending.count, answer.elements.count == pending.count,
            answer.proof.verify(key, blinded: blinded, evaluated: answer.elements)
        else { return nil }
        return pending.indices.map {
            let output = VOPRF.finalize(pending[$0].input.bytes, blind: scalars[$0], evaluated: answer.elements[$0])
            return Token(input: pending[$0].input, authenticator: output)
        }
    }

    // MARK: with blind RSA

    private func number(for key: RSAPublicKey) -> RSABlind? { RSABlind(reducing: blind, of: key) }

    package func blindedMessage(for key: RSAPublicKey) -> [UInt8]? {
        number(for: key).flatMap { BlindSignature.deterministic.blind(input.bytes, salt: salt, with: $0, for: key) }
    }

    /// `nil` unless that is the key's signature of what `blindedMessage` gave.
    package func finalize(_ signed: [UInt8], key: RSAPublicKey) -> Token? {
        guard key.bytesCount == input.type.authenticatorBytes, let number = number(for: key) else { return nil }
        return BlindSignature.deterministic.finalize(input.bytes, signed: signed, blind: number, key: key).map { Token(input: input, authenticator: $0) }
    }
}

extension Token {
    /// Whether the holder of the key made it. Takes the same time for every wrong token.
    package func isGenuine(_ key: VOPRFKey) -> Bool { input.type == .voprf && key.verify(authenticator, of: input.bytes) }

    package func isGenuine(_ key: RSAPublicKey) -> Bool {
        input.type == .blindRSA && key.verifyPSS(authenticator, of: input.bytes, saltBytes: BlindSignature.deterministic.saltBytes)
    }
}

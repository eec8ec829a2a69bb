package import Bytes
internal import Sealing

/// The kinds of token that there are, with their registered numbers.
package enum TokenType: UInt16, Sendable, CaseIterable {
    /// Blind RSA, 2,048 bits: anybody checks it (RFC 9578, section 6).
    case blindRSA = 0x0002
    /// VOPRF(ristretto255, SHA-512): its issuer checks it (draft-ietf-privacypass-batched-tokens; the number is a suggestion of the draft's).
    case voprf = 0x0005

    package var authenticatorBytes: Int { self == .voprf ? VOPRF.outputBytes : 256 }
    /// Of what is sent to be evaluated or signed.
    package var blindedBytes: Int { self == .voprf ? 32 : 256 }
}

package enum TokenError: Error, Equatable {
    /// No such type, a wrong length, a length field that lies, or bytes left over.
    case malformed
}

/// What a token is for (RFC 9577, section 2.1).
package struct TokenChallenge: Hashable, Sendable {
    package let type: UInt16
    package let issuer: String
    /// Empty or 32 bytes.
    package let context: [UInt8]
    package let origin: String

    /// A token may be spent in one place only if this is a digest of the place.
    package init(type: TokenType, issuer: String, context: [UInt8], origin: String) {
        precondition((context.isEmpty || context.count == 32) && (1...65_535).contains(issuer.utf8.count) && origin.utf8.count <= 65_535)
        (self.type, self.issuer, self.context, self.origin) = (type.rawValue, issuer, context, origin)
    }

    package init(_ bytes: [UInt8]) throws(TokenError) {
        do {
            var reader = ByteReader(bytes)
            type = try reader.u16()
            let issuer = String(validating: try reader.slice(Int(try reader.u16())), as: UTF8.self)
            context = try reader.bytes(Int(try reader.u8()))
            let origin = String(validating: try reader.slice(Int(try reader.u16())), as: UTF8.self)
            // Mended, a text would be longer than its length can say.
            guard let issuer, let origin, reader.isAtEnd, !issuer.isEmpty, context.isEmpty || context.count == 32 else { throw TokenError.malformed }
            (self.issuer, self.origin) = (issuer, origin)
        } catch { throw .malformed }
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.u16(type)
        writer.u16(UInt16(issuer.utf8.count))
        writer.append(issuer)
        writer.u8(UInt8(context.count))
        writer.append(context)
        writer.u16(UInt16(origin.utf8.count))
        writer.append(origin)
        return writer.bytes
    }

    package var digest: [UInt8] { Digest.sha256(bytes) }
}

/// What is signed: a token without its authenticator (RFC 9577, section 2.2).
package struct TokenInput: Hashable, Sendable {
    package static let bytesCount = 98

    package let type: TokenType
    /// 32 bytes that no other token has. Those of access tokens and permits are Ed25519 public keys, so that a copy of the token is useless.
    package let nonce: [UInt8]
    package let challengeDigest: [UInt8]
    package let keyID: [UInt8]

    package init(type: TokenType, nonce: [UInt8], challengeDigest: [UInt8], keyID: [UInt8]) {
        precondition(nonce.count == 32 && challengeDigest.count == 32 && keyID.count == 32)
        (self.type, self.nonce, self.challengeDigest, self.keyID) = (type, nonce, challengeDigest, keyID)
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.u16(type.rawValue)
        writer.append(nonce)
        writer.append(challengeDigest)
        writer.append(keyID)
        return writer.bytes
    }
}

/// A token as it is shown (RFC 9577, section 2.2).
package struct Token: Hashable, Sendable {
    package let input: TokenInput
    package let authenticator: [UInt8]

    package init(input: TokenInput, authenticator: [UInt8]) {
        precondition(authenticator.count == input.type.authenticatorBytes)
        (self.input, self.authenticator) = (input, authenticator)
    }

    package init(_ bytes: [UInt8]) throws(TokenError) {
        var reader = ByteReader(bytes)
        try self.init(&reader)
        guard reader.isAtEnd else { throw .malformed }
    }

    package init(_ reader: inout ByteReader) throws(TokenError) {
        do {
            guard let type = TokenType(rawValue: try reader.u16()) else { throw TokenError.malformed }
            input = TokenInput(type: type, nonce: try reader.bytes(32), challengeDigest: try reader.bytes(32), keyID: try reader.bytes(32))
            authenticator = try reader.bytes(type.authenticatorBytes)
        } catch { throw .malformed }
    }

    package var bytes: [UInt8] { input.bytes + authenticator }
}

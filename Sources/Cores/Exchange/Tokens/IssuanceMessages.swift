internal import Bytes
internal import Sealing

/// A request for tokens of one key, as RFC 9578 (one token) and the draft on batched tokens (several, VOPRF) write it.
package struct TokenRequest: Hashable, Sendable {
    package let type: TokenType
    /// The last byte of the key's identifier; an issuer has no two live keys that share it.
    package let truncatedKeyID: UInt8
    package let blinded: [[UInt8]]
    /// Whether it is in the form for several.
    package let isBatch: Bool

    package init(type: TokenType, truncatedKeyID: UInt8, blinded: [[UInt8]], isBatch: Bool) {
        precondition(blinded.allSatisfy { $0.count == type.blindedBytes } && (isBatch && type == .voprf || !isBatch && blinded.count == 1))
        (self.type, self.truncatedKeyID, self.blinded, self.isBatch) = (type, truncatedKeyID, blinded, isBatch)
    }

    package init(_ bytes: [UInt8], isBatch: Bool) throws(TokenError) {
        do {
            var reader = ByteReader(bytes)
            guard let type = TokenType(rawValue: try reader.u16()), !isBatch || type == .voprf else { throw TokenError.malformed }
            (self.type, self.isBatch) = (type, isBatch)
            truncatedKeyID = try reader.u8()
            blinded = isBatch ? try reader.elements() : [try reader.bytes(type.blindedBytes)]
            guard reader.isAtEnd else { throw TokenError.malformed }
        } catch { throw .malformed }
    }

    package var bytes: [UInt8] {
        let head = [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), truncatedKeyID]
        return head + (isBatch ? Varint.encode(blinded.count * type.blindedBytes) : []) + blinded.joined()
    }
}

extension VOPRFEvaluation {
    /// A TokenResponse: of one element, or of several behind their length.
    package func bytes(isBatch: Bool) -> [UInt8] {
        (isBatch ? Varint.encode(elements.count * 32) : []) + elements.flatMap(\.bytes) + proof.bytes
    }

    package init(_ bytes: [UInt8], isBatch: Bool) throws(TokenError) {
        do {
            var reader = ByteReader(bytes)
            let encoded = isBatch ? try reader.elements() : [try reader.bytes(32)]
            let elements = encoded.compactMap { RistrettoElement(canonical: $0) }
            guard elements.count == encoded.count, let proof = VOPRFProof(try reader.slice(VOPRF.proofBytes)), reader.isAtEnd else { throw TokenError.malformed }
            self.init(elements: elements, proof: proof)
        } catch { throw .malformed }
    }
}

extension ByteReader {
    /// Group elements behind the length of them all, at least one and at most a proof's.
    fileprivate mutating func elements() throws -> [[UInt8]] {
        let count = try Varint.decode(&self)
        guard count > 0, count % 32 == 0, count / 32 <= VOPRF.batchLimit else { throw TokenError.malformed }
        return try (0..<count / 32).map { _ in try bytes(32) }
    }
}

/// Lengths as QUIC writes them (RFC 9000, section 16), in their shortest form.
enum Varint {
    private static let formsBits = [6, 14, 30]

    static func encode(_ value: Int) -> [UInt8] {
        precondition((0..<1 << 30).contains(value))
        let form = formsBits.firstIndex { value < 1 << $0 } ?? 2
        let count = 1 << form
        var bytes = [UInt8](repeating: 0, count: count)
        for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - index))) }
        bytes[0] |= UInt8(form << 6)
        return bytes
    }

    static func decode(_ reader: inout ByteReader) throws -> Int {
        let first = try reader.u8()
        let form = Int(first >> 6)
        guard form < formsBits.count else { throw TokenError.malformed }
        let value = try reader.slice((1 << form) - 1).reduce(Int(first & 63)) { $0 << 8 | Int($1) }
        guard form == 0 || value >= 1 << formsBits[form - 1] else { throw TokenError.malformed }
        return value
    }
}

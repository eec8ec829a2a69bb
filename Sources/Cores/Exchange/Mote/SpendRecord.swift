internal import Bytes
internal import Sealing

/// A token that a mote admitted, as the mote writes it down before it serves: the evidence with which its owner's wallet deposits it.
///
/// The file `spends` is nothing but such records, each of one length and with a digest of its own, so that the last one may be torn.
package struct SpendRecord: Hashable, Sendable {
    package static let bytesCount = 496
    /// The longest file `spends`; at the bound the mote says that it is full. A large mote with all shares sold fills it in five days.
    package static let fileLimitBytes = bytesCount << 17
    private static let mark: UInt16 = 0xD501
    private static let checkBytes = 4

    package let slice: Slice
    package let token: Token
    package let salt: [UInt8]
    /// `Signed.session`.
    package let session: [UInt8]
    package let signature: [UInt8]

    /// `nil` unless it is what a deposit needs.
    package init?(_ spend: Spend) {
        guard case .spent(let slice, let salt, let session, let signature) = spend.evidence, spend.token.input.type == .blindRSA,
            salt.count == 32, session.count == 32, signature.count == 64
        else { return nil }
        (self.slice, token, self.salt, self.session, self.signature) = (slice, spend.token, salt, session, signature)
    }

    /// As a deposit shows it.
    package var spend: Spend { Spend(token, .spent(slice, salt: salt, session: session, signature: signature)) }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.u16(Self.mark)
        writer.append(slice.bytes + token.bytes + salt)
        writer.append(session + signature)
        return writer.bytes + Digest.sha256(writer.bytes).prefix(Self.checkBytes)
    }

    package init(_ bytes: [UInt8]) throws(GateError) {
        do {
            var reader = ByteReader(bytes)
            let content = Self.bytesCount - Self.checkBytes
            guard bytes.count == Self.bytesCount, try reader.u16() == Self.mark, Digest.sha256(bytes[..<content]).starts(with: bytes[content...]) else { throw GateError.malformed }
            slice = try Slice(hostile: &reader)
            token = try Token(&reader)
            guard token.input.type == .blindRSA else { throw GateError.malformed }
            (salt, session, signature) = (try reader.bytes(32), try reader.bytes(32), try reader.bytes(64))
        } catch { throw .malformed }
    }

    /// The records of a whole file; what a crash left half written is passed over.
    package static func all(in file: [UInt8]) -> [SpendRecord] {
        stride(from: 0, through: file.count - bytesCount, by: bytesCount).compactMap { try? SpendRecord(Array(file[$0..<$0 + bytesCount])) }
    }
}

internal import Bytes
internal import Sealing

/// Somebody says that a mote took a token and did not serve (M16). It is counted and shown, and settles nothing: whoever was served well can say
/// it too, once for each token.
///
/// It shows the exchange which mote the token was for, which a refund alone would not; whose it was it does not show.
package struct Complaint: Hashable, Sendable {
    package let mote: [UInt8]
    package let slice: Slice
    package let token: Token
    /// Opens the token's challenge.
    package let salt: [UInt8]
    /// By the token's own key, over `Signed.failed`.
    package let signature: [UInt8]

    package init(mote: [UInt8], slice: Slice, token: Token, salt: [UInt8], signature: [UInt8]) {
        (self.mote, self.slice, self.token, self.salt, self.signature) = (mote, slice, token, salt, signature)
    }

    package var bytes: [UInt8] { mote + slice.bytes + token.bytes + salt + signature }

    package init(_ bytes: [UInt8]) throws(OrderError) {
        do {
            var reader = ByteReader(bytes)
            self.init(
                mote: try reader.bytes(32), slice: try Slice(&reader), token: try Token(&reader), salt: try reader.bytes(32), signature: try reader.bytes(64))
            guard reader.isAtEnd else { throw OrderError.malformed }
        } catch { throw .malformed }
    }
}

/// How many tokens' owners complained of a mote's slice: what is published of complaints, with the slice in which they came.
package struct ComplaintCount: Hashable, Sendable {
    private static let bytesCount = 44

    package let mote: [UInt8]
    package let slice: Slice
    package let count: UInt32

    package init(mote: [UInt8], slice: Slice, count: UInt32) { (self.mote, self.slice, self.count) = (mote, slice, count) }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.append(mote + slice.bytes)
        writer.u32(count)
        return writer.bytes
    }

    /// `nil` for anything else.
    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count == Self.bytesCount, let mote = try? reader.bytes(32), let slice = try? Slice(&reader), let count = try? reader.u32() else { return nil }
        self.init(mote: mote, slice: slice, count: count)
    }
}

extension Signed {
    package static func failed(mote: [UInt8], _ slice: Slice) -> [UInt8] { Array("dust-failed".utf8) + mote + slice.bytes }
}

extension Exchange {
    /// Whether a complaint counts: a genuine token for a slice of a listed mote that has begun, by whoever has the token's key, as long as the
    /// token can be deposited. `nil` if it does. Writes nothing: who counts must count each token once.
    package func check(_ complaint: Complaint, at slice: Slice) throws -> Refusal? {
        guard let key = KeyID(complaint.token.input.keyID), let role = desk.role(of: key), role.isAccess, complaint.salt.count == 32 else { return .malformed }
        guard role.accepted.contains(slice), complaint.slice <= slice else { return .untimely }
        guard Challenges.access(mote: complaint.mote, complaint.slice, salt: complaint.salt).digest == complaint.token.input.challengeDigest,
            desk.isSigned(complaint.signature, Signed.failed(mote: complaint.mote, complaint.slice), by: complaint.token.input.nonce),
            desk.isGenuine(complaint.token, role)
        else { return .forged }
        return try store.inspect { try $0.listing(complaint.mote, at: complaint.slice) } == nil ? .unearned : nil
    }
}

extension KeyRole {
    fileprivate var isAccess: Bool { switch self { case .access, .barterAccess: true; default: false } }
}

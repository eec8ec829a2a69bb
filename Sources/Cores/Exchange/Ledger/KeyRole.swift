internal import Bytes
internal import Sealing

/// What a key of the exchange is for. What the exchange must know of a token that it signs blindly it knows from the key, never from the
/// token: so there is a key for each week and denomination, each day, each start of a permit.
package enum KeyRole: Hashable, Sendable {
    case credit(Denomination, week: Int64)
    /// The right to three shares in a bucket, in one slice.
    case barter(bucket: UInt8, Slice)
    case access(day: Int64)
    case barterAccess(bucket: UInt8, day: Int64)
    case permit(Slice, MoteClass, isStaked: Bool)

    package var tokenType: TokenType {
        switch self {
        case .credit, .barter: .voprf
        case .access, .barterAccess, .permit: .blindRSA
        }
    }

    /// When tokens of it are made.
    package var issued: Range<Slice> {
        switch self {
        case .credit(_, let week): .first(ofWeek: week) ..< .first(ofWeek: week + 1)
        case .barter(_, let slice): slice - 2 ..< slice - 1
        case .access(let day): .first(ofDay: day - 1) ..< .first(ofDay: day + 1)
        case .barterAccess(_, let day): .first(ofDay: day) - 1 ..< .first(ofDay: day + 1)
        case .permit(let start, _, _): start - 4 ..< start
        }
    }

    /// When a token of it is taken as payment: credit and rights by those who hold them, access by the mote that was visited.
    package var accepted: Range<Slice> {
        switch self {
        case .credit(_, let week): .first(ofWeek: week) ..< .first(ofWeek: week + 3)
        case .barter(_, let slice): slice - 1 ..< slice
        case .access(let day), .barterAccess(_, let day): .first(ofDay: day) ..< .first(ofDay: day + 2)
        // Not before the last of its slices' tokens had to be deposited, so that a fraud is found while there is a stake.
        case .permit(let start, _, _): .first(ofDay: (start + 3).day + 2) ..< .first(ofDay: (start + 3).day + 4)
        }
    }

    /// When an access token that no mote deposited is paid back. It begins when `accepted` has ended, so the two never race.
    package var refunded: Range<Slice>? {
        guard case .access(let day) = self else { return nil }
        return .first(ofDay: day + 2) ..< .first(ofDay: day + 9)
    }

    /// From then on nobody need remember what was spent, and what was not is burned.
    package var forgotten: Slice {
        switch self {
        case .credit(_, let week): .first(ofWeek: week + 3)
        case .barter(_, let slice): .first(ofDay: slice.day + 2)
        case .access(let day): .first(ofDay: day + 9)
        case .barterAccess(_, let day): .first(ofDay: day + 2)
        case .permit: accepted.upperBound
        }
    }

    /// What a token of it is worth to the ledger, in smm.
    package var value: Int64 {
        switch self {
        case .credit(let denomination, _): denomination.value
        case .access: 1
        case .permit(_, let size, let isStaked): isStaked ? 3 * size.stake.value : 0
        case .barter, .barterAccess: 0
        }
    }

    /// The account that is worth what its tokens are.
    package var account: Account? {
        switch self {
        case .credit(_, let week): .credit(week: week)
        case .access(let day): .escrow(day: day)
        case .permit(_, _, let isStaked): isStaked ? .stake : nil
        case .barter, .barterAccess: nil
        }
    }

    /// Of fixed form; part of the key's identifier.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        let (kind, detail, time): (UInt8, UInt16, Int64) =
            switch self {
            case .credit(let denomination, let week): (1, denomination.rawValue, week)
            case .barter(let bucket, let slice): (2, UInt16(bucket), slice.index)
            case .access(let day): (3, 0, day)
            case .barterAccess(let bucket, let day): (4, UInt16(bucket), day)
            case .permit(let slice, let size, let isStaked): (5, UInt16(size.rawValue) << 8 | (isStaked ? 1 : 0), slice.index)
            }
        writer.u8(kind)
        writer.u16(detail)
        writer.u64(UInt64(bitPattern: time))
        return writer.bytes
    }
}

/// What names a key: a digest of the key, of what it is for and when it is valid. Wallets compute it themselves.
package struct KeyID: Hashable, Sendable, Comparable {
    package let bytes: [UInt8]

    /// `nil` unless there are 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    package init(_ role: KeyRole, publicKey: [UInt8]) {
        var writer = ByteWriter()
        writer.append("dust-key-1")
        writer.u16(role.tokenType.rawValue)
        writer.u16(UInt16(publicKey.count))
        writer.append(publicKey)
        writer.append(role.bytes)
        for window in [role.issued, role.accepted, role.refunded ?? role.accepted] {
            writer.u64(UInt64(bitPattern: window.lowerBound.index))
            writer.u64(UInt64(bitPattern: window.upperBound.index))
        }
        bytes = Digest.sha256(writer.bytes)
    }

    /// Not of keys: under these it is noted what may be used once although it is no token, receipts of packs and swaps' rights of a slice.
    package static let receipts = KeyID(digest: "dust-receipts"), rights = KeyID(digest: "dust-rights")

    private init(digest name: String) { bytes = Digest.sha256(Array(name.utf8)) }

    package static func < (a: KeyID, b: KeyID) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

/// Where value is. There are no users: a claim is a token.
package enum Account: Hashable, Sendable, CustomStringConvertible {
    case prepaid, stake, fees, burned
    case credit(week: Int64)
    case escrow(day: Int64)

    package var description: String {
        switch self {
        case .prepaid: "prepaid"
        case .stake: "stake"
        case .fees: "fees"
        case .burned: "burned"
        case .credit(let week): "credit.\(week)"
        case .escrow(let day): "escrow.\(day)"
        }
    }

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".")
        switch (parts.first, parts.count, parts.count == 2 ? Int64(parts[1]) : nil) {
        case ("prepaid", 1, _): self = .prepaid
        case ("stake", 1, _): self = .stake
        case ("fees", 1, _): self = .fees
        case ("burned", 1, _): self = .burned
        case ("credit", 2, let week?): self = .credit(week: week)
        case ("escrow", 2, let day?): self = .escrow(day: day)
        default: return nil
        }
    }
}

internal import Bytes

/// All public keys of a week or of a day, as they are published and logged at once: credit has a key a week, everything else is of a day.
///
/// Whoever needs one of them fetches all, so that which one it was shows nobody.
package struct KeyTable: Hashable, Sendable {
    /// A day has 1 key for access, 32 for access by barter, 96 × 32 for rights, 96 × 6 for permits.
    package static let keysLimit = 4096
    package static let bytesLimit = 512 << 10

    package enum Failure: Error { case malformed }

    package enum Span: Hashable, Sendable {
        case week(Int64), day(Int64)

        package var kind: LogLeaf.Kind { if case .week = self { .week } else { .day } }
        package var number: Int64 { switch self { case .week(let number), .day(let number): number } }

        /// When the first of its keys is in use.
        package var firstUse: Slice { switch self { case .week(let week): .first(ofWeek: week); case .day(let day): .first(ofDay: day - 1) } }
        /// When none of them is.
        package var forgotten: Slice { switch self { case .week(let week): .first(ofWeek: week + 3); case .day(let day): .first(ofDay: day + 9) } }

        package init(_ role: KeyRole) {
            switch role {
            case .credit(_, let week): self = .week(week)
            case .barter(_, let slice), .permit(let slice, _, _): self = .day(slice.day)
            case .access(let day), .barterAccess(_, let day): self = .day(day)
            }
        }
    }

    package struct Key: Hashable, Sendable {
        package let role: KeyRole
        package let publicKey: [UInt8]
        package let id: KeyID

        init(_ role: KeyRole, _ publicKey: [UInt8]) { (self.role, self.publicKey, id) = (role, publicKey, KeyID(role, publicKey: publicKey)) }
    }

    package let span: Span
    /// In the order of their roles' bytes, and one for each role: two would part those who use them.
    package let keys: [Key]

    /// `nil` for none, for too many, or for one of another time or of a length that none has.
    package init?(_ span: Span, _ keys: [KeyRole: [UInt8]]) {
        guard (1...Self.keysLimit).contains(keys.count), keys.allSatisfy({ Span($0.key) == span && $0.value.count == $0.key.publicKeyBytes }) else { return nil }
        self.span = span
        self.keys = keys.map { (name: $0.key.bytes, key: Key($0.key, $0.value)) }.sorted { $0.name.lexicographicallyPrecedes($1.name) }.map(\.key)
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 64 << 10)
        writer.append("dust-keys-1\n\(span.kind.rawValue) \(span.number)\n")
        writer.u16(UInt16(keys.count))
        for key in keys {
            writer.append(key.role.bytes)
            writer.append(key.publicKey)
        }
        return writer.bytes
    }

    /// The one encoding of a table.
    package init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count <= Self.bytesLimit else { throw .malformed }
        do {
            var reader = ByteReader(bytes)
            guard String(decoding: try reader.bytes(until: 0x0A), as: UTF8.self) == "dust-keys-1" else { throw Failure.malformed }
            let words = String(decoding: try reader.bytes(until: 0x0A), as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
            guard words.count == 2, let number = Int64(words[1]), (1...LogLeaf.numberLimit / Slice.perWeek).contains(number) else { throw Failure.malformed }
            var keys: [KeyRole: [UInt8]] = [:]
            for _ in 0..<Int(try reader.u16()) {
                guard let role = try KeyRole(&reader) else { throw Failure.malformed }
                keys[role] = try reader.bytes(role.publicKeyBytes)
            }
            guard let table = KeyTable(words[0] == "week" ? .week(number) : .day(number), keys), table.bytes == bytes else { throw Failure.malformed }
            self = table
        } catch { throw .malformed }
    }
}

extension KeyRole {
    /// Of its public key, as it is published.
    package var publicKeyBytes: Int { tokenType == .voprf ? 32 : TokenPublicKey.bytesCount }

    /// What `bytes` wrote. `nil` for anything else, and for times at which arithmetic would overflow.
    init?(_ reader: inout ByteReader) throws(ByteError) {
        let kind = try reader.u8(), detail = try reader.u16(), time = Int64(bitPattern: try reader.u64())
        guard (1...LogLeaf.numberLimit).contains(time) else { return nil }
        let size = MoteClass(rawValue: UInt8(detail >> 8)), bucket = UInt8(exactly: detail)
        switch (kind, Denomination(rawValue: detail), bucket, size) {
        case (1, let denomination?, _, _): self = .credit(denomination, week: time)
        case (2, _, let bucket?, _) where Int(bucket) < MarketTerms.bucketsLimit: self = .barter(bucket: bucket, Slice(time))
        case (3, _, 0?, _): self = .access(day: time)
        case (4, _, let bucket?, _) where Int(bucket) < MarketTerms.bucketsLimit: self = .barterAccess(bucket: bucket, day: time)
        case (5, _, _, let size?) where detail & 0xFF <= 1: self = .permit(Slice(time), size, isStaked: detail & 1 == 1)
        default: return nil
        }
    }
}

extension Issuer {
    /// The table of all keys that are open for a week.
    package func table(week: Int64) -> KeyTable? { table(.week(week), Denomination.allCases.map { .credit($0, week: week) }) }

    /// The table of all keys that are open for a day.
    package func table(day: Int64) -> KeyTable? {
        let buckets = (0..<UInt8(MarketTerms.bucketsLimit)), first = Slice.first(ofDay: day)
        var roles: [KeyRole] = [.access(day: day)] + buckets.map { .barterAccess(bucket: $0, day: day) }
        for slice in first..<first + Slice.perDay {
            roles += buckets.map { .barter(bucket: $0, slice) }
            for size in MoteClass.allCases { roles += [.permit(slice, size, isStaked: true), .permit(slice, size, isStaked: false)] }
        }
        return table(.day(day), roles)
    }

    private func table(_ span: KeyTable.Span, _ roles: [KeyRole]) -> KeyTable? {
        KeyTable(span, Dictionary(uniqueKeysWithValues: roles.compactMap { role in publicKey(role).map { (role, $0) } }))
    }
}

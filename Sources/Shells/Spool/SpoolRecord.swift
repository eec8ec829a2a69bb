internal import Bytes
internal import Sealing

/// What is done to a spool. Several in one commit are done all together or not at all.
package enum SpoolChange: Hashable, Sendable {
    /// Takes the place of what has the same id.
    case append(kind: UInt8, id: [UInt8], payload: [UInt8])
    /// Of what is not there, too.
    case remove(id: [UInt8])

    var id: [UInt8] {
        switch self {
        case .append(_, let id, _), .remove(let id): id
        }
    }

    /// Bytes that it takes on disk, about.
    var weight: Int {
        switch self {
        case .append(_, let id, let payload): payload.count + id.count + 48
        case .remove(let id): id.count + 48
        }
    }
}

/// A commit as it lies in a segment: its length and a number that no other record of the segment has, both open, then the changes, sealed.
enum SpoolRecord {
    static let headBytes = 12
    /// Of what is sealed: the largest payload, and much room for whatever goes with it.
    static let bodyLimit = 40 << 20

    private enum Tag: UInt8 { case append = 1, remove, repeated }

    /// - Parameter isRepeated: see `SpoolWriter`.
    static func encode(_ changes: [SpoolChange], isRepeated: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: changes.reduce(64) { $0 + $1.weight })
        if isRepeated { writer.u8(Tag.repeated.rawValue) }
        for change in changes {
            switch change {
            case .append(let kind, let id, let payload):
                writer.u8(Tag.append.rawValue)
                writer.u8(kind)
                writer.u8(UInt8(id.count))
                writer.append(id)
                writer.u32(UInt32(payload.count))
                writer.append(payload)
            case .remove(let id):
                writer.u8(Tag.remove.rawValue)
                writer.u8(UInt8(id.count))
                writer.append(id)
            }
        }
        return writer.bytes
    }

    static func decode(_ body: [UInt8]) -> (changes: [SpoolChange], isRepeated: Bool)? {
        let isRepeated = body.first == Tag.repeated.rawValue
        var reader = ByteReader(body.dropFirst(isRepeated ? 1 : 0)), changes: [SpoolChange] = []
        while !reader.isAtEnd {
            guard let change = try? change(&reader) else { return nil }
            changes.append(change)
        }
        return (changes, isRepeated)
    }

    private static func change(_ reader: inout ByteReader) throws -> SpoolChange? {
        switch Tag(rawValue: try reader.u8()) {
        case .append:
            let kind = try reader.u8(), id = try reader.bytes(Int(try reader.u8()))
            return .append(kind: kind, id: id, payload: try reader.bytes(Int(try reader.u32())))
        case .remove: return .remove(id: try reader.bytes(Int(try reader.u8())))
        case .repeated, nil: return nil
        }
    }
}

/// What records of one segment are sealed with. Each start writes segments of its own, so no nonce comes twice.
struct SegmentSeal: Sendable {
    static let saltBytes = XChaCha20Poly1305.nonceBytes - 8

    let key: SecretBytes
    let segment: UInt64
    let salt: [UInt8]

    /// The number that no record has: what it seals shows whose key a segment was written with.
    private static let ownNumber = UInt64.max

    /// The whole record.
    func seal(_ body: [UInt8], number: UInt64) -> [UInt8] {
        var head = ByteWriter(capacity: SpoolRecord.headBytes)
        head.u32(UInt32(body.count + XChaCha20Poly1305.tagBytes))
        head.u64(number)
        return head.bytes + XChaCha20Poly1305.seal(body, key: key, nonce: nonce(number), data: data(head.bytes))
    }

    func open(head: [UInt8], number: UInt64, _ sealed: [UInt8]) -> [UInt8]? {
        XChaCha20Poly1305.open(sealed, key: key, nonce: nonce(number), data: data(head))
    }

    /// Sixteen bytes that only this key gives.
    var proof: [UInt8] { XChaCha20Poly1305.seal([], key: key, nonce: nonce(Self.ownNumber), data: data([])) }

    private func nonce(_ number: UInt64) -> [UInt8] { salt + big(number) }
    private func data(_ head: [UInt8]) -> [UInt8] { big(segment) + head }
    private func big(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }
}

internal import Bytes
package import Exchange

/// The keys that one order was made with. They are kept with it: its answer is checked with them, and after a restore it is made of them.
struct KnownKeys: PublicKeys, Hashable {
    private static let limit = 8
    private var keys: [KeyRole: [UInt8]] = [:]

    init?(_ recipe: Recipe, from book: some PublicKeys) {
        guard let wanted = recipe.wanted else { return nil }
        for (role, _) in wanted {
            guard let key = book.publicKey(role) else { return nil }
            keys[role] = key
        }
    }

    func publicKey(_ role: KeyRole) -> [UInt8]? { keys[role] }

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 512)
        writer.u8(UInt8(keys.count))
        for (role, key) in keys.sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            writer.append(role.bytes)
            writer.u16(UInt16(key.count))
            writer.append(key)
        }
        return writer.bytes
    }

    init(_ reader: inout ByteReader) throws {
        let count = Int(try reader.u8())
        guard count <= Self.limit else { throw WalletError(.badData, "too many keys") }
        for _ in 0..<count {
            guard let role = try KeyRole(own: &reader) else { throw WalletError(.badData, "a key of no role") }
            keys[role] = try reader.bytes(Int(try reader.u16()))
        }
    }
}

/// A book's keys in one slice.
package struct SliceKeys: PublicKeys {
    let book: KeyBook
    let slice: Slice

    package init(_ book: KeyBook, at slice: Slice) { (self.book, self.slice) = (book, slice) }

    package func publicKey(_ role: KeyRole) -> [UInt8]? { book.key(of: role, at: slice)?.publicKey }
}

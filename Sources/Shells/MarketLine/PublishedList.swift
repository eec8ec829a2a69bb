internal import Bytes

/// How lists are published: each item behind its length in two bytes.
package enum PublishedList {
    package static let itemsLimit = 100_000

    /// Items have 65,535 bytes at most.
    package static func encode(_ items: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter(capacity: items.reduce(0) { $0 + $1.count + 2 })
        for item in items {
            precondition(item.count <= Int(UInt16.max))
            writer.u16(UInt16(item.count))
            writer.append(item)
        }
        return writer.bytes
    }

    /// `nil` unless it is a list of such items and nothing more.
    package static func decode(_ bytes: [UInt8]) -> [[UInt8]]? {
        var reader = ByteReader(bytes), items: [[UInt8]] = []
        while !reader.isAtEnd {
            guard items.count < itemsLimit, let count = try? reader.u16(), let item = try? reader.bytes(Int(count)) else { return nil }
            items.append(item)
        }
        return items
    }
}

internal import Sealing

/// A number that nobody knows before a slice's orders are fixed: a digest of what the witnesses reveal and of the orders' root.
package enum Beacon {
    /// A witness's values form a chain: each is the digest of the one that it reveals after it.
    package static func isNext(_ revealed: [UInt8], after anchor: [UInt8]) -> Bool { revealed.count == 32 && Digest.sha256(revealed) == anchor }

    /// Of those who revealed; whoever does not is named in the report, and can have moved one bit.
    package static func value(_ revealed: [(witness: String, value: [UInt8])], root: [UInt8]) -> [UInt8] {
        let parts = revealed.sorted { $0.witness < $1.witness }.flatMap { Digest.sha256($0.witness.utf8) + $0.value }
        return Digest.sha256(Array("dust-beacon".utf8) + root + parts)
    }

    /// The order in which a slice's orders are carried out.
    package static func order(_ ids: [[UInt8]], _ beacon: [UInt8]) -> [[UInt8]] {
        ids.map { (key: Digest.sha256(Array("dust-turn".utf8) + beacon + $0), id: $0) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.id)
    }
}

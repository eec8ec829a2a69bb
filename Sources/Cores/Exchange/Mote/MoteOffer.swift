/// What a mote is sold as: what its owner's wallet says of it in the file `offer`, lines of a name and a value.
package struct MoteOffer: Hashable, Sendable {
    package static let bytesLimit = 256

    package let size: MoteClass
    package let bucket: UInt8
    package let slices: ClosedRange<Slice>

    package init(size: MoteClass, bucket: UInt8, slices: ClosedRange<Slice>) { (self.size, self.bucket, self.slices) = (size, bucket, slices) }

    package var text: String { "Class \(size)\nBucket \(bucket)\nFirst \(slices.lowerBound.index)\nLast \(slices.upperBound.index)\n" }

    package init(_ text: String) throws(GateError) {
        let lines = text.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: false) }
        guard text.utf8.count <= Self.bytesLimit, lines.allSatisfy({ $0.count == 2 }), lines.map(\.[0]) == ["Class", "Bucket", "First", "Last"],
            let size = MoteClass.allCases.first(where: { "\($0)" == lines[0][1] }), let bucket = UInt8(lines[1][1]), bucket < 32,
            let first = Int64(lines[2][1]), let last = Int64(lines[3][1]), first >= 0, first <= last, Slice(last) < .present
        else { throw .malformed }
        self.init(size: size, bucket: bucket, slices: Slice(first)...Slice(last))
        guard self.text == text else { throw .malformed }
    }
}

/// Names in a mote's folder `MoteMarket`.
package enum MoteFolder {
    /// The exchange's terms.
    package static let terms = "terms"
    /// The 32 bytes of seed of the mote's Ed25519 key on the exchange; mode 0600.
    package static let key = "key"
    package static let offer = "offer"
    /// A folder: key files with their proofs.
    package static let keys = "keys"
    /// Public keys of those whom the mote lets in for nothing: lines of 64 hexadecimal digits.
    package static let owners = "owners"
    package static let ownersLimit = 16
    /// Written by the mote: `SpendRecord`s. The wallet only reads it.
    package static let spends = "spends"
}

internal import Bytes
package import Sealing

/// What one witness saw of a mote in a slice. Two that say the same are a certificate (M5).
package struct ProbeWord: Hashable, Sendable {
    package static let nameLimitBytes = 64

    package let witness: String
    package let mote: [UInt8]
    package let slice: Slice
    package let isUp: Bool
    package let signature: [UInt8]

    package init(witness: String, mote: [UInt8], slice: Slice, isUp: Bool, signature: [UInt8]) {
        (self.witness, self.mote, self.slice, self.isUp, self.signature) = (witness, mote, slice, isUp, signature)
    }

    package init(witness: String, _ key: Ed25519Key, mote: [UInt8], slice: Slice, isUp: Bool) {
        self.init(witness: witness, mote: mote, slice: slice, isUp: isUp, signature: key.sign(Self.signed(mote, slice, isUp)))
    }

    private static func signed(_ mote: [UInt8], _ slice: Slice, _ isUp: Bool) -> [UInt8] { Array((isUp ? "dust-probe-up" : "dust-probe-down").utf8) + mote + slice.bytes }

    package func isSigned(by key: [UInt8]) -> Bool { Ed25519.verify(signature, of: Self.signed(mote, slice, isUp), by: key) }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 192)
        writer.u8(UInt8(witness.utf8.count))
        writer.append(witness)
        writer.append(mote + slice.bytes)
        writer.u8(isUp ? 1 : 0)
        writer.append(signature)
        return writer.bytes
    }

    /// `nil` unless it is the one encoding of a witness's word. It is not checked yet.
    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let word = try? ProbeWord(&reader), reader.isAtEnd else { return nil }
        self = word
    }

    private init(_ reader: inout ByteReader) throws {
        let count = Int(try reader.u8())
        guard (1...Self.nameLimitBytes).contains(count), let witness = String(validating: try reader.bytes(count), as: UTF8.self) else { throw OrderError.malformed }
        let (mote, slice, up) = (try reader.bytes(32), try Slice(&reader), try reader.u8())
        guard up <= 1 else { throw OrderError.malformed }
        self.init(witness: witness, mote: mote, slice: slice, isUp: up == 1, signature: try reader.bytes(64))
    }
}

/// That the orders of a slice are fixed: the exchange's word, for which witnesses reveal what the beacon is made of.
package struct SealedRoot: Hashable, Sendable {
    package static let bytesCount = 8 + 32 + 64

    package let slice: Slice
    package let root: [UInt8]
    /// The log's key.
    package let signature: [UInt8]

    package init(_ slice: Slice, root: [UInt8], _ key: Ed25519Key) {
        (self.slice, self.root) = (slice, root)
        signature = key.sign(Self.signed(slice, root))
    }

    private static func signed(_ slice: Slice, _ root: [UInt8]) -> [UInt8] { Array("dust-order-root".utf8) + slice.bytes + root }

    package func isSigned(by key: [UInt8]) -> Bool { Ed25519.verify(signature, of: Self.signed(slice, root), by: key) }

    package var bytes: [UInt8] { slice.bytes + root + signature }

    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count == Self.bytesCount, let slice = try? Slice(&reader), let root = try? reader.bytes(32), let signature = try? reader.bytes(64) else { return nil }
        (self.slice, self.root, self.signature) = (slice, root, signature)
    }
}

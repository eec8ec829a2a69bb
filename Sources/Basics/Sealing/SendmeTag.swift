/// What proves that a cell arrived, without a heap allocation: 20 bytes of running digest on tor1, 16 bytes of tag on Counter Galois Onion.
package struct SendmeTag: Hashable, Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var rest: UInt32 = 0
    private var isShort: Bool

    package init(_ digest: Digest20) {
        isShort = false
        withUnsafeBytes(of: digest.words) { set($0) }
    }

    init(_ block: Block) {
        (low, high) = (block.x, block.y)
        isShort = true
    }

    /// `nil` unless there are 16 or 20 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == 16 || bytes.count == 20 else { return nil }
        isShort = bytes.count == 16
        bytes.withUnsafeBytes { set($0) }
    }

    private mutating func set(_ bytes: UnsafeRawBufferPointer) {
        low = bytes.loadUnaligned(as: UInt64.self)
        high = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        if !isShort { rest = bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self) }
    }

    package var bytes: [UInt8] {
        let all = withUnsafeBytes(of: low) { Array($0) } + withUnsafeBytes(of: high) { Array($0) }
        return isShort ? all : all + withUnsafeBytes(of: rest) { Array($0) }
    }

    /// In a time that does not depend on the bytes.
    package static func == (a: SendmeTag, b: SendmeTag) -> Bool {
        (a.low ^ b.low) | (a.high ^ b.high) | UInt64(a.rest ^ b.rest) | (a.isShort == b.isShort ? 0 : 1) == 0
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

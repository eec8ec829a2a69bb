/// A bounds-checked, big-endian reader over bytes that came from outside.
///
/// Every read either returns what was asked for or throws `ByteError.truncated`; nothing traps.
package struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// Bytes not read yet.
    package var remaining: Int { bytes.endIndex - index }
    package var isAtEnd: Bool { remaining == 0 }

    package mutating func bytes(_ count: Int) throws(ByteError) -> [UInt8] { Array(try slice(count)) }

    package mutating func slice(_ count: Int) throws(ByteError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw .truncated(needed: count, had: remaining) }
        defer { index += count }
        return bytes[index..<index + count]
    }

    /// Everything that is left.
    package mutating func rest() -> ArraySlice<UInt8> {
        defer { index = bytes.endIndex }
        return bytes[index...]
    }

    package mutating func u8() throws(ByteError) -> UInt8 { try integer() }
    package mutating func u16() throws(ByteError) -> UInt16 { try integer() }
    package mutating func u32() throws(ByteError) -> UInt32 { try integer() }
    package mutating func u64() throws(ByteError) -> UInt64 { try integer() }

    private mutating func integer<I: FixedWidthInteger & UnsignedInteger>() throws(ByteError) -> I {
        var value: I = 0
        for byte in try slice(I.bitWidth / 8) { value = value << 8 | I(truncatingIfNeeded: byte) }
        return value
    }

    /// The bytes before the next `terminator`, which is consumed too.
    package mutating func bytes(until terminator: UInt8) throws(ByteError) -> [UInt8] {
        guard let end = bytes[index...].firstIndex(of: terminator) else {
            throw .truncated(needed: remaining + 1, had: remaining)
        }
        defer { index = end + 1 }
        return Array(bytes[index..<end])
    }
}

package enum ByteError: Error, Equatable {
    /// The input ended `needed - had` bytes too early.
    case truncated(needed: Int, had: Int)
}

import Glibc

/// Data that can be told apart anywhere: every 16 bytes name themselves, their stream and their place in it.
enum Pattern {
    static let blockBytes = 16
    /// In every block: what must not be seen on a link.
    static let mark: [UInt8] = Array("CLEARTXT".utf8)

    static func bytes(_ tag: UInt32, from start: Int, count: Int) -> [UInt8] {
        let first = start / blockBytes
        var blocks: [UInt8] = []
        blocks.reserveCapacity(count + 2 * blockBytes)
        for block in first..<(start + count + blockBytes - 1) / blockBytes {
            blocks += mark
            withUnsafeBytes(of: (tag.littleEndian, UInt32(block).littleEndian)) { blocks += $0 }
        }
        return Array(blocks[(start - first * blockBytes)...].prefix(count))
    }

    static func isSeen(in bytes: ArraySlice<UInt8>) -> Bool {
        // From one possible first byte to the next.
        bytes.withUnsafeBytes { content in
            var start = content.baseAddress.unsafelyUnwrapped
            let end = start + content.count - mark.count
            while start <= end, let found = memchr(start, Int32(mark[0]), end - start + 1) {
                if memcmp(found, mark, mark.count) == 0 { return true }
                start = UnsafeRawPointer(found) + 1
            }
            return false
        }
    }
}

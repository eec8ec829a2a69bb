/// Where the lines of a text are: 4 bytes per line, nothing copied.
struct LineIndex {
    let bytes: [UInt8]
    /// Of each line, and of the end.
    private let starts: [UInt32]

    /// `nil` unless every line has its newline and there are at most `limit`.
    init?(_ bytes: [UInt8], limit: Int) {
        guard bytes.isEmpty || bytes.last == 0x0A, bytes.count < UInt32.max else { return nil }
        var starts: [UInt32] = [0]
        starts.reserveCapacity(bytes.count / 48)
        for index in bytes.indices where bytes[index] == 0x0A {
            starts.append(UInt32(index + 1))
            guard starts.count <= limit + 1 else { return nil }
        }
        self.bytes = bytes
        self.starts = starts
    }

    var count: Int { starts.count - 1 }

    /// One line with its newline.
    subscript(line: Int) -> ArraySlice<UInt8> { bytes[Int(starts[line])..<Int(starts[line + 1])] }

    /// The bytes of some lines that stand together.
    subscript(lines: Range<Int>) -> ArraySlice<UInt8> { bytes[Int(starts[lines.lowerBound])..<Int(starts[lines.upperBound])] }

    func line(_ line: Int, startsWith prefix: [UInt8]) -> Bool { self[line].starts(with: prefix) }
}

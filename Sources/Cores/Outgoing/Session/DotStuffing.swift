/// A letter's content as it goes over the wire after DATA, piece by piece: a dot that begins a line is doubled, and the end is marked (RFC 5321, 4.5.2).
///
/// It takes content that `OutgoingMail.isCanonical` has passed; so the only CRLF.CRLF in what comes out is its end.
struct DotStuffing {
    private let content: [UInt8]
    private var index = 0
    private var isAtLineStart = true
    private(set) var isOver = false

    init(_ content: [UInt8]) { self.content = content }

    /// At most about `count` bytes more; empty when all is told.
    mutating func next(_ count: Int) -> [UInt8] {
        guard !isOver else { return [] }
        let end = min(index + count, content.count)
        var out: [UInt8] = []
        out.reserveCapacity(end - index + 64)
        for byte in content[index..<end] {
            if isAtLineStart, byte == 0x2E { out.append(0x2E) }
            out.append(byte)
            isAtLineStart = byte == 0x0A
        }
        index = end
        if index == content.count {
            isOver = true
            out += [0x2E, 0x0D, 0x0A]
        }
        return out
    }
}

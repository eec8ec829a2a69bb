/// What a mail server answered, its lines put together (RFC 5321, 4.2).
package struct SMTPReply: Hashable, Sendable {
    /// 200 to 599.
    package let code: Int
    /// What follows the code on each line, made printable and cut to 512 characters: strangers' words.
    package let lines: [String]

    package init(code: Int, lines: [String]) { (self.code, self.lines) = (code, lines) }

    package var isPositive: Bool { code / 100 == 2 }
    package var isPermanent: Bool { code / 100 == 5 }

    /// `5.1.1`, as the server says it (RFC 2034) if that agrees with the code, else what the code alone says.
    package var status: String {
        let word = lines.first?.prefix { $0 != " " } ?? ""
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        let isStatus = parts.count == 3 && parts[0] == "\(code / 100)" && parts.dropFirst().allSatisfy { (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        return isStatus ? String(word) : "\(code / 100).0.0"
    }

    /// `550 5.1.1 No such user`, on one line of at most 200 characters.
    package var text: String { String("\(code) \(lines.joined(separator: " "))".prefix(200)) }
}

package enum SMTPReplyError: Error, Hashable {
    /// A line or a reply is longer than anybody needs.
    case long
    /// A line does not begin with a code, or with another one than the line before.
    case malformed
}

/// Puts replies together from bytes as they come. A line ends with LF, with or without CR before it.
package struct SMTPReplyReader: Sendable {
    /// RFC 5321 has 512 bytes in a line; servers are known that write more.
    package static let lineLimitBytes = 2_048
    package static let linesLimit = 128
    private static let keptCharacters = 512

    private var line: [UInt8] = []
    private var code: Int?
    private var lines: [String] = []

    package init() {}

    /// Nothing of a reply has come yet.
    package var isEmpty: Bool { line.isEmpty && code == nil }

    /// The next reply that is whole, taken out of `bytes`; `nil` when all of them are read and more are needed.
    package mutating func next(_ bytes: inout ArraySlice<UInt8>) throws(SMTPReplyError) -> SMTPReply? {
        while let end = bytes.firstIndex(of: 0x0A) {
            guard line.count + (end - bytes.startIndex) <= Self.lineLimitBytes else { throw .long }
            line += bytes[..<end]
            bytes = bytes[(end + 1)...]
            if line.last == 0x0D { line.removeLast() }
            if let reply = try take(line) { return reply }
        }
        line += bytes
        bytes = []
        guard line.count <= Self.lineLimitBytes else { throw .long }
        return nil
    }

    private mutating func take(_ whole: [UInt8]) throws(SMTPReplyError) -> SMTPReply? {
        line = []
        let digits = whole.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .malformed }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let mark = whole.dropFirst(3).first ?? 0x20
        guard (200...599).contains(number), code == nil || code == number, mark == 0x20 || mark == 0x2D else { throw .malformed }
        guard lines.count < Self.linesLimit else { throw .long }
        lines.append(Self.printable(whole.dropFirst(4)))
        code = number
        guard mark == 0x20 else { return nil }
        defer { (code, lines) = (nil, []) }
        return SMTPReply(code: number, lines: lines)
    }

    private static func printable(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix(keptCharacters).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }
}

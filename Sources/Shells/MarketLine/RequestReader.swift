/// Reads one request of HTTP/1.1 from a stranger, however its bytes are split. Bodies have a length that was said before; nothing is unpacked.
package struct RequestReader: Sendable {
    package static let headLimitBytes = 4 << 10
    private static let linesLimit = 64

    /// What is wrong, as a status of HTTP.
    package enum Failure: Int, Error {
        case malformed = 400, unknownPath = 404, wrongMethod = 405, bodyTooLarge = 413, headTooLarge = 431
    }

    private var bytes: [UInt8] = []
    private var searched = 0
    private var head: (path: MarketPath, end: Int, bodyBytes: Int)?

    package init() {}

    /// The request, once it is whole. What follows it is no part of it: a connection carries one.
    package mutating func receive(_ more: [UInt8]) throws(Failure) -> MarketRequest? {
        bytes += more
        if head == nil { try readHead() }
        guard let head, bytes.count >= head.end + head.bodyBytes else { return nil }
        return MarketRequest(head.path, Array(bytes[head.end..<head.end + head.bodyBytes]))
    }

    private mutating func readHead() throws(Failure) {
        guard let end = findEnd() else {
            guard bytes.count <= Self.headLimitBytes else { throw .headTooLarge }
            return
        }
        guard end <= Self.headLimitBytes else { throw .headTooLarge }
        let lines = try Self.lines(bytes[..<end])
        let path = try Self.path(lines[0])
        let bodyBytes = try Self.bodyBytes(lines.dropFirst())
        guard bodyBytes <= path.bodyLimitBytes else { throw .bodyTooLarge }
        head = (path, end, bodyBytes)
    }

    /// The index behind the first CR LF CR LF.
    private mutating func findEnd() -> Int? {
        var index = max(0, searched - 3)
        while index + 4 <= bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 { return index + 4 }
            index += 1
        }
        searched = bytes.count
        return nil
    }

    private static func lines(_ head: ArraySlice<UInt8>) throws(Failure) -> [String] {
        let lines = head.dropLast(4).split(separator: 10, omittingEmptySubsequences: false)
        guard lines.count <= linesLimit else { throw .headTooLarge }
        var texts: [String] = []
        for (index, line) in lines.enumerated() {
            let text = index < lines.count - 1 ? line.dropLast() : line
            guard index == lines.count - 1 || line.last == 13, text.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 9 }) else { throw .malformed }
            texts.append(String(decoding: text, as: UTF8.self))
        }
        return texts
    }

    private static func path(_ line: String) throws(Failure) -> MarketPath {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else { throw .malformed }
        guard let path = MarketPath(words[1]) else { throw .unknownPath }
        guard path.method.rawValue == words[0] else { throw .wrongMethod }
        return path
    }

    private static func bodyBytes(_ lines: some Sequence<String>) throws(Failure) -> Int {
        var count: Int?
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { throw .malformed }
            let name = line[..<colon].lowercased(), value = line[line.index(after: colon)...].filter { $0 != " " && $0 != "\t" }
            // Two lengths, or one that only some understand, are how a request is smuggled past somebody.
            if name == "transfer-encoding" { throw .malformed }
            guard name == "content-length" else { continue }
            guard count == nil, (1...9).contains(value.utf8.count), value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { throw .malformed }
            count = Int(value)
        }
        return count ?? 0
    }
}

/// Collects bytes until the blank line that ends the head of a message, wherever the input is split.
struct HTTPHead {
    private var bytes: [UInt8] = []
    /// Bytes already searched for the end of the head.
    private var searched = 0
    private let limitBytes: Int

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    var isEmpty: Bool { bytes.isEmpty }

    /// The head's lines and the bytes behind it, once the blank line has come.
    mutating func receive(_ more: [UInt8]) throws(HTTPError) -> (lines: [String], rest: ArraySlice<UInt8>)? {
        bytes += more
        guard let end = findEnd() else {
            guard bytes.count < limitBytes else { throw .headTooLarge(limitBytes: limitBytes) }
            return nil
        }
        guard end <= limitBytes else { throw .headTooLarge(limitBytes: limitBytes) }
        return (try Self.lines(bytes[..<end]), bytes[end...])
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

    /// Lines without their ends. Control characters other than the line ends make the head malformed.
    private static func lines(_ head: ArraySlice<UInt8>) throws(HTTPError) -> [String] {
        var lines: [String] = []
        for line in head.dropLast(4).split(separator: 10, omittingEmptySubsequences: false) {
            let text = line.last == 13 ? line.dropLast() : line
            guard text.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 }) else { throw .malformed }
            lines.append(String(decoding: text, as: UTF8.self))
        }
        return lines
    }

    /// `Name: value` lines.
    static func headers(_ lines: some Sequence<String>) throws(HTTPError) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { throw .malformed }
            let name = String(line[..<colon])
            guard !name.contains(" "), !name.contains("\t") else { throw .malformed }
            headers.add(name, trimmed(line[line.index(after: colon)...]))
        }
        return headers
    }

    private static func trimmed(_ text: Substring) -> String {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = text.drop(while: blank)
        while let last = text.last, blank(last) { text.removeLast() }
        return String(text)
    }
}

internal import Bytes

/// A directory document cut into items: keyword lines, each with an optional PEM-like object (dir-spec.txt 1.2).
///
/// The bytes are kept as they came, because signatures and digests are over exact spans of them.
package struct NetDocument: Sendable {
    /// One keyword line with its object.
    package struct Item: Sendable {
        package let keyword: String
        /// What follows the keyword on its line.
        package let rest: String
        package let object: Object?
        /// Line and object in the document's bytes.
        package let span: Range<Int>
        /// One past the newline of the keyword line.
        package let lineEnd: Int

        /// The arguments, cut at spaces and tabs.
        package var words: [Substring] { rest.utf8.split { $0 == 0x20 || $0 == 0x09 }.map { Substring($0) } }
    }

    /// What stands between `-----BEGIN TAG-----` and `-----END TAG-----`, decoded.
    package struct Object: Equatable, Sendable {
        package let tag: String
        package let data: [UInt8]
    }

    /// A document with more items is refused; the largest real consensus has about 80,000.
    package static let itemLimit = 400_000

    package let bytes: [UInt8]
    package let items: [Item]

    /// Cuts `bytes` into items; more than `limitBytes` is refused unread.
    package init(_ bytes: [UInt8], limitBytes: Int) throws(DocumentError) {
        guard bytes.count <= limitBytes else { throw .oversized(limit: limitBytes) }
        self.bytes = bytes
        var cutter = ItemCutter(bytes)
        items = try cutter.cut()
    }

    /// The only item with this keyword.
    package func one(_ keyword: String) throws(DocumentError) -> Item {
        guard let item = try optional(keyword) else { throw .missing(keyword) }
        return item
    }

    /// The item with this keyword, if there is one; two are an error.
    package func optional(_ keyword: String) throws(DocumentError) -> Item? {
        let found = all(keyword)
        guard found.count <= 1 else { throw .repeated(keyword) }
        return found.first
    }

    package func all(_ keyword: String) -> [Item] { items.filter { $0.keyword == keyword } }
    package func has(_ keyword: String) -> Bool { items.contains { $0.keyword == keyword } }

    /// The text from the start of `first` up to and with `through`, which must be followed by that very text in the document.
    func span(from first: Item, throughKeywordOf last: Item, and mark: UInt8) throws(DocumentError) -> ArraySlice<UInt8> {
        let end = last.span.lowerBound + last.keyword.utf8.count
        guard first.span.lowerBound < end, end < bytes.count, bytes[end] == mark else { throw .invalid(last.keyword, "wrong separator") }
        return bytes[first.span.lowerBound...end]
    }
}

extension NetDocument.Item {
    /// The object, which must have this tag.
    package func data(_ tag: String) throws(DocumentError) -> [UInt8] {
        guard let object else { throw .invalid(keyword, "no object") }
        guard object.tag == tag else { throw .invalid(keyword, "object is no \(tag)") }
        return object.data
    }

    /// At least `count` arguments.
    package func words(atLeast count: Int) throws(DocumentError) -> [Substring] {
        let words = words
        guard words.count >= count else { throw .invalid(keyword, "too few arguments") }
        return words
    }
}

/// Walks the lines once.
private struct ItemCutter {
    private let bytes: [UInt8]
    private var index = 0
    private var line = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func cut() throws(DocumentError) -> [NetDocument.Item] {
        var items: [NetDocument.Item] = []
        while index < bytes.count {
            guard bytes[index] != 0x0A else {
                index += 1
                line += 1
                continue
            }
            guard items.count < NetDocument.itemLimit else { throw .oversized(limit: NetDocument.itemLimit) }
            items.append(try item())
        }
        return items
    }

    private mutating func item() throws(DocumentError) -> NetDocument.Item {
        let start = index
        let text = try nextLine()
        let lineEnd = index
        let end = text.firstIndex { $0 == 0x20 || $0 == 0x09 } ?? text.endIndex
        guard end > text.startIndex, text.first != UInt8(ascii: "-") else { throw .malformed(line: line, "no keyword") }
        let rest = text[end...].drop { $0 == 0x20 || $0 == 0x09 }
        let keyword = try string(text[..<end])
        let arguments = try string(rest)
        let object = try object()
        return NetDocument.Item(keyword: keyword, rest: arguments, object: object, span: start..<index, lineEnd: lineEnd)
    }

    private mutating func object() throws(DocumentError) -> NetDocument.Object? {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "-") else { return nil }
        let opening = try nextLine()
        let tag = try tag(of: opening, "-----BEGIN ")
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: "-") { _ = try nextLine() }
        let body = bytes[start..<index]
        guard index < bytes.count else { throw .malformed(line: line, "object without its end") }
        let closing = try nextLine()
        guard try self.tag(of: closing, "-----END ") == tag else { throw .malformed(line: line, "object without its end") }
        guard let data = Base64.decode(try string(body)) else { throw .malformed(line: line, "object is no base64") }
        return NetDocument.Object(tag: tag, data: data)
    }

    private func tag(of line: ArraySlice<UInt8>, _ opening: String) throws(DocumentError) -> String {
        let text = try string(line)
        guard text.hasPrefix(opening), text.hasSuffix("-----"), text.utf8.count > opening.utf8.count + 5 else {
            throw .malformed(line: self.line, "broken object line")
        }
        return String(text.dropFirst(opening.count).dropLast(5))
    }

    /// The next line without its newline, which must be there.
    private mutating func nextLine() throws(DocumentError) -> ArraySlice<UInt8> {
        line += 1
        guard let end = bytes[index...].firstIndex(of: 0x0A) else { throw .malformed(line: line, "cut off") }
        defer { index = end + 1 }
        return bytes[index..<end]
    }

    private func string(_ bytes: ArraySlice<UInt8>) throws(DocumentError) -> String {
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { throw .malformed(line: line, "no UTF-8 text") }
        return text
    }
}

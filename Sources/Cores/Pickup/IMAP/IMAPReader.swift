/// What a client says is not what IMAP's grammar has. The words are told to its user.
package struct IMAPFault: Error, Hashable {
    let words: String

    init(_ words: String) { self.words = words }
}

/// Reads the words of one command (RFC 3501, section 9). Literals stand in it as they came, behind their length.
package struct IMAPReader {
    /// Brackets within brackets.
    static let depthLimit = 50

    private let bytes: [UInt8]
    private(set) var index = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index >= bytes.count }
    var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    static func isAtom(_ byte: UInt8) -> Bool { byte > 32 && byte < 127 && !"(){%*\"\\]".utf8.contains(byte) }
    private static func isASTRING(_ byte: UInt8) -> Bool { isAtom(byte) || byte == UInt8(ascii: "]") }
    private static func isListed(_ byte: UInt8) -> Bool { isASTRING(byte) || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "*") }

    mutating func take(_ text: StaticString) -> Bool {
        let word = String(describing: text).utf8
        guard bytes[index...].starts(with: word) else { return false }
        index += word.count
        return true
    }

    mutating func expect(_ text: StaticString) throws(IMAPFault) {
        guard take(text) else { throw IMAPFault("\"\(text)\" expected") }
    }

    mutating func space() throws(IMAPFault) { guard take(" ") else { throw IMAPFault("a space expected") } }
    func end() throws(IMAPFault) { guard isAtEnd else { throw IMAPFault("more than the command takes") } }

    mutating func rest() -> [UInt8] {
        defer { index = bytes.count }
        return Array(bytes[index...])
    }

    private mutating func run(_ isPart: (UInt8) -> Bool) -> [UInt8] {
        let start = index
        while index < bytes.count, isPart(bytes[index]) { index += 1 }
        return Array(bytes[start..<index])
    }

    mutating func atom() throws(IMAPFault) -> String {
        let word = run(Self.isAtom)
        guard !word.isEmpty else { throw IMAPFault("a word expected") }
        return String(decoding: word, as: UTF8.self)
    }

    /// Letters only, in capitals: what keywords are compared with.
    mutating func keyword() throws(IMAPFault) -> String {
        let word = run { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        guard !word.isEmpty else { throw IMAPFault("a keyword expected") }
        return String(decoding: word, as: UTF8.self).uppercased()
    }

    mutating func number() throws(IMAPFault) -> UInt32 {
        guard let value = UInt32(String(decoding: run { (0x30...0x39).contains($0) }, as: UTF8.self)) else { throw IMAPFault("a number expected") }
        return value
    }

    mutating func astring() throws(IMAPFault) -> [UInt8] {
        if next == UInt8(ascii: "\"") || next == UInt8(ascii: "{") { return try string() }
        let word = run(Self.isASTRING)
        guard !word.isEmpty else { throw IMAPFault("a string expected") }
        return word
    }

    mutating func text() throws(IMAPFault) -> String { String(decoding: try astring(), as: UTF8.self) }

    mutating func listPattern() throws(IMAPFault) -> String {
        if next == UInt8(ascii: "\"") || next == UInt8(ascii: "{") { return String(decoding: try string(), as: UTF8.self) }
        let word = run(Self.isListed)
        guard !word.isEmpty else { throw IMAPFault("a pattern expected") }
        return String(decoding: word, as: UTF8.self)
    }

    mutating func string() throws(IMAPFault) -> [UInt8] {
        if take("{") { return try literal() }
        try expect("\"")
        var text: [UInt8] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") { index += 1 }
            guard let byte = next, byte != 13, byte != 10 else { break }
            text.append(byte)
            index += 1
        }
        try expect("\"")
        return text
    }

    private mutating func literal() throws(IMAPFault) -> [UInt8] {
        let count = Int(try number())
        _ = take("+")
        try expect("}\r\n")
        guard bytes.count - index >= count else { throw IMAPFault("the literal is cut off") }
        defer { index += count }
        return Array(bytes[index..<index + count])
    }

    /// `(one two)`, or one alone.
    mutating func list<Item>(_ item: (inout IMAPReader) throws(IMAPFault) -> Item) throws(IMAPFault) -> [Item] {
        guard take("(") else { return [try item(&self)] }
        var items: [Item] = []
        while !take(")") {
            if !items.isEmpty { try space() }
            items.append(try item(&self))
        }
        return items
    }

    mutating func flag() throws(IMAPFault) -> LetterFlag? {
        let isOfSystem = take("\\"), name = try atom()
        return LetterFlag((isOfSystem ? "\\" : "") + name)
    }

    /// `2,4:7,9:*`
    mutating func set() throws(IMAPFault) -> SequenceSet {
        var ranges: [(SequenceSet.Bound, SequenceSet.Bound)] = []
        repeat {
            guard ranges.count < SequenceSet.limit else { throw IMAPFault("too many ranges") }
            let first = try bound()
            ranges.append((first, take(":") ? try bound() : first))
        } while take(",")
        return SequenceSet(ranges: ranges)
    }

    private mutating func bound() throws(IMAPFault) -> SequenceSet.Bound {
        if take("*") { return .last }
        let value = try number()
        guard value > 0 else { throw IMAPFault("numbers begin at 1") }
        return .number(value)
    }
}

/// Numbers of letters, as a client names them.
struct SequenceSet: Sendable {
    enum Bound: Sendable { case number(UInt32), last }

    static let limit = 10_000

    let ranges: [(Bound, Bound)]

    /// As ranges, in the order in which they were named; the last number stands for `*`.
    func resolved(last: UInt32) -> [ClosedRange<UInt32>] {
        ranges.map { first, second in
            let (a, b) = (value(first, last), value(second, last))
            return min(a, b)...max(a, b)
        }
    }

    private func value(_ bound: Bound, _ last: UInt32) -> UInt32 { if case .number(let value) = bound { value } else { last } }
}

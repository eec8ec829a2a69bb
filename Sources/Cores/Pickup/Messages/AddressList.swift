/// Addresses of a header field (RFC 5322, section 3.4), read as far as that goes.
package struct AddressList: Sendable {
    package enum Entry: Hashable, Sendable {
        case mailbox(name: [UInt8]?, local: [UInt8], domain: [UInt8])
        case groupStart([UInt8])
        case groupEnd
    }

    private static let limit = 1_000

    package private(set) var entries: [Entry] = []
    private let bytes: [UInt8]
    private var index = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        while index < bytes.count, entries.count < Self.limit { readEntry() }
    }

    private mutating func readEntry() {
        var words: [UInt8] = [], comment: [UInt8]?, angle: [UInt8]?
        scan: while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "\""): words += QuotedString.read(bytes, &index)
            case UInt8(ascii: "("): comment = self.comment()
            case UInt8(ascii: "<"): angle = self.angle()
            case UInt8(ascii: ","), UInt8(ascii: ";"):
                break scan
            case UInt8(ascii: ":") where angle == nil:
                index += 1
                return entries.append(.groupStart(Self.trimmed(words)))
            default:
                words.append(byte)
                index += 1
            }
        }
        add(Self.trimmed(words), comment, angle)
        if index < bytes.count, bytes[index] == UInt8(ascii: ";") { entries.append(.groupEnd) }
        index += 1
    }

    private mutating func add(_ words: [UInt8], _ comment: [UInt8]?, _ angle: [UInt8]?) {
        guard angle != nil || !words.isEmpty else { return }
        let name = angle == nil ? comment : (words.isEmpty ? comment : words)
        // A route before the address is of no use to anybody.
        let address = (angle ?? words).split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).last.map(Array.init) ?? []
        let sign = address.lastIndex(of: UInt8(ascii: "@"))
        entries.append(.mailbox(name: name, local: sign.map { Array(address[..<$0]) } ?? address, domain: sign.map { Array(address[($0 + 1)...]) } ?? []))
    }

    private mutating func comment() -> [UInt8] {
        var text: [UInt8] = [], depth = 0
        repeat {
            let byte = bytes[index]
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            if depth > 0, !(depth == 1 && byte == UInt8(ascii: "(")) { text.append(byte) }
            index += 1
        } while depth > 0 && index < bytes.count
        return text
    }

    private mutating func angle() -> [UInt8] {
        index += 1
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: ">") { index += 1 }
        defer { index += 1 }
        return bytes[start..<index].filter { $0 > 32 }
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        guard let first = bytes.firstIndex(where: { $0 > 32 }), let last = bytes.lastIndex(where: { $0 > 32 }) else { return [] }
        return Array(bytes[first...last])
    }
}

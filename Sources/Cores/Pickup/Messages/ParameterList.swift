/// A value with parameters, as `Content-Type` and `Content-Disposition` have it (RFC 2045, section 5.1; RFC 2183).
struct ParameterList: Hashable, Sendable {
    private static let limit = 64

    let value: String
    /// Names in capitals, values without quotes, in their order.
    let parameters: [(name: String, value: [UInt8])]

    init(_ bytes: [UInt8]) {
        var scanner = Scanner(bytes: bytes)
        value = String(decoding: scanner.word(until: [UInt8(ascii: ";")]), as: UTF8.self)
        var found: [(name: String, value: [UInt8])] = []
        while scanner.take(UInt8(ascii: ";")), found.count < Self.limit {
            let name = scanner.word(until: [UInt8(ascii: "="), UInt8(ascii: ";")])
            guard scanner.take(UInt8(ascii: "=")) else { continue }
            found.append((String(decoding: name, as: UTF8.self).uppercased(), scanner.word(until: [UInt8(ascii: ";")])))
        }
        parameters = found
    }

    subscript(_ name: String) -> [UInt8]? { parameters.first { $0.name == name }?.value }

    static func == (a: ParameterList, b: ParameterList) -> Bool { a.value == b.value && a.parameters.elementsEqual(b.parameters) { $0 == $1 } }
    func hash(into hasher: inout Hasher) { hasher.combine(value) }

    private struct Scanner {
        let bytes: [UInt8]
        var index = 0

        mutating func take(_ byte: UInt8) -> Bool {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
            return true
        }

        /// Up to one of the marks, outside of quotes and comments, without white space.
        mutating func word(until marks: Set<UInt8>) -> [UInt8] {
            var word: [UInt8] = []
            while index < bytes.count, !marks.contains(bytes[index]) {
                switch bytes[index] {
                case UInt8(ascii: "\""): word += QuotedString.read(bytes, &index)
                case UInt8(ascii: "("): skipComment()
                case 0...32: index += 1
                default:
                    word.append(bytes[index])
                    index += 1
                }
            }
            return word
        }

        private mutating func skipComment() {
            var depth = 0
            while index < bytes.count {
                if bytes[index] == UInt8(ascii: "(") { depth += 1 }
                if bytes[index] == UInt8(ascii: ")") { depth -= 1 }
                if bytes[index] == UInt8(ascii: "\\") { index += 1 }
                index += 1
                if depth == 0 { return }
            }
        }
    }
}

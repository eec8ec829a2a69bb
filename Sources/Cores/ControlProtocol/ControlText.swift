internal import Bytes

/// Quoted strings and `KEY=VALUE` arguments of control commands (control-spec.txt 2.1).
package enum ControlText {
    /// `"text"` with backslashes before what would end or change it.
    package static func quoted(_ text: some StringProtocol) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += Array("\\n".utf8)
            case 0x0D: bytes += Array("\\r".utf8)
            case 0x09: bytes += Array("\\t".utf8)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes + [UInt8(ascii: "\"")], as: UTF8.self)
    }

    /// One `KEY` or `KEY=VALUE` of SETCONF and its like; a value may be quoted.
    package struct Pair: Equatable, Sendable {
        package let key: String
        /// `nil` when there was no `=`.
        package let value: String?
    }

    package static func pairs(_ text: String) throws(ControlRefusal) -> [Pair] {
        var rest = Substring(text).drop { $0 == " " || $0 == "\t" }
        var found: [Pair] = []
        while !rest.isEmpty {
            let end = rest.firstIndex { $0 == "=" || $0 == " " || $0 == "\t" } ?? rest.endIndex
            let key = String(rest[..<end])
            guard !key.isEmpty else { throw .syntax("Expected an option before \"=\"") }
            rest = rest[end...]
            var value: String?
            if rest.first == "=" { (value, rest) = try self.value(rest.dropFirst()) }
            found.append(Pair(key: key, value: value))
            rest = rest.drop { $0 == " " || $0 == "\t" }
        }
        return found
    }

    /// The value at the start of the text, and what follows it.
    package static func value(_ text: Substring) throws(ControlRefusal) -> (String, Substring) {
        guard text.first == "\"" else {
            let end = text.firstIndex { $0 == " " || $0 == "\t" } ?? text.endIndex
            return (String(text[..<end]), text[end...])
        }
        var rest = ArraySlice(text.utf8.dropFirst())
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return (String(decoding: value, as: UTF8.self), Substring(decoding: rest, as: UTF8.self))
            case UInt8(ascii: "\\"): value.append(try escape(&rest))
            default: value.append(byte)
            }
        }
        throw .syntax("Expected a closing quote")
    }

    private static func escape(_ rest: inout ArraySlice<UInt8>) throws(ControlRefusal) -> UInt8 {
        guard let mark = rest.popFirst() else { throw .syntax("Expected a character after \\") }
        switch mark {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "0")...UInt8(ascii: "7"): return try octal(mark, &rest)
        default: return mark
        }
    }

    private static func octal(_ first: UInt8, _ rest: inout ArraySlice<UInt8>) throws(ControlRefusal) -> UInt8 {
        let digits = [first] + rest.prefix(2).prefix { (0x30...0x37).contains($0) }
        rest = rest.dropFirst(digits.count - 1)
        guard let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8) else { throw .syntax("Expected \\0 to \\377") }
        return value
    }

    /// A secret as AUTHENTICATE and AUTHCHALLENGE take it: hexadecimal digits or a quoted string.
    package static func secret(_ text: Substring) throws(ControlRefusal) -> (bytes: [UInt8], isQuoted: Bool) {
        if text.first == "\"" {
            let (value, rest) = try value(text)
            guard rest.allSatisfy({ $0 == " " }) else { throw .syntax("Expected nothing after the closing quote") }
            return (Array(value.utf8), true)
        }
        guard let bytes = Hex.decode(String(text)) else { throw .syntax("Expected hexadecimal digits or a quoted string") }
        return (bytes, false)
    }
}

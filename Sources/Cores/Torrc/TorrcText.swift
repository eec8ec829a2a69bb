/// Reads the text of a torrc into assignments: comments, continued lines and quoted values as in tor(1), "THE CONFIGURATION FILE FORMAT".
package enum TorrcText {
    /// The longest text that is read.
    package static let limitBytes = 4 << 20

    /// - Parameter name: how messages call the file.
    package static func assignments(in text: String, name: String) throws(TorrcError) -> [Assignment] {
        guard text.utf8.count <= limitBytes else {
            throw TorrcError(origin: .file(name, line: 1), option: nil, problem: "longer than \(limitBytes) bytes")
        }
        var found: [Assignment] = []
        for line in logicalLines(text) {
            if let one = try assignment(line.text, origin: .file(name, line: line.number)) { found.append(one) }
        }
        return found
    }

    /// Joins lines that end in a backslash. Comment lines between continued lines vanish without ending the value.
    private static func logicalLines(_ text: String) -> [(number: Int, text: Substring)] {
        var lines: [(number: Int, text: Substring)] = []
        var isContinued = false
        // Split as bytes: to a String, "\r\n" is one character.
        for (index, bytes) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = Substring(decoding: bytes.last == 0x0D ? bytes.dropLast() : bytes, as: UTF8.self)
            let isComment = line.trimmedStart.first == "#"
            if isContinued, isComment { continue }
            let ends = !isComment && line.last == "\\"
            let part = ends ? line.dropLast() : line
            if isContinued { lines[lines.count - 1].text += part } else { lines.append((index + 1, part)) }
            isContinued = ends
        }
        return lines
    }

    private static func assignment(_ line: Substring, origin: OptionOrigin) throws(TorrcError) -> Assignment? {
        let line = line.trimmedStart
        guard let first = line.first, first != "#" else { return nil }
        if first == "%" { throw TorrcError(origin: origin, option: "%include", problem: "is not supported: put the lines into this file") }
        let end = line.firstIndex { $0 == " " || $0 == "\t" || $0 == "#" } ?? line.endIndex
        let (manner, name) = Assignment.manner(of: line[..<end])
        let value = try value(line[end...].trimmedStart, option: String(name), origin: origin)
        return Assignment(manner: manner, option: String(name), value: value, origin: origin)
    }

    private static func value(_ text: Substring, option: String, origin: OptionOrigin) throws(TorrcError) -> String {
        guard text.first == "\"" else { return String(text.prefix { $0 != "#" }.trimmedEnd) }
        do throws(ValueError) {
            let (value, rest) = try quoted(text.dropFirst())
            guard rest.trimmedStart.isEmpty || rest.trimmedStart.first == "#" else { throw ValueError("nothing but a comment after the closing quote") }
            return value
        } catch {
            throw TorrcError(origin: origin, option: option, problem: "expected \(error.expected)")
        }
    }

    /// The value up to the closing quote, C escapes undone, and what follows.
    private static func quoted(_ text: Substring) throws(ValueError) -> (String, Substring) {
        var value: [UInt8] = []
        var rest = ArraySlice(text.utf8)
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return (String(decoding: value, as: UTF8.self), Substring(decoding: rest, as: UTF8.self))
            case UInt8(ascii: "\\"): value.append(try escape(&rest))
            default: value.append(byte)
            }
        }
        throw ValueError("a closing quote (\")")
    }

    private static func escape(_ rest: inout ArraySlice<UInt8>) throws(ValueError) -> UInt8 {
        guard let mark = rest.popFirst() else { throw ValueError("a character after \\") }
        switch mark {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): return mark
        case UInt8(ascii: "x"): return try number([], &rest, radix: 16, digits: 2)
        case 0x30...0x37: return try number([mark], &rest, radix: 8, digits: 2)
        default: throw ValueError("one of \\n \\t \\r \\\" \\' \\\\ \\xHH \\OOO as escape")
        }
    }

    private static func number(_ first: [UInt8], _ rest: inout ArraySlice<UInt8>, radix: Int, digits: Int) throws(ValueError) -> UInt8 {
        let more = rest.prefix(digits)
        guard more.count == digits, let value = UInt8(String(decoding: first + more, as: UTF8.self), radix: radix) else {
            throw ValueError("\\xHH or \\OOO as escape")
        }
        rest = rest.dropFirst(digits)
        return value
    }
}

extension Substring {
    var trimmedStart: Substring { drop { $0 == " " || $0 == "\t" } }
    var trimmedEnd: Substring {
        var end = self
        while let last = end.last, last == " " || last == "\t" { end.removeLast() }
        return end
    }
}

/// The lines that answer a command, or tell of an event (control-spec.txt 2.3).
package struct ControlReply: Equatable, Sendable {
    private enum Line: Equatable, Sendable {
        case plain(Int, String)
        case data(Int, String, String)
    }

    private var lines: [Line] = []

    package init() {}
    package init(_ code: Int, _ text: String) { add(code, text) }
    package init(_ refusal: ControlRefusal) { add(refusal.code, refusal.reason) }

    package static let ok = ControlReply(250, "OK")

    package mutating func add(_ code: Int, _ text: String) { lines.append(.plain(code, Self.oneLine(text))) }

    /// `KEY=VALUE`, with the value on lines of its own when it has more than one.
    package mutating func add(_ code: Int, key: String, value: String) {
        if value.utf8.contains(0x0A) { lines.append(.data(code, "\(key)=", value)) } else { add(code, "\(key)=\(value)") }
    }

    /// A line and lines that belong to it.
    package mutating func add(_ code: Int, _ text: String, data: String) { lines.append(.data(code, Self.oneLine(text), data)) }

    /// The last line is the end of the reply; a reply that ends in data gets `250 OK` behind it.
    package var text: String {
        var text = ""
        for (index, line) in lines.enumerated() {
            let isLast = index == lines.count - 1
            switch line {
            case .plain(let code, let words): text += "\(code)\(isLast ? " " : "-")\(words)\r\n"
            case .data(let code, let words, let data):
                text += "\(code)+\(words)\r\n\(Self.dotted(data))"
                if isLast { text += "\(code) OK\r\n" }
            }
        }
        return text
    }

    package var bytes: [UInt8] { Array(text.utf8) }

    private static func oneLine(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text }
        return String(decoding: text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }

    /// Lines that begin with a dot get another, CRLF ends each, and a lone dot ends them all.
    private static func dotted(_ data: String) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(data.utf8.count + 64)
        var lines = data.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for line in lines {
            if line.first == UInt8(ascii: ".") { out.append(UInt8(ascii: ".")) }
            out += line.last == 0x0D ? line.dropLast() : line
            out += [0x0D, 0x0A]
        }
        return String(decoding: out, as: UTF8.self) + ".\r\n"
    }
}

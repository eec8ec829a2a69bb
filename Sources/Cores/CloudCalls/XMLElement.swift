/// A small part of XML: elements, text and the five predefined entities. Attributes, comments, declarations and name prefixes are skipped; a document
/// type is refused, for nothing that answers us has one and much mischief begins with one.
package struct XMLElement: Equatable, Sendable {
    package private(set) var name: String
    package private(set) var children: [XMLElement] = []
    package private(set) var text = ""

    package static let depthLimit = 32
    package static let elementsLimit = 200_000

    /// `nil` unless the bytes are exactly one well-formed element.
    package init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let root = reader.document() else { return nil }
        self = root
    }

    /// The first child of that name.
    package subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    private init(name: String) { self.name = name }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0
        var elements = 0

        mutating func document() -> XMLElement? {
            guard skipMisc(), let root = element(depth: 1), skipMisc(), at == bytes.count else { return nil }
            return root
        }

        /// Blanks, comments and declarations; `false` for one without an end.
        mutating func skipMisc() -> Bool {
            while at < bytes.count {
                if isBlank(bytes[at]) {
                    at += 1
                } else if has("<?") {
                    guard skip(past: "?>") else { return false }
                } else if has("<!--") {
                    guard skip(past: "-->") else { return false }
                } else {
                    return true
                }
            }
            return true
        }

        mutating func element(depth: Int) -> XMLElement? {
            elements += 1
            guard depth <= XMLElement.depthLimit, elements <= XMLElement.elementsLimit, let (name, isEmpty) = opening() else { return nil }
            var made = XMLElement(name: String(name.split(separator: ":").last ?? ""))
            guard !isEmpty else { return made }
            while at < bytes.count {
                if has("</") {
                    at += 2
                    guard word() == name else { return nil }
                    skipBlanks()
                    return take(">") ? made : nil
                } else if has("<!--") {
                    guard skip(past: "-->") else { return nil }
                } else if bytes[at] == UInt8(ascii: "<") {
                    guard let child = element(depth: depth + 1) else { return nil }
                    made.children.append(child)
                } else {
                    guard let text = text() else { return nil }
                    made.text += text
                }
            }
            return nil
        }

        /// `<name attributes…>` or `<name …/>`.
        private mutating func opening() -> (name: String, isEmpty: Bool)? {
            guard take("<") else { return nil }
            let name = word()
            guard !name.isEmpty else { return nil }
            var quote: UInt8?
            while at < bytes.count {
                let byte = bytes[at]
                at += 1
                if let open = quote {
                    if byte == open { quote = nil }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                } else if byte == UInt8(ascii: ">") {
                    return (name, bytes[at - 2] == UInt8(ascii: "/"))
                } else if byte == UInt8(ascii: "<") {
                    return nil
                }
            }
            return nil
        }

        private mutating func word() -> String {
            let start = at
            while at < bytes.count, isNamed(bytes[at]) { at += 1 }
            return String(decoding: bytes[start..<at], as: UTF8.self)
        }

        private mutating func text() -> String? {
            let start = at
            while at < bytes.count, bytes[at] != UInt8(ascii: "<") { at += 1 }
            return Self.unescaped(bytes[start..<at])
        }

        private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String? {
            var out: [UInt8] = []
            var rest = bytes
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "&") else { out.append(byte); continue }
                guard let end = rest.prefix(10).firstIndex(of: UInt8(ascii: ";")),
                    let meant = character(String(decoding: rest[rest.startIndex..<end], as: UTF8.self))
                else { return nil }
                out += Array(String(meant).utf8)
                rest = rest[(end + 1)...]
            }
            return String(decoding: out, as: UTF8.self)
        }

        private static func character(_ name: String) -> Character? {
            switch name {
            case "lt": "<"
            case "gt": ">"
            case "amp": "&"
            case "quot": "\""
            case "apos": "'"
            default: number(name).flatMap(Unicode.Scalar.init).map(Character.init)
            }
        }

        private static func number(_ name: String) -> UInt32? {
            name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
        }

        private mutating func skipBlanks() { while at < bytes.count, isBlank(bytes[at]) { at += 1 } }

        private func has(_ mark: String) -> Bool { bytes[at...].starts(with: mark.utf8) }

        private mutating func take(_ mark: String) -> Bool {
            guard has(mark) else { return false }
            at += mark.utf8.count
            return true
        }

        private mutating func skip(past mark: String) -> Bool {
            while at < bytes.count { if take(mark) { return true } else { at += 1 } }
            return false
        }

        private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

        private func isNamed(_ byte: UInt8) -> Bool {
            (0x30...0x3A).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte >= 0x80
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
    }
}

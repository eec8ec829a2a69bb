/// `KEY=VALUE KEY="quoted \"value\""`, as LOG and STATUS lines have it.
enum KeyValueLine {
    /// `nil` when it is something else. Of a key that comes twice the first counts.
    static func parse(_ text: Substring) -> [String: String]? {
        var values: [String: String] = [:]
        var rest = text.drop { $0 == " " }
        while !rest.isEmpty {
            guard let equals = rest.firstIndex(of: "="), equals != rest.startIndex else { return nil }
            let key = String(rest[..<equals])
            guard !key.contains(where: { $0 == " " || $0 == "\"" }) else { return nil }
            rest = rest[rest.index(after: equals)...]
            guard let value = rest.first == "\"" ? quoted(&rest) : bare(&rest) else { return nil }
            if values[key] == nil { values[key] = value }
            guard rest.isEmpty || rest.first == " " else { return nil }
            rest = rest.drop { $0 == " " }
        }
        return values
    }

    private static func bare(_ rest: inout Substring) -> String? {
        let value = rest.prefix { $0 != " " }
        rest = rest[value.endIndex...]
        return value.contains("\"") ? nil : String(value)
    }

    /// A C string: a backslash takes the next character as it is, but for the letters that stand for white space.
    private static func quoted(_ rest: inout Substring) -> String? {
        var value = ""
        var characters = rest.dropFirst()
        while let character = characters.popFirst() {
            switch character {
            case "\"":
                rest = characters
                return value
            case "\\":
                guard let escaped = characters.popFirst() else { return nil }
                value.append(["n": "\n", "r": "\r", "t": "\t"][escaped] ?? escaped)
            default: value.append(character)
            }
        }
        return nil
    }
}

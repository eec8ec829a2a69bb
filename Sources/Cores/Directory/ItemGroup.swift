/// Items that belong together: a header, one relay's entry, one signature.
struct ItemGroup {
    var items: [NetDocument.Item]

    func one(_ keyword: String) throws(DocumentError) -> NetDocument.Item {
        guard let item = try optional(keyword) else { throw .missing(keyword) }
        return item
    }

    func optional(_ keyword: String) throws(DocumentError) -> NetDocument.Item? {
        var found: NetDocument.Item?
        for item in items where item.keyword == keyword {
            guard found == nil else { throw .repeated(keyword) }
            found = item
        }
        return found
    }

    func all(_ keyword: String) -> [NetDocument.Item] { items.filter { $0.keyword == keyword } }

    /// The parts of the line's value; nothing without the line.
    func list(_ keyword: String, separator: Character) -> [String] {
        items.first { $0.keyword == keyword }?.rest.split(separator: separator).map(String.init) ?? []
    }

    func protocols(_ keyword: String) throws(DocumentError) -> ProtocolVersions {
        guard let item = try optional(keyword) else { return ProtocolVersions() }
        guard let versions = ProtocolVersions(item.rest) else { throw .invalid(keyword, "no protocol versions") }
        return versions
    }

    /// `name=number` pairs; a repeated name is an error.
    func numbers(_ keyword: String) throws(DocumentError) -> [String: Int32] {
        guard let item = try optional(keyword) else { return [:] }
        var numbers: [String: Int32] = [:]
        for word in item.words {
            guard let (name, value) = Self.pair(word) else { throw .invalid(keyword, "\(word) is no name=number") }
            guard numbers.updateValue(value, forKey: name) == nil else { throw .invalid(keyword, "\(name) is there twice") }
        }
        return numbers
    }

    private static func pair(_ word: Substring) -> (String, Int32)? {
        guard let mark = word.firstIndex(of: "="), mark > word.startIndex else { return nil }
        let digits = word[word.index(after: mark)...]
        let isNegative = digits.hasPrefix("-")
        guard let size = Decimal.parse(isNegative ? digits.dropFirst() : digits, in: 0...Int64(Int32.max) + 1), let value = Int32(exactly: isNegative ? -size : size)
        else { return nil }
        return (String(word[..<mark]), value)
    }
}

extension [ItemGroup] {
    func parse<T>(_ parse: (ItemGroup) throws(DocumentError) -> T) throws(DocumentError) -> [T] {
        try compactMapItems { (group: ItemGroup) throws(DocumentError) -> T? in try parse(group) }
    }

    func compactMapItems<T>(_ parse: (ItemGroup) throws(DocumentError) -> T?) throws(DocumentError) -> [T] {
        var results: [T] = []
        for group in self { if let result = try parse(group) { results.append(result) } }
        return results
    }
}

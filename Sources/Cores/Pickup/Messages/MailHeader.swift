/// The fields above a message or one of its parts (RFC 5322, section 2.2), as they stand there. Whatever it is, it has some reading.
package struct MailHeader: Sendable {
    package struct Field: Hashable, Sendable {
        package let name: String
        /// The whole field with its folds and its line end, as an index range of the message.
        package let range: Range<Int>
        /// What is behind the colon, unfolded, without white space around it.
        package let value: [UInt8]
    }

    /// Further ones are not seen as fields.
    static let fieldsLimit = 1_000

    package let fields: [Field]

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        var fields: [Field] = [], start = range.lowerBound
        while start < range.upperBound, fields.count < Self.fieldsLimit {
            var end = Lines.next(bytes, start, range.upperBound)
            while end < range.upperBound, bytes[end] == 32 || bytes[end] == 9 { end = Lines.next(bytes, end, range.upperBound) }
            if let colon = bytes[start..<end].firstIndex(of: UInt8(ascii: ":")) {
                let name = bytes[start..<colon].filter { $0 > 32 && $0 < 127 }
                fields.append(Field(name: String(decoding: name, as: UTF8.self).lowercased(), range: start..<end, value: Self.trimmed(bytes[(colon + 1)..<end])))
            }
            start = end
        }
        self.fields = fields
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let unfolded = bytes.filter { $0 != 13 && $0 != 10 }
        guard let first = unfolded.firstIndex(where: { $0 != 32 && $0 != 9 }), let last = unfolded.lastIndex(where: { $0 != 32 && $0 != 9 }) else { return [] }
        return Array(unfolded[first...last])
    }

    /// The first of that name, in lower case.
    package subscript(_ name: String) -> [UInt8]? { fields.first { $0.name == name }?.value }
}

enum Lines {
    /// The index behind the next line feed.
    static func next(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, bytes[index] != 10 { index += 1 }
        return min(index + 1, end)
    }

    /// How many there are, the last without an end included.
    static func count(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        let feeds = bytes[range].reduce(0) { $1 == 10 ? $0 + 1 : $0 }
        return feeds + (range.isEmpty || bytes[range.upperBound - 1] == 10 ? 0 : 1)
    }
}

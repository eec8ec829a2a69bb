/// Text as its author sees it, whatever the program did to the lines.
enum PlainText {
    /// Lines that end in CR LF, without white space at their ends or empty lines at the end of all; `nil` if nothing is left.
    static func tidied(_ text: String, isFlowed: Bool, deletesSpace: Bool) -> [UInt8]? {
        var lines = lines(Array(text.utf8))
        if isFlowed { lines = unflowed(lines, deletesSpace: deletesSpace) }
        lines = lines.map { $0 == signature ? $0 : trimmed($0) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        guard !lines.isEmpty else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 2 * lines.count)
        for line in lines {
            out += line
            out += [13, 10]
        }
        return out
    }

    /// What separates a signature has a space at its end that means something.
    private static let signature = Array("-- ".utf8)[...]

    private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = [], rest = bytes[...]
        while let (line, after) = HeaderFields.line(rest) {
            found.append(line)
            rest = after
        }
        return found
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while let last = line.last, last == 0x20 || last == 0x09 || last == 13 { line = line.dropLast() }
        return line
    }

    /// Paragraphs that a program broke into lines (RFC 3676, section 4.4), whole again.
    private static func unflowed(_ lines: [ArraySlice<UInt8>], deletesSpace: Bool) -> [ArraySlice<UInt8>] {
        var out: [ArraySlice<UInt8>] = [], open: (depth: Int, text: [UInt8])?
        for line in lines {
            let depth = line.prefix { $0 == 0x3E }.count
            var text = line.dropFirst(depth)
            if text.first == 0x20 { text = text.dropFirst() }
            if let before = open, before.depth != depth || text == signature {
                out.append(quoted(before.text[...], before.depth))
                open = nil
            }
            let isFlowed = text.last == 0x20 && text != signature
            let whole = (open?.text ?? []) + (isFlowed && deletesSpace ? text.dropLast() : text)
            if isFlowed { open = (depth, whole) } else {
                out.append(quoted(whole[...], depth))
                open = nil
            }
        }
        if let open { out.append(quoted(open.text[...], open.depth)) }
        return out
    }

    private static func quoted(_ text: ArraySlice<UInt8>, _ depth: Int) -> ArraySlice<UInt8> {
        depth == 0 ? text : ([UInt8](repeating: 0x3E, count: depth) + (text.isEmpty ? [] : [0x20]) + text)[...]
    }
}

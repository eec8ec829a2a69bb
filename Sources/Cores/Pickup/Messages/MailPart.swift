/// A message and its parts (RFC 2045, RFC 2046), as ranges of its bytes. Nothing is refused: what makes no sense is one part of plain bytes.
package struct MailPart: Sendable {
    /// Beyond either a part is not looked into.
    static let depthLimit = 20, partsLimit = 500

    package enum Content: Sendable {
        case single
        case several([MailPart])
        /// `message/rfc822`: one element.
        case message([MailPart])
    }

    package let header: MailHeader
    /// With the empty line that ends it.
    package let headerRange: Range<Int>
    package let bodyRange: Range<Int>
    let type: ParameterList
    package let content: Content

    package init(_ bytes: [UInt8]) {
        var parts = 0
        self.init(bytes, bytes.startIndex..<bytes.endIndex, depth: 0, &parts, isDigest: false)
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>, depth: Int, _ parts: inout Int, isDigest: Bool) {
        parts += 1
        let end = Self.headerEnd(bytes, range)
        headerRange = range.lowerBound..<end
        bodyRange = end..<range.upperBound
        header = MailHeader(bytes, headerRange)
        type = header["content-type"].map(ParameterList.init) ?? ParameterList(Array((isDigest ? "message/rfc822" : "text/plain").utf8))
        content = Self.content(bytes, bodyRange, type, depth: depth, &parts)
    }

    private static func content(_ bytes: [UInt8], _ range: Range<Int>, _ type: ParameterList, depth: Int, _ parts: inout Int) -> Content {
        let name = type.value.lowercased()
        guard depth < depthLimit else { return .single }
        if name == "message/rfc822" { return .message([MailPart(bytes, range, depth: depth + 1, &parts, isDigest: false)]) }
        guard name.hasPrefix("multipart/"), let boundary = type["BOUNDARY"], (1...200).contains(boundary.count) else { return .single }
        var inner: [MailPart] = []
        for range in Self.split(bytes, range, boundary) {
            guard parts < partsLimit else { break }
            inner.append(MailPart(bytes, range, depth: depth + 1, &parts, isDigest: name == "multipart/digest"))
        }
        return inner.isEmpty ? .single : .several(inner)
    }

    /// The index behind the empty line.
    private static func headerEnd(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = Lines.next(bytes, start, range.upperBound)
            if bytes[start] == 10 || bytes[start] == 13 && end - start == 2 { return end }
            start = end
        }
        return range.upperBound
    }

    /// What lies between the boundary's lines; the line end before one belongs to it.
    private static func split(_ bytes: [UInt8], _ range: Range<Int>, _ boundary: [UInt8]) -> [Range<Int>] {
        let mark = Array("--".utf8) + boundary
        var found: [Range<Int>] = [], open: Int?, start = range.lowerBound
        while start < range.upperBound {
            let end = Lines.next(bytes, start, range.upperBound)
            if bytes[start..<end].starts(with: mark) {
                let rest = bytes[(start + mark.count)..<end].filter { $0 > 32 }
                if rest.isEmpty || rest == Array("--".utf8) {
                    if let open { found.append(open..<max(open, lineEnd(bytes, before: start, open))) }
                    open = rest.isEmpty ? end : nil
                    if !rest.isEmpty { return found }
                }
            }
            start = end
        }
        if let open { found.append(open..<range.upperBound) }
        return found
    }

    private static func lineEnd(_ bytes: [UInt8], before index: Int, _ floor: Int) -> Int {
        guard index > floor, bytes[index - 1] == 10 else { return index }
        return index - 1 > floor && bytes[index - 2] == 13 ? index - 2 : index - 1
    }

    /// The part that numbers lead to, as IMAP counts them (RFC 3501, section 6.4.5); what a message is made of begins at 1 even if it is one piece.
    package func part(_ path: ArraySlice<UInt32>) -> MailPart? {
        guard let number = path.first else { return self }
        switch content {
        case .several(let parts): return number >= 1 && Int(number) <= parts.count ? parts[Int(number) - 1].part(path.dropFirst()) : nil
        case .message(let inner):
            if case .several = inner[0].content { return inner[0].part(path) }
            return number == 1 ? inner[0].part(path.dropFirst()) : nil
        case .single: return number == 1 && path.count == 1 ? self : nil
        }
    }
}

/// What a letter consists of, apart from how it was written: texts, files, and how they belong together.
indirect enum LetterPart {
    struct File {
        /// `type/subtype`, and the few parameters that are needed to open it.
        var type: String
        var parameters: [(name: String, value: String)] = []
        var name: String?
        var bytes: [UInt8]
        /// By which an HTML text beside it shows it.
        var contentID: String?
    }

    /// Lines in UTF-8, of `text/SUBTYPE`.
    case text(subtype: String, [UInt8], parameters: [(name: String, value: String)])
    /// In a character set that is not known here: as it was.
    case file(File)
    case group(subtype: String, [LetterPart], parameters: [(name: String, value: String)])

    /// Depth of parts in parts, and parts in all.
    static let depthLimit = 20
    static let countLimit = 1_000

    private static let tooMany = SMTPReply(554, "5.6.0", "the letter has too many parts")

    /// Reads a message's or part's header and body. `nil` for an empty text, which says nothing.
    static func read(_ fields: HeaderFields, depth: Int, count: inout Int) throws(SMTPReply) -> LetterPart? {
        count += 1
        guard depth <= depthLimit, count <= countLimit else { throw tooMany }
        let type = MediaType(fields.first("content-type") ?? "text/plain"), disposition = MediaType(fields.first("content-disposition") ?? "")
        if type.value.hasPrefix("multipart/") { return try group(fields, type, depth: depth, count: &count) }
        let bytes = try TransferEncoding.decode(fields.body, HeaderFields.tidied(fields.first("content-transfer-encoding") ?? "").asciiLowercased)
        if type.value.hasPrefix("message/") { return .file(File(type: "application/octet-stream", name: "letter.eml", bytes: bytes)) }
        let name = disposition["filename"] ?? type["name"]
        if name == nil, disposition.value != "attachment", let part = text(type, bytes) { return part.isEmptyText ? nil : part }
        guard !isSigned(type) else { throw signed }
        return .file(File(
            type: isType(type.value) ? type.value : "application/octet-stream", parameters: kept(type), name: name, bytes: bytes,
            contentID: fields.first("content-id").map { $0.filter { $0 != "<" && $0 != ">" && $0 != " " } }))
    }

    private var isEmptyText: Bool { if case .text(_, let bytes, _) = self { bytes.isEmpty } else { false } }

    private static let signed = SMTPReply(554, "5.6.0", "a signed letter names its author, and the signature would not outlive the way: send it unsigned, or encrypted")

    private static func isSigned(_ type: MediaType) -> Bool {
        type.value == "application/pgp-signature" || type.value == "application/pkcs7-signature" || type.value == "application/x-pkcs7-signature"
            || (type.value.hasSuffix("pkcs7-mime") && type["smime-type"]?.asciiLowercased == "signed-data")
    }

    /// `nil` for what is no text, or no text that can be read.
    private static func text(_ type: MediaType, _ bytes: [UInt8]) -> LetterPart? {
        guard ["text/plain", "text/html", "text/calendar", ""].contains(type.value), let charset = Charset((type["charset"] ?? "").asciiLowercased) else { return nil }
        let isFlowed = type.value != "text/html" && type["format"]?.asciiLowercased == "flowed"
        let text = PlainText.tidied(charset.decode(bytes), isFlowed: isFlowed, deletesSpace: type["delsp"]?.asciiLowercased == "yes")
        let subtype = type.value.isEmpty ? "plain" : String(type.value.dropFirst(5))
        return .text(subtype: subtype, text ?? [], parameters: subtype == "calendar" ? kept(type) : [])
    }

    /// Parameters without which a part cannot be used.
    private static func kept(_ type: MediaType) -> [(name: String, value: String)] {
        let names = switch type.value {
        case "text/calendar": ["method"]
        case "application/pkcs7-mime", "application/x-pkcs7-mime": ["smime-type"]
        case "multipart/encrypted": ["protocol"]
        case _ where type.value.hasPrefix("text/"): ["charset"]
        default: [String]()
        }
        return names.compactMap { name in
            guard let value = type[name]?.asciiLowercased, !value.isEmpty, value.utf8.count <= 60, value.utf8.allSatisfy({ MailAddress.isAtomByte($0) || $0 == 0x2E }) else { return nil }
            return value.utf8.allSatisfy { $0 < 0x80 } ? (name, value) : nil
        }
    }

    private static func isType(_ value: String) -> Bool {
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { (1...80).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || "+-._".utf8.contains($0) } }
    }

    // MARK: Parts of parts

    private static func group(_ fields: HeaderFields, _ type: MediaType, depth: Int, count: inout Int) throws(SMTPReply) -> LetterPart? {
        guard type.value != "multipart/signed" else { throw signed }
        guard let boundary = type["boundary"], (1...200).contains(boundary.utf8.count) else { throw SMTPReply(554, "5.6.0", "a part of the letter says not where its own parts begin") }
        var parts: [LetterPart] = []
        for piece in try pieces(fields.body, Array(boundary.utf8)) {
            if let part = try read(try HeaderFields(piece), depth: depth + 1, count: &count) { parts.append(part) }
        }
        return simplified(String(type.value.dropFirst("multipart/".count)), parts, kept(type))
    }

    private static func pieces(_ body: ArraySlice<UInt8>, _ boundary: [UInt8]) throws(SMTPReply) -> [ArraySlice<UInt8>] {
        let mark = [0x2D, 0x2D] + boundary
        var pieces: [ArraySlice<UInt8>] = [], start: Int?, rest = body
        while let (line, after) = HeaderFields.line(rest) {
            if line.starts(with: mark), let isLast = end(line.dropFirst(mark.count)) {
                // The line ending before a boundary is the boundary's.
                if let start { pieces.append(body[start..<max(start, line.startIndex - 2)]) }
                guard pieces.count <= countLimit else { throw tooMany }
                if isLast { return pieces }
                start = after.startIndex
            }
            rest = after
        }
        if let start { pieces.append(body[start...]) }
        return pieces
    }

    /// Whether the boundary is the last; `nil` when it goes on and is another.
    private static func end(_ rest: ArraySlice<UInt8>) -> Bool? {
        let isLast = rest.starts(with: [0x2D, 0x2D]), after = isLast ? rest.dropFirst(2) : rest
        return after.allSatisfy { $0 == 0x20 || $0 == 0x09 } ? isLast : nil
    }

    /// One shape for what programs arrange in many: of alternatives the plain text, files beside it, no group of one, no group within a group of its kind.
    private static func simplified(_ subtype: String, _ parts: [LetterPart], _ parameters: [(name: String, value: String)]) -> LetterPart? {
        switch subtype {
        case "encrypted": return .group(subtype: subtype, parts, parameters: parameters)
        case "related" where parts.contains { $0.isHTML }: return parts.count == 1 ? parts[0] : .group(subtype: subtype, parts, parameters: [])
        case "alternative":
            guard let plain = parts.first(where: { $0.plainPart != nil }) else { return parts.count > 1 ? .group(subtype: subtype, parts, parameters: []) : parts.first }
            return mixed([plain] + parts.filter { $0.plainPart == nil }.flatMap(\.files))
        default: return mixed(parts)
        }
    }

    private static func mixed(_ parts: [LetterPart]) -> LetterPart? {
        let flat = parts.flatMap { part -> [LetterPart] in if case .group("mixed", let inner, _) = part { inner } else { [part] } }
        return flat.count > 1 ? .group(subtype: "mixed", flat, parameters: []) : flat.first
    }

    private var isHTML: Bool { if case .text("html", _, _) = self { true } else { false } }

    /// The plain text that it is or begins with.
    private var plainPart: LetterPart? {
        switch self {
        case .text("plain", _, _): self
        case .group("mixed", let parts, _): parts.first?.plainPart
        default: nil
        }
    }

    /// All files and invitations in it, without texts: what somebody attached, wherever the program put it.
    private var files: [LetterPart] {
        switch self {
        case .file(var file):
            file.contentID = nil
            return [.file(file)]
        case .text("calendar", _, _): return [self]
        case .text: return []
        case .group(_, let parts, _): return parts.flatMap(\.files)
        }
    }
}

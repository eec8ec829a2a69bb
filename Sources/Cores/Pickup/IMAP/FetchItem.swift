/// What a client wants to have of letters (RFC 3501, section 6.4.5).
enum FetchItem: Sendable {
    case uid, flags, date, size, envelope, structure, body
    case section(Section, isPeek: Bool)
    /// RFC822, RFC822.HEADER, RFC822.TEXT: sections under their old names.
    case old(name: String, Section, isPeek: Bool)

    struct Section: Sendable {
        enum Kind: Sendable { case all, header, text, mime, fields([String], isNot: Bool) }

        static let depthLimit = 50

        var path: [UInt32] = []
        var kind = Kind.all
        /// As it was asked for, in brackets.
        var name = ""
        var partial: (offset: Int, count: Int)?
    }

    private static let macros: [String: [FetchItem]] = [
        "ALL": [.flags, .date, .size, .envelope], "FAST": [.flags, .date, .size], "FULL": [.flags, .date, .size, .envelope, .body],
    ]
    private static let plain: [String: FetchItem] = [
        "UID": .uid, "FLAGS": .flags, "INTERNALDATE": .date, "RFC822.SIZE": .size, "ENVELOPE": .envelope, "BODYSTRUCTURE": .structure,
        "RFC822": .old(name: "RFC822", Section(), isPeek: false), "RFC822.HEADER": .old(name: "RFC822.HEADER", Section(kind: .header), isPeek: true),
        "RFC822.TEXT": .old(name: "RFC822.TEXT", Section(kind: .text), isPeek: false),
    ]

    static func list(_ reader: inout IMAPReader) throws(IMAPFault) -> [FetchItem] {
        var copy = reader
        if let word = try? copy.keyword(), let items = macros[word] {
            reader = copy
            return items
        }
        return try reader.list { reader throws(IMAPFault) in try FetchItem.one(&reader) }
    }

    private static func one(_ reader: inout IMAPReader) throws(IMAPFault) -> FetchItem {
        let word = try reader.keyword()
        if let item = plain[word] { return item }
        guard word == "BODY" || word == "BODY.PEEK" else { throw IMAPFault("\(word) is nothing that can be fetched") }
        guard reader.take("[") else {
            guard word == "BODY" else { throw IMAPFault("\"[\" expected") }
            return .body
        }
        return .section(try section(&reader), isPeek: word == "BODY.PEEK")
    }

    private static func section(_ reader: inout IMAPReader) throws(IMAPFault) -> Section {
        var section = Section(), words: [String] = []
        while let byte = reader.next, (0x30...0x39).contains(byte) {
            guard section.path.count < Section.depthLimit else { throw IMAPFault("too deep") }
            section.path.append(try reader.number())
            words.append("\(section.path.last ?? 0)")
            guard reader.take(".") else { break }
        }
        if reader.next != UInt8(ascii: "]") {
            let word = try reader.keyword()
            section.kind = try kind(word, &reader, hasPath: !section.path.isEmpty)
            words.append(word)
            if case .fields(let names, _) = section.kind { words[words.count - 1] += " (\(names.map { $0.uppercased() }.joined(separator: " ")))" }
        }
        try reader.expect("]")
        section.name = "[\(words.joined(separator: "."))]"
        if reader.take("<") {
            let offset = Int(try reader.number())
            try reader.expect(".")
            section.partial = (offset, Int(try reader.number()))
            try reader.expect(">")
        }
        return section
    }

    private static func kind(_ word: String, _ reader: inout IMAPReader, hasPath: Bool) throws(IMAPFault) -> Section.Kind {
        switch word {
        case "HEADER": return .header
        case "TEXT": return .text
        case "MIME" where hasPath: return .mime
        case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
            try reader.space()
            let names = try reader.list { reader throws(IMAPFault) in
                let name = try reader.astring()
                // They are told again in the answer.
                guard name.allSatisfy({ IMAPReader.isAtom($0) }) else { throw IMAPFault("a header field's name expected") }
                return String(decoding: name, as: UTF8.self).lowercased()
            }
            return .fields(names, isNot: word.hasSuffix("NOT"))
        default: throw IMAPFault("\(word) is no section")
        }
    }

    var needsContent: Bool {
        switch self {
        case .uid, .flags, .date, .size: false
        default: true
        }
    }

    /// Whether the letter counts as read then.
    var marksSeen: Bool {
        switch self {
        case .section(_, let isPeek), .old(_, _, let isPeek): !isPeek
        default: false
        }
    }

    /// The name and the value.
    func answer(_ letter: StoredLetter, _ message: (part: MailPart, bytes: [UInt8])?) -> [UInt8] {
        switch (self, message) {
        case (.uid, _): Array("UID \(letter.uid)".utf8)
        case (.flags, _): Array("FLAGS ".utf8) + IMAPText.flags(letter.flags)
        case (.date, _): Array("INTERNALDATE \(IMAPText.date(letter.received))".utf8)
        case (.size, _): Array("RFC822.SIZE \(letter.sizeBytes)".utf8)
        case (.envelope, let message?): Array("ENVELOPE ".utf8) + IMAPStructure.envelope(message.part.header)
        case (.structure, let message?): Array("BODYSTRUCTURE ".utf8) + IMAPStructure.body(message.part, message.bytes, isExtended: true)
        case (.body, let message?): Array("BODY ".utf8) + IMAPStructure.body(message.part, message.bytes, isExtended: false)
        case (.section(let section, _), let message?):
            Array("BODY\(section.name)\(section.partial.map { "<\($0.offset)>" } ?? "") ".utf8) + section.value(message.part, message.bytes)
        case (.old(let name, let section, _), let message?): Array("\(name) ".utf8) + section.value(message.part, message.bytes)
        case (_, nil): []
        }
    }
}

extension FetchItem.Section {
    /// A literal, or NIL for a part that there is not.
    func value(_ message: MailPart, _ bytes: [UInt8]) -> [UInt8] {
        guard let range = content(message, bytes) else { return Array("NIL".utf8) }
        guard let partial else { return IMAPText.literal(range) }
        return IMAPText.literal(range.dropFirst(partial.offset).prefix(partial.count))
    }

    private func content(_ message: MailPart, _ bytes: [UInt8]) -> ArraySlice<UInt8>? {
        guard let part = message.part(path[...]) else { return nil }
        if path.isEmpty {
            switch kind {
            case .all: return bytes[...]
            case .header: return bytes[part.headerRange]
            case .text: return bytes[part.bodyRange]
            case .mime: return nil
            case .fields(let names, let isNot): return fields(part, names, isNot, bytes)
            }
        }
        if case .all = kind { return bytes[part.bodyRange] }
        if case .mime = kind { return bytes[part.headerRange] }
        guard case .message(let inner) = part.content else { return nil }
        switch kind {
        case .header: return bytes[inner[0].headerRange]
        case .text: return bytes[inner[0].bodyRange]
        case .fields(let names, let isNot): return fields(inner[0], names, isNot, bytes)
        case .all, .mime: return nil
        }
    }

    private func fields(_ part: MailPart, _ names: [String], _ isNot: Bool, _ bytes: [UInt8]) -> ArraySlice<UInt8> {
        let wanted = part.header.fields.filter { names.contains($0.name) != isNot }
        return (wanted.flatMap { bytes[$0.range] } + [13, 10])[...]
    }
}

internal import Ambience

/// What letters are searched for (RFC 3501, section 6.4.4). No letter is ever "recent": that is not kept, as in IMAP's second revision.
indirect enum SearchKey: Sendable {
    case all, none
    case has(LetterFlag)
    case header(String, String)
    case text(String, isBodyOnly: Bool)
    case received(Day), sent(Day)
    case larger(Int), smaller(Int)
    case numbers(SequenceSet), uids(SequenceSet)
    case not(SearchKey)
    case or(SearchKey, SearchKey)
    case and([SearchKey])

    enum Day: Sendable { case before(WallTime), on(WallTime), since(WallTime) }

    static let keysLimit = 200

    /// Made anew for each word: a table of them, kept for good, would look lost to whoever searches memory for leaks.
    private static func plain(_ word: String) -> SearchKey? {
        let flags: [String: LetterFlag] = ["ANSWERED": .answered, "DELETED": .deleted, "DRAFT": .draft, "FLAGGED": .flagged, "SEEN": .seen]
        switch word {
        case "ALL", "OLD": return .all
        case "NEW", "RECENT": return SearchKey.none
        default:
            if let flag = flags[word] { return .has(flag) }
            return word.hasPrefix("UN") ? flags[String(word.dropFirst(2))].map { .not(.has($0)) } : nil
        }
    }

    /// All keys up to the end of the command.
    static func list(_ reader: inout IMAPReader) throws(IMAPFault) -> SearchKey {
        var keys = [try one(&reader, depth: 0)]
        while reader.take(" ") {
            guard keys.count < keysLimit else { throw IMAPFault("too many keys") }
            keys.append(try one(&reader, depth: 0))
        }
        return .and(keys)
    }

    private static func one(_ reader: inout IMAPReader, depth: Int) throws(IMAPFault) -> SearchKey {
        guard depth < IMAPReader.depthLimit else { throw IMAPFault("too deep") }
        if reader.next == UInt8(ascii: "(") {
            let keys = try reader.list { reader throws(IMAPFault) in try one(&reader, depth: depth + 1) }
            guard (1...keysLimit).contains(keys.count) else { throw IMAPFault("keys expected") }
            return .and(keys)
        }
        if let byte = reader.next, (0x30...0x39).contains(byte) || byte == UInt8(ascii: "*") { return .numbers(try reader.set()) }
        let word = try reader.keyword()
        if let key = plain(word) { return key }
        try reader.space()
        return try argument(word, &reader, depth: depth)
    }

    private static func argument(_ word: String, _ reader: inout IMAPReader, depth: Int) throws(IMAPFault) -> SearchKey {
        switch word {
        case "BCC", "CC", "FROM", "SUBJECT", "TO": return .header(word.lowercased(), try needle(&reader))
        case "HEADER":
            let name = try reader.text().lowercased()
            try reader.space()
            return .header(name, try needle(&reader))
        case "BODY": return .text(try needle(&reader), isBodyOnly: true)
        case "TEXT": return .text(try needle(&reader), isBodyOnly: false)
        case "BEFORE": return .received(.before(try day(&reader)))
        case "ON": return .received(.on(try day(&reader)))
        case "SINCE": return .received(.since(try day(&reader)))
        case "SENTBEFORE": return .sent(.before(try day(&reader)))
        case "SENTON": return .sent(.on(try day(&reader)))
        case "SENTSINCE": return .sent(.since(try day(&reader)))
        case "LARGER": return .larger(Int(try reader.number()))
        case "SMALLER": return .smaller(Int(try reader.number()))
        case "KEYWORD", "UNKEYWORD":
            let key = (try reader.flag()).map { SearchKey.has($0) } ?? .none
            return word == "KEYWORD" ? key : .not(key)
        case "UID": return .uids(try reader.set())
        case "NOT": return .not(try one(&reader, depth: depth + 1))
        case "OR":
            let first = try one(&reader, depth: depth + 1)
            try reader.space()
            return .or(first, try one(&reader, depth: depth + 1))
        default: throw IMAPFault("\(word) is nothing to search for")
        }
    }

    private static func needle(_ reader: inout IMAPReader) throws(IMAPFault) -> String { try reader.text().lowercased() }

    private static func day(_ reader: inout IMAPReader) throws(IMAPFault) -> WallTime {
        guard let day = IMAPText.day(try reader.text()) else { throw IMAPFault("a date such as 1-Feb-2027 expected") }
        return day
    }
}

/// One letter that is looked at. Its content is read only if a key needs it.
struct SearchedLetter {
    let letter: StoredLetter
    let number: UInt32
    /// The last letter's.
    let last: (number: UInt32, uid: UInt32)
    private let content: () -> [UInt8]?
    private var message: (part: MailPart, bytes: [UInt8])?

    init(_ letter: StoredLetter, number: UInt32, last: (number: UInt32, uid: UInt32), _ content: @escaping () -> [UInt8]?) {
        (self.letter, self.number, self.last, self.content) = (letter, number, last, content)
    }

    mutating func matches(_ key: SearchKey) -> Bool {
        switch key {
        case .all: true
        case .none: false
        case .has(let flag): letter.flags.contains(flag)
        case .larger(let size): letter.sizeBytes > size
        case .smaller(let size): letter.sizeBytes < size
        case .numbers(let set): set.resolved(last: last.number).contains { $0.contains(number) }
        case .uids(let set): set.resolved(last: last.uid).contains { $0.contains(letter.uid) }
        case .received(let day): Self.isIn(day, letter.received)
        case .sent(let day): parsed()?.part.header["date"].flatMap { IMAPText.headerDay($0) }.map { Self.isIn(day, $0) } ?? false
        case .header(let name, let text): hasHeader(name, text)
        case .text(let text, let isBodyOnly): hasText(text, isBodyOnly)
        case .not(let key): !matches(key)
        case .or(let first, let second): matches(first) || matches(second)
        case .and(let keys): matchesAll(keys)
        }
    }

    private mutating func matchesAll(_ keys: [SearchKey]) -> Bool {
        for key in keys where !matches(key) { return false }
        return true
    }

    private static func isIn(_ day: SearchKey.Day, _ wall: WallTime) -> Bool {
        switch day {
        case .before(let day): wall < day
        case .on(let day): wall >= day && wall < day + 86_400
        case .since(let day): wall >= day
        }
    }

    private mutating func hasHeader(_ name: String, _ text: String) -> Bool {
        guard let message = parsed() else { return false }
        return message.part.header.fields.contains { $0.name == name && (text.isEmpty || MailText.header($0.value).lowercased().contains(text)) }
    }

    private mutating func hasText(_ text: String, _ isBodyOnly: Bool) -> Bool {
        guard let message = parsed() else { return false }
        if !isBodyOnly, message.part.header.fields.contains(where: { "\($0.name): \(MailText.header($0.value))".lowercased().contains(text) }) { return true }
        return Self.isIn(message.part, message.bytes, text)
    }

    private static func isIn(_ part: MailPart, _ bytes: [UInt8], _ text: String) -> Bool {
        switch part.content {
        case .several(let parts), .message(let parts): parts.contains { isIn($0, bytes, text) }
        case .single: part.type.value.lowercased().hasPrefix("text/") && MailText.body(part, bytes).lowercased().contains(text)
        }
    }

    private mutating func parsed() -> (part: MailPart, bytes: [UInt8])? {
        if message == nil, let bytes = content() { message = (MailPart(bytes), bytes) }
        return message
    }
}

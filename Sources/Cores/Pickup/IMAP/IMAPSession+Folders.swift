internal import Ambience

// MARK: - Commands of the owner's, about folders

extension IMAPSession {
    typealias Reader = IMAPReader

    mutating func performOwners(_ tag: String, _ word: String, _ reader: inout Reader, _ send: PickupSend) throws(CommandEnd) -> Bool {
        switch word {
        case "SELECT", "EXAMINE": return try select(tag, word, &reader, send)
        case "LIST", "LSUB": return try list(tag, word, &reader, send)
        case "STATUS": return try status(tag, &reader, send)
        case "APPEND": return try append(tag, &reader, send)
        case "CREATE":
            let name = try lastFolder(&reader)
            try refusing { () throws(StorageRefusal) in try storage.makeFolder(name) }
        case "DELETE":
            let name = try lastFolder(&reader)
            try refusing { () throws(StorageRefusal) in try storage.removeFolder(name) }
        case "RENAME":
            let name = try folder(&reader), other = try lastFolder(&reader)
            try refusing { () throws(StorageRefusal) in try storage.renameFolder(name, to: other) }
        case "SUBSCRIBE", "UNSUBSCRIBE": _ = try lastFolder(&reader)
        case "NAMESPACE": guard send(Array("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n".utf8)) else { return false }
        case "IDLE":
            waiting = .done(tag: tag)
            return send(Array("+ idling\r\n".utf8)) && news(send)
        default: return try performSelected(tag, word, &reader, send)
        }
        return finish(tag, word, send)
    }

    // MARK: reading the words

    func read<R>(_ body: () throws(IMAPFault) -> R) throws(CommandEnd) -> R {
        do throws(IMAPFault) { return try body() } catch { throw .fault(error) }
    }

    func refusing<R>(_ body: () throws(StorageRefusal) -> R) throws(CommandEnd) -> R {
        do throws(StorageRefusal) { return try body() } catch { throw .refusal(error) }
    }

    /// A space and a folder's name; the inbox has one name, however it is written.
    func folder(_ reader: inout Reader) throws(CommandEnd) -> String {
        try read { () throws(IMAPFault) in
            try reader.space()
            let name = try reader.text()
            return name.uppercased() == "INBOX" ? "INBOX" : name
        }
    }

    private func lastFolder(_ reader: inout Reader) throws(CommandEnd) -> String {
        let name = try folder(&reader)
        try read { () throws(IMAPFault) in try reader.end() }
        return name
    }

    // MARK: SELECT, LIST, STATUS

    private mutating func select(_ tag: String, _ word: String, _ reader: inout Reader, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let name = try lastFolder(&reader)
        selected = nil
        let version = storage.version, folder = try refusing { () throws(StorageRefusal) in try storage.folder(name) }
        selected = Selected(name: name, validity: folder.validity, isReadOnly: word == "EXAMINE", letters: folder.letters, version: version)
        let known = Set(LetterFlag.ofSystem).union(folder.letters.lazy.flatMap(\.flags)), flags = String(decoding: IMAPText.flags(known), as: UTF8.self)
        var out = "* \(folder.letters.count) EXISTS\r\n* 0 RECENT\r\n* FLAGS \(flags)\r\n* OK [PERMANENTFLAGS (\(flags.dropFirst().dropLast()) \\*)] all are kept\r\n"
        if let first = folder.letters.firstIndex(where: { !$0.flags.contains(.seen) }) { out += "* OK [UNSEEN \(first + 1)] the first\r\n" }
        out += "* OK [UIDVALIDITY \(folder.validity)] .\r\n* OK [UIDNEXT \(folder.nextUID)] .\r\n\(tag) OK [READ-\(word == "EXAMINE" ? "ONLY" : "WRITE")] \(word)\r\n"
        return send(Array(out.utf8))
    }

    private static let uses = ["Sent": "\\Sent", "Drafts": "\\Drafts", "Trash": "\\Trash", "Archive": "\\Archive", "Junk": "\\Junk"]

    private mutating func list(_ tag: String, _ word: String, _ reader: inout Reader, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let (reference, pattern) = try read { () throws(IMAPFault) in
            try reader.space()
            let reference = try reader.text()
            try reader.space()
            return (reference, try reader.listPattern())
        }
        guard !pattern.isEmpty else { return send(Array("* \(word) (\\Noselect) \"/\" \"\"\r\n".utf8)) && finish(tag, word, send) }
        let names = try refusing { () throws(StorageRefusal) in try storage.folders() }
        for name in names where FolderPattern.matches(name, reference + pattern) {
            guard send(Array("* \(word) (\(Self.uses[name] ?? "")) \"/\" ".utf8) + IMAPText.string(name) + [13, 10]) else { return false }
        }
        return finish(tag, word, send)
    }

    private mutating func status(_ tag: String, _ reader: inout Reader, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let name = try folder(&reader)
        let items = try read { () throws(IMAPFault) in
            try reader.space()
            return try reader.list { reader throws(IMAPFault) in try reader.keyword() }
        }
        let folder = try refusing { () throws(StorageRefusal) in try storage.folder(name) }
        let values = items.map { item in
            switch item {
            case "MESSAGES": "\(item) \(folder.letters.count)"
            case "UIDNEXT": "\(item) \(folder.nextUID)"
            case "UIDVALIDITY": "\(item) \(folder.validity)"
            case "UNSEEN": "\(item) \(folder.letters.count { !$0.flags.contains(.seen) })"
            case "SIZE": "\(item) \(folder.letters.reduce(0) { $0 + $1.sizeBytes })"
            default: "\(item) 0"
            }
        }
        return send(Array("* STATUS ".utf8) + IMAPText.string(name) + Array(" (\(values.joined(separator: " ")))\r\n".utf8)) && finish(tag, "STATUS", send)
    }

    // MARK: APPEND

    private mutating func append(_ tag: String, _ reader: inout Reader, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let name = try folder(&reader)
        let (flags, date, content) = try read { () throws(IMAPFault) in
            var flags: Set<LetterFlag> = [], date: WallTime?
            try reader.space()
            if reader.next == UInt8(ascii: "(") {
                flags = Set(try reader.list { reader throws(IMAPFault) in try reader.flag() }.compactMap { $0 })
                try reader.space()
            }
            if reader.next == UInt8(ascii: "\"") {
                guard let own = IMAPText.dateTime(try reader.string()) else { throw IMAPFault("no date") }
                date = own
                try reader.space()
            }
            let content = try reader.string()
            try reader.end()
            return (flags, date, content)
        }
        let uid = try refusing { () throws(StorageRefusal) in try storage.append(content, to: name, flags: flags, received: date) }
        let validity = try refusing { () throws(StorageRefusal) in try storage.folder(name).validity }
        return finish(tag, "[APPENDUID \(validity) \(uid)] APPEND", send)
    }
}

/// `*` is anything, `%` anything without a slash.
enum FolderPattern {
    static func matches(_ name: String, _ pattern: String) -> Bool {
        let name = Array((name.uppercased() == "INBOX" ? "INBOX" : name).utf8), pattern = Array((pattern.uppercased() == "INBOX" ? "INBOX" : pattern).utf8)
        // Which beginnings of the pattern fit the name so far: one pass, however many stars there are.
        var fits = [true] + [Bool](repeating: false, count: pattern.count)
        closeOver(&fits, pattern)
        for byte in name {
            var next = [Bool](repeating: false, count: pattern.count + 1)
            for (index, mark) in pattern.enumerated() where fits[index] {
                if mark == UInt8(ascii: "*") || mark == UInt8(ascii: "%") && byte != UInt8(ascii: "/") { next[index] = true } else if mark == byte { next[index + 1] = true }
            }
            fits = next
            closeOver(&fits, pattern)
        }
        return fits[pattern.count]
    }

    private static func closeOver(_ fits: inout [Bool], _ pattern: [UInt8]) {
        for (index, mark) in pattern.enumerated() where fits[index] && (mark == UInt8(ascii: "*") || mark == UInt8(ascii: "%")) { fits[index + 1] = true }
    }
}

// MARK: - Commands about letters of the selected folder

extension IMAPSession {
    mutating func performSelected(_ tag: String, _ word: String, _ reader: inout Reader, _ send: PickupSend) throws(CommandEnd) -> Bool {
        var word = word, isUID = false
        if word == "UID" {
            word = try read { () throws(IMAPFault) in
                try reader.space()
                return try reader.keyword()
            }
            isUID = true
        }
        guard ["FETCH", "STORE", "SEARCH", "COPY", "MOVE", "EXPUNGE"].contains(word) || !isUID && ["CLOSE", "UNSELECT"].contains(word) else { return answer(tag, "BAD \(word) is not known", send) }
        guard selected != nil else { return answer(tag, "BAD select a folder first", send) }
        switch word {
        case "FETCH": return try fetch(tag, &reader, isUID: isUID, send)
        case "STORE": return try store(tag, &reader, isUID: isUID, send)
        case "SEARCH": return try search(tag, &reader, isUID: isUID, send)
        case "COPY", "MOVE": return try copy(tag, word, &reader, isUID: isUID, send)
        case "EXPUNGE": return try expunge(tag, &reader, isUID: isUID, send)
        case "CLOSE":
            if selected?.isReadOnly == false { try removeDeleted { _ in true } }
            fallthrough
        default:
            selected = nil
            return answer(tag, "OK \(word)", send)
        }
    }

    /// A space and the letters that a set names, with their indices, ascending. Numbers that there are not are nobody's mistake.
    private func chosen(_ reader: inout Reader, isUID: Bool) throws(CommandEnd) -> [(index: Int, letter: StoredLetter)] {
        let set = try read { () throws(IMAPFault) in
            try reader.space()
            return try reader.set()
        }
        let letters = selected?.letters ?? []
        guard !letters.isEmpty else { return [] }
        var chosen: Set<Int> = []
        for range in set.resolved(last: isUID ? letters[letters.count - 1].uid : UInt32(letters.count)) {
            if isUID {
                var index = letters.partition(from: range.lowerBound)
                while index < letters.count, letters[index].uid <= range.upperBound {
                    chosen.insert(index)
                    index += 1
                }
            } else if Int(range.lowerBound) <= letters.count {
                chosen.formUnion(Int(range.lowerBound) - 1..<min(letters.count, Int(range.upperBound)))
            }
        }
        return chosen.sorted().map { ($0, letters[$0]) }
    }

    // MARK: FETCH

    private mutating func fetch(_ tag: String, _ reader: inout Reader, isUID: Bool, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let letters = try chosen(&reader, isUID: isUID)
        var items = try read { () throws(IMAPFault) in
            try reader.space()
            let items = try FetchItem.list(&reader)
            try reader.end()
            return items
        }
        if isUID, !items.contains(where: { if case .uid = $0 { true } else { false } }) { items.insert(.uid, at: 0) }
        let needsContent = items.contains(where: \.needsContent)
        for (index, letter) in letters {
            let content = needsContent ? try refusing { () throws(StorageRefusal) in try storage.content(letter.uid, of: selected?.name ?? "") } : nil
            // One that somebody else removed meanwhile is told of afterwards.
            if needsContent, content == nil { continue }
            guard try tellOne(index, letter, content, items, send) else { return false }
        }
        return finish(tag, "FETCH", tellsGone: isUID, send)
    }

    private mutating func tellOne(_ index: Int, _ letter: StoredLetter, _ content: [UInt8]?, _ items: [FetchItem], _ send: PickupSend) throws(CommandEnd) -> Bool {
        var letter = letter, items = items
        if items.contains(where: \.marksSeen), selected?.isReadOnly == false, !letter.flags.contains(.seen) {
            letter.flags.insert(.seen)
            try keep(letter.flags, of: index)
            if !items.contains(where: { if case .flags = $0 { true } else { false } }) { items.append(.flags) }
        }
        let message = content.map { (MailPart($0), $0) }
        return send(Array("* \(index + 1) FETCH ".utf8) + IMAPText.list(items.map { $0.answer(letter, message) }) + [13, 10])
    }

    /// Durable, and known to the client.
    private mutating func keep(_ flags: Set<LetterFlag>, of index: Int) throws(CommandEnd) {
        guard var own = selected else { return }
        let uid = own.letters[index].uid, before = storage.version
        try refusing { () throws(StorageRefusal) in try storage.setFlags(flags, of: uid, in: own.name) }
        own.letters[index].flags = flags
        // Nobody else wrote meanwhile: then there is nothing new to tell.
        if own.version == before, storage.version == before + 1 { own.version = before + 1 }
        selected = own
    }

    // MARK: STORE

    private mutating func store(_ tag: String, _ reader: inout Reader, isUID: Bool, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let letters = try chosen(&reader, isUID: isUID)
        let (mark, isSilent, flags) = try read { () throws(IMAPFault) in
            try reader.space()
            let mark: UInt8? = reader.take("+") ? UInt8(ascii: "+") : reader.take("-") ? UInt8(ascii: "-") : nil
            let word = try reader.keyword()
            guard word == "FLAGS" || word == "FLAGS.SILENT" else { throw IMAPFault("FLAGS expected") }
            try reader.space()
            return (mark, word == "FLAGS.SILENT", try Self.flags(&reader))
        }
        guard selected?.isReadOnly == false else { return answer(tag, "NO the folder is open for reading only", send) }
        for (index, letter) in letters {
            let new = switch mark {
            case UInt8(ascii: "+"): letter.flags.union(flags)
            case UInt8(ascii: "-"): letter.flags.subtracting(flags)
            default: flags
            }
            guard new.count <= LetterFlag.limit else { return answer(tag, "NO [LIMIT] too many flags", send) }
            if new != letter.flags { try keep(new, of: index) }
            guard !isSilent else { continue }
            let uid = isUID ? "UID \(letter.uid) " : ""
            guard send(Array("* \(index + 1) FETCH (\(uid)FLAGS ".utf8) + IMAPText.flags(new) + Array(")\r\n".utf8)) else { return false }
        }
        return finish(tag, "STORE", tellsGone: isUID, send)
    }

    /// In brackets or not.
    private static func flags(_ reader: inout Reader) throws(IMAPFault) -> Set<LetterFlag> {
        var flags = try reader.list { reader throws(IMAPFault) in try reader.flag() }
        while reader.take(" ") { flags.append(try reader.flag()) }
        try reader.end()
        return Set(flags.compactMap { $0 })
    }

    // MARK: SEARCH

    private mutating func search(_ tag: String, _ reader: inout Reader, isUID: Bool, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let key: SearchKey? = try read { () throws(IMAPFault) in
            try reader.space()
            if reader.take("CHARSET ") || reader.take("charset ") {
                guard ["UTF-8", "US-ASCII"].contains(try reader.text().uppercased()) else { return nil }
                try reader.space()
            }
            let key = try SearchKey.list(&reader)
            try reader.end()
            return key
        }
        guard let key else { return answer(tag, "NO [BADCHARSET (UTF-8 US-ASCII)] another charset", send) }
        let own = selected, letters = own?.letters ?? [], storage = storage
        let last = (UInt32(letters.count), letters.last?.uid ?? 0)
        let found = letters.enumerated().filter { index, letter in
            var searched = SearchedLetter(letter, number: UInt32(index + 1), last: last) { (try? storage.content(letter.uid, of: own?.name ?? "")) ?? nil }
            return searched.matches(key)
        }
        return send(Array("* SEARCH\(found.map { " \(isUID ? $0.element.uid : UInt32($0.offset + 1))" }.joined())\r\n".utf8)) && finish(tag, "SEARCH", tellsGone: isUID, send)
    }

    // MARK: COPY, MOVE, EXPUNGE

    private mutating func copy(_ tag: String, _ word: String, _ reader: inout Reader, isUID: Bool, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let letters = try chosen(&reader, isUID: isUID), other = try folder(&reader)
        try read { () throws(IMAPFault) in try reader.end() }
        guard word == "COPY" || selected?.isReadOnly == false else { return answer(tag, "NO the folder is open for reading only", send) }
        guard let validity = try? storage.folder(other).validity else { return answer(tag, "NO [TRYCREATE] there is no such folder", send) }
        let pairs = try refusing { () throws(StorageRefusal) in try storage.copy(letters.map(\.letter.uid), of: selected?.name ?? "", to: other, isMove: word == "MOVE") }
        guard !pairs.isEmpty else { return finish(tag, word, send) }
        let code = "[COPYUID \(validity) \(pairs.map { "\($0.from)" }.joined(separator: ",")) \(pairs.map { "\($0.to)" }.joined(separator: ","))]"
        guard word == "MOVE" else { return finish(tag, "\(code) COPY", send) }
        return send(Array("* OK \(code) moved\r\n".utf8)) && finish(tag, word, send)
    }

    private mutating func expunge(_ tag: String, _ reader: inout Reader, isUID: Bool, _ send: PickupSend) throws(CommandEnd) -> Bool {
        let named = isUID ? Set(try chosen(&reader, isUID: true).map(\.letter.uid)) : nil
        try read { () throws(IMAPFault) in try reader.end() }
        guard selected?.isReadOnly == false else { return answer(tag, "NO the folder is open for reading only", send) }
        try removeDeleted { named?.contains($0) ?? true }
        return finish(tag, "EXPUNGE", send)
    }

    private func removeDeleted(_ isMeant: (UInt32) -> Bool) throws(CommandEnd) {
        guard let own = selected else { return }
        let gone = own.letters.filter { $0.flags.contains(.deleted) && isMeant($0.uid) }.map(\.uid)
        if !gone.isEmpty { try refusing { () throws(StorageRefusal) in try storage.remove(gone, of: own.name) } }
    }
}

extension [StoredLetter] {
    /// The first index whose number is not below.
    fileprivate func partition(from uid: UInt32) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].uid < uid { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

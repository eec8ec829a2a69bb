/// The server's side of POP3 (RFC 1939, RFC 2449, RFC 5034's PLAIN): the inbox, and deletion at the end.
package struct POP3Session {
    private static let lineLimitBytes = 512

    private enum Stage { case login(name: String?), sasl, reading, over }

    private let storage: any LetterStorage
    private let login: PickupLogin
    private var stage = Stage.login(name: nil)
    private var failures = 0
    private var input: [UInt8] = []
    private var folder: LetterFolder?
    private var deleted: Set<UInt32> = []

    package init(_ storage: any LetterStorage, _ login: PickupLogin) { (self.storage, self.login) = (storage, login) }

    package var isOver: Bool { if case .over = stage { true } else { false } }
    package static let greeting = Array("+OK dustcloud\r\n".utf8)

    package mutating func receive(_ bytes: [UInt8], _ send: PickupSend) {
        input += bytes
        while !isOver, let end = input.firstIndex(of: 10) {
            let line = Array(input[..<end].filter { $0 != 13 })
            input.removeSubrange(...end)
            if line.count > Self.lineLimitBytes { refuseLine(send) } else if !handle(line, send) { stage = .over }
        }
        if !isOver, input.count > Self.lineLimitBytes { refuseLine(send) }
    }

    private mutating func refuseLine(_ send: PickupSend) {
        _ = send(Self.no("a line is too long"))
        stage = .over
    }

    private static func ok(_ text: String) -> [UInt8] { Array("+OK \(text)\r\n".utf8) }
    private static func no(_ text: String) -> [UInt8] { Array("-ERR \(text)\r\n".utf8) }

    private mutating func handle(_ line: [UInt8], _ send: PickupSend) -> Bool {
        let text = String(decoding: line, as: UTF8.self), words = text.split(separator: " ", maxSplits: 1).map(String.init)
        let word = words.first?.uppercased() ?? "", argument = words.count == 2 ? words[1] : nil
        switch (stage, word) {
        case (.sasl, _): return admit(login.admits(plain: text), send)
        case (_, "CAPA"): return send(Array("+OK\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\nPIPELINING\r\nRESP-CODES\r\nIMPLEMENTATION dustcloud\r\n.\r\n".utf8))
        case (_, "QUIT"): return quit(send)
        case (.login, "USER"):
            stage = .login(name: argument)
            return send(Self.ok("and the password?"))
        case (.login(let name?), "PASS"): return admit(login.admits(Array(name.utf8), Array((argument ?? "").utf8)), send)
        case (.login, "AUTH"): return authenticate(argument, send)
        case (.reading, _): return read(word, argument, send)
        default: return send(Self.no("not now, or not known"))
        }
    }

    // MARK: login

    private mutating func authenticate(_ argument: String?, _ send: PickupSend) -> Bool {
        let words = (argument ?? "").split(separator: " ")
        guard words.first?.uppercased() == "PLAIN" else { return send(argument == nil ? Array("+OK\r\nPLAIN\r\n.\r\n".utf8) : Self.no("only PLAIN is known")) }
        if words.count == 2 { return admit(login.admits(plain: String(words[1])), send) }
        stage = .sasl
        return send(Array("+ \r\n".utf8))
    }

    private mutating func admit(_ isRight: Bool, _ send: PickupSend) -> Bool {
        stage = .login(name: nil)
        guard isRight else {
            failures += 1
            return send(Self.no("[AUTH] wrong name or password")) && failures < PickupLogin.triesLimit
        }
        do throws(StorageRefusal) { folder = try storage.folder("INBOX") } catch { return send(Self.no("[SYS/TEMP] the mailbox cannot be read")) }
        stage = .reading
        return send(Self.ok("\(letters.count) letters"))
    }

    // MARK: reading

    /// With the numbers that they have in this session, whatever happens.
    private var letters: [(number: Int, letter: StoredLetter)] {
        (folder?.letters ?? []).enumerated().map { ($0 + 1, $1) }.filter { !deleted.contains($0.letter.uid) }
    }

    private mutating func read(_ word: String, _ argument: String?, _ send: PickupSend) -> Bool {
        switch word {
        case "STAT": return send(Self.ok("\(letters.count) \(letters.reduce(0) { $0 + $1.letter.sizeBytes })"))
        case "LIST": return list(argument, send) { "\($0.sizeBytes)" }
        case "UIDL":
            let validity = folder?.validity ?? 0
            return list(argument, send) { "\(validity)-\($0.uid)" }
        case "RETR": return retrieve(argument, lines: nil, send)
        case "TOP":
            let words = (argument ?? "").split(separator: " ")
            guard words.count == 2, let lines = Int(words[1]), lines >= 0 else { return send(Self.no("TOP needs a letter and a number of lines")) }
            return retrieve(String(words[0]), lines: lines, send)
        case "DELE": return delete(argument, send)
        case "RSET":
            deleted = []
            return send(Self.ok("nothing is deleted"))
        case "NOOP": return send(Self.ok("here"))
        default: return send(Self.no("not now, or not known"))
        }
    }

    private func letter(_ argument: String?) -> StoredLetter? {
        guard let number = argument.flatMap({ Int($0) }) else { return nil }
        return letters.first { $0.number == number }?.letter
    }

    private func list(_ argument: String?, _ send: PickupSend, _ value: (StoredLetter) -> String) -> Bool {
        guard let argument else {
            return send(Array(("+OK\r\n" + letters.map { "\($0.number) \(value($0.letter))\r\n" }.joined() + ".\r\n").utf8))
        }
        return send(letter(argument).map { Self.ok("\(argument) \(value($0))") } ?? Self.no("no such letter"))
    }

    private mutating func delete(_ argument: String?, _ send: PickupSend) -> Bool {
        guard let letter = letter(argument) else { return send(Self.no("no such letter")) }
        deleted.insert(letter.uid)
        return send(Self.ok("goes with QUIT"))
    }

    private func retrieve(_ argument: String?, lines: Int?, _ send: PickupSend) -> Bool {
        guard let folder, let letter = letter(argument) else { return send(Self.no("no such letter")) }
        guard let content = try? storage.content(letter.uid, of: folder.name) else { return send(Self.no("[SYS/TEMP] the letter cannot be read")) }
        return send(Self.ok("\(content.count) octets") + Self.stuffed(content, bodyLines: lines) + Array(".\r\n".utf8))
    }

    /// Every line ends in CR LF, and one that begins with a dot gets another before it.
    private static func stuffed(_ content: [UInt8], bodyLines: Int?) -> [UInt8] {
        var out: [UInt8] = [], start = 0, left = bodyLines ?? .max, isBody = false
        out.reserveCapacity(content.count + 1_024)
        while start < content.count, !isBody || left > 0 {
            let end = Lines.next(content, start, content.count)
            var line = content[start..<end]
            while line.last == 10 || line.last == 13 { line.removeLast() }
            if isBody { left -= 1 }
            if line.isEmpty { isBody = true }
            if line.first == UInt8(ascii: ".") { out.append(UInt8(ascii: ".")) }
            out += line
            out += [13, 10]
            start = end
        }
        return out
    }

    /// What was deleted goes now, and only now.
    private mutating func quit(_ send: PickupSend) -> Bool {
        defer { stage = .over }
        guard let folder, !deleted.isEmpty else { return send(Self.ok("bye")) }
        do throws(StorageRefusal) { try storage.remove(deleted.sorted(), of: folder.name) } catch { return send(Self.no("[SYS/TEMP] not all deleted")) }
        return send(Self.ok("bye"))
    }
}

internal import Ambience

/// The server's side of IMAP4rev1 (RFC 3501), with what mail programs of today use besides: IDLE, UIDPLUS, MOVE, UNSELECT, SPECIAL-USE,
/// literals that do not wait, NAMESPACE, ID.
///
/// 1. Commands are cut out of what comes (`IMAPInput`) and read word by word (`IMAPReader`).
/// 2. Each is carried out at once on the storage. Letters go out one by one, so that none but the one under way is in memory.
/// 3. Before a command is answered for good, the client hears what else has changed in its folder.
package struct IMAPSession {
    private static let guestLimits = IMAPInput.Limits(commandBytes: 4 << 10, letterBytes: 0)
    private static let ownerLimits = IMAPInput.Limits(commandBytes: 64 << 10, letterBytes: letterLimitBytes)
    /// Of a letter that a program lays into a folder.
    package static let letterLimitBytes = 40 << 20
    static let capabilities = "IMAP4rev1 IDLE UIDPLUS MOVE UNSELECT NAMESPACE ID SPECIAL-USE LITERAL+ SASL-IR AUTH=PLAIN"

    enum Stage { case guest, owner, over }

    /// What the next line is, when it is no command.
    enum Waiting { case command, password(tag: String), done(tag: String) }

    struct Selected {
        let name: String
        let validity: UInt32
        let isReadOnly: Bool
        /// As the client knows them.
        var letters: [StoredLetter]
        /// The storage's, when they were read.
        var version: Int64
    }

    let storage: any LetterStorage
    private let login: PickupLogin
    private var input = IMAPInput()
    private var failures = 0
    var stage = Stage.guest
    var waiting = Waiting.command
    var selected: Selected?

    package init(_ storage: any LetterStorage, _ login: PickupLogin) { (self.storage, self.login) = (storage, login) }

    package static let greeting = Array("* OK [CAPABILITY \(capabilities)] dustcloud\r\n".utf8)
    package var isOver: Bool { if case .over = stage { true } else { false } }
    /// The client waits for news: `tell` from time to time.
    package var isIdle: Bool { if case .done = waiting { true } else { false } }

    package mutating func receive(_ bytes: [UInt8], _ send: PickupSend) {
        input.add(bytes)
        while !isOver, let event = input.next(stage == .guest ? Self.guestLimits : Self.ownerLimits) {
            switch event {
            case .command(let line): if !handle(line, send) { stage = .over }
            case .wantsMore: if !send(Array("+ go on\r\n".utf8)) { stage = .over }
            case .tooLong:
                _ = send(Array("* BYE [TOOBIG] that is longer than it may be\r\n".utf8))
                stage = .over
            }
        }
    }

    /// What has changed, for a client that idles.
    package mutating func tell(_ send: PickupSend) { if isIdle, !news(send) { stage = .over } }

    // MARK: lines

    private mutating func handle(_ line: [UInt8], _ send: PickupSend) -> Bool {
        switch waiting {
        case .command: return command(line, send)
        case .password(let tag):
            waiting = .command
            return admit(tag, login.admits(plain: String(decoding: line, as: UTF8.self)), send)
        case .done(let tag):
            waiting = .command
            guard String(decoding: line, as: UTF8.self).uppercased() == "DONE" else { return answer(tag, "BAD DONE expected", send) }
            return finish(tag, "IDLE", send)
        }
    }

    private mutating func command(_ line: [UInt8], _ send: PickupSend) -> Bool {
        var reader = IMAPReader(line), tag = "*"
        do throws(IMAPFault) {
            let own = try reader.atom()
            guard !own.contains("+") else { throw IMAPFault("no tag") }
            tag = own
            try reader.space()
            return try perform(tag, try reader.keyword(), &reader, send)
        } catch { return answer(tag, "BAD \(error.words)", send) }
    }

    private mutating func perform(_ tag: String, _ word: String, _ reader: inout IMAPReader, _ send: PickupSend) throws(IMAPFault) -> Bool {
        switch word {
        case "CAPABILITY": return send(Array("* CAPABILITY \(Self.capabilities)\r\n".utf8)) && finish(tag, word, send)
        case "NOOP", "CHECK": return finish(tag, word, send)
        case "ID": return send(Array("* ID (\"name\" \"dustcloud\")\r\n".utf8)) && finish(tag, word, send)
        case "LOGOUT":
            _ = send(Array("* BYE until later\r\n\(tag) OK LOGOUT\r\n".utf8))
            return false
        case "STARTTLS": return answer(tag, "BAD there is no TLS: this server is on your own machine", send)
        case "LOGIN", "AUTHENTICATE":
            guard stage == .guest else { return answer(tag, "BAD you are in already", send) }
            return word == "LOGIN" ? try logIn(tag, &reader, send) : try authenticate(tag, &reader, send)
        default: break
        }
        guard stage == .owner else { return answer(tag, "BAD log in first", send) }
        do throws(CommandEnd) { return try performOwners(tag, word, &reader, send) } catch {
            switch error {
            case .fault(let fault): throw fault
            case .refusal(let refusal): return answer(tag, "NO \(refusal.answer)", send)
            }
        }
    }

    // MARK: login

    private mutating func logIn(_ tag: String, _ reader: inout IMAPReader, _ send: PickupSend) throws(IMAPFault) -> Bool {
        try reader.space()
        let name = try reader.astring()
        try reader.space()
        let password = try reader.astring()
        try reader.end()
        return admit(tag, login.admits(name, password), send)
    }

    private mutating func authenticate(_ tag: String, _ reader: inout IMAPReader, _ send: PickupSend) throws(IMAPFault) -> Bool {
        try reader.space()
        guard try reader.atom().uppercased() == "PLAIN" else { return answer(tag, "NO only PLAIN is known", send) }
        if reader.take(" ") { return admit(tag, login.admits(plain: String(decoding: reader.rest(), as: UTF8.self)), send) }
        try reader.end()
        waiting = .password(tag: tag)
        return send(Array("+ \r\n".utf8))
    }

    private mutating func admit(_ tag: String, _ isRight: Bool, _ send: PickupSend) -> Bool {
        guard isRight else {
            failures += 1
            return answer(tag, "NO [AUTHENTICATIONFAILED] wrong name or password", send) && failures < PickupLogin.triesLimit
        }
        stage = .owner
        return answer(tag, "OK [CAPABILITY \(Self.capabilities)] welcome", send)
    }

    // MARK: answers

    func answer(_ tag: String, _ text: String, _ send: PickupSend) -> Bool { send(Array("\(tag) \(text)\r\n".utf8)) }

    /// `OK`, behind what else has changed.
    mutating func finish(_ tag: String, _ text: String, tellsGone: Bool = true, _ send: PickupSend) -> Bool {
        (!tellsGone || news(send)) && answer(tag, "OK \(text)", send)
    }

    /// Tells what changed in the selected folder since the client last heard of it.
    mutating func news(_ send: PickupSend) -> Bool {
        guard var own = selected, own.version != storage.version else { return true }
        let version = storage.version
        guard let folder = try? storage.folder(own.name), folder.validity == own.validity else {
            selected = nil
            return send(Array("* BYE the folder is gone\r\n".utf8)) && false
        }
        var out = "", now: [UInt32: StoredLetter] = [:]
        for letter in folder.letters { now[letter.uid] = letter }
        for (index, letter) in own.letters.enumerated().reversed() where now[letter.uid] == nil {
            own.letters.remove(at: index)
            out += "* \(index + 1) EXPUNGE\r\n"
        }
        for (index, letter) in own.letters.enumerated() {
            guard let flags = now[letter.uid]?.flags, flags != letter.flags else { continue }
            own.letters[index].flags = flags
            out += "* \(index + 1) FETCH (UID \(letter.uid) FLAGS \(String(decoding: IMAPText.flags(flags), as: UTF8.self)))\r\n"
        }
        if folder.letters.count != own.letters.count { out += "* \(folder.letters.count) EXISTS\r\n" }
        own.letters = folder.letters
        own.version = version
        selected = own
        return out.isEmpty || send(Array(out.utf8))
    }
}

/// Why a command ends early.
enum CommandEnd: Error {
    case fault(IMAPFault)
    case refusal(StorageRefusal)
}

extension StorageRefusal {
    /// With its code (RFC 5530).
    var answer: String {
        switch self {
        case .noSuchFolder: "[NONEXISTENT] there is no such folder"
        case .folderExists: "[ALREADYEXISTS] there is such a folder"
        case .badName: "[CANNOT] no folder can be called that"
        case .full: "[OVERQUOTA] there is no more room"
        case .failed: "[SERVERBUG] the mailbox cannot be read or written"
        }
    }
}

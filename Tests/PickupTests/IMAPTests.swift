import Ambience
import Pickup
import Testing

/// One client's connection.
struct Talk {
    private(set) var session: IMAPSession
    private var tag = 0

    init(_ storage: MemoryStorage, isIn: Bool = true, selected: String? = "INBOX") {
        session = IMAPSession(storage, PickupLogin { $0 == Array("me".utf8) && $1 == Array("secret \"1\"".utf8) })
        if isIn { _ = say("LOGIN me \"secret \\\"1\\\"\"") }
        if isIn, let selected { _ = say("SELECT \(selected)") }
    }

    mutating func raw(_ text: String) -> String { raw(Array(text.utf8)) }

    mutating func raw(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        session.receive(bytes) { out += $0; return true }
        return String(decoding: out, as: UTF8.self)
    }

    mutating func tell() -> String {
        var out: [UInt8] = []
        session.tell { out += $0; return true }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whatever comes for one command, its tag written as `T`.
    mutating func say(_ command: String) -> String {
        tag += 1
        return raw("a\(tag) \(command)\r\n").replacing("a\(tag) ", with: "T ")
    }
}

@Suite("IMAP for the owner's programs")
struct IMAPTests {
    private let storage = MemoryStorage()

    // MARK: login

    @Test("nobody reads without the password, and three wrong ones end the connection")
    func login() {
        var talk = Talk(storage, isIn: false)
        #expect(talk.say("SELECT INBOX") == "T BAD log in first\r\n")
        #expect(talk.say("LOGIN me wrong").hasPrefix("T NO [AUTHENTICATIONFAILED]"))
        #expect(talk.say("AUTHENTICATE PLAIN AG1lAHNlY3JldCAiMiI=").hasPrefix("T NO"))
        #expect(!talk.session.isOver)
        #expect(talk.say("LOGIN me {5}\r\nwrong").contains("T NO"))
        #expect(talk.session.isOver)
    }

    @Test("both ways of SASL's PLAIN and literals let the owner in")
    func plain() {
        var first = Talk(storage, isIn: false), second = Talk(storage, isIn: false), third = Talk(storage, isIn: false)
        #expect(first.say("AUTHENTICATE PLAIN AG1lAHNlY3JldCAiMSI=").hasPrefix("T OK [CAPABILITY"))
        #expect(second.say("AUTHENTICATE PLAIN") == "+ \r\n")
        #expect(second.raw("AG1lAHNlY3JldCAiMSI=\r\n").hasPrefix("a1 OK"))
        #expect(third.raw("x LOGIN {2}\r\n") == "+ go on\r\n")
        #expect(third.raw("me {10+}\r\nsecret \"1\"\r\n").hasPrefix("x OK"))
    }

    // MARK: folders

    @Test("a folder is selected with what a program needs to know of it")
    func select() {
        storage.put(Samples.plain)
        var talk = Talk(storage, selected: nil)
        let answer = talk.say("SELECT inbox")
        for line in ["* 1 EXISTS", "* OK [UIDVALIDITY 7]", "* OK [UIDNEXT 2]", "* OK [UNSEEN 1]", "T OK [READ-WRITE]"] { #expect(answer.contains(line)) }
        #expect(talk.say("EXAMINE Sent").contains("T OK [READ-ONLY]"))
        #expect(talk.say("SELECT nowhere").hasPrefix("T NO [NONEXISTENT]"))
        #expect(talk.say("FETCH 1 FLAGS") == "T BAD select a folder first\r\n")
        #expect(talk.say("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)") == "* STATUS \"INBOX\" (MESSAGES 1 UNSEEN 1 UIDNEXT 2)\r\nT OK STATUS\r\n")
    }

    @Test("folders are listed by pattern, made, renamed and removed")
    func folders() {
        var talk = Talk(storage)
        #expect(talk.say("LIST \"\" \"\"").hasPrefix("* LIST (\\Noselect) \"/\" \"\""))
        #expect(talk.say("LIST \"\" *") == "* LIST () \"/\" \"INBOX\"\r\n* LIST (\\Sent) \"/\" \"Sent\"\r\n* LIST (\\Trash) \"/\" \"Trash\"\r\nT OK LIST\r\n")
        #expect(talk.say("CREATE a/b").hasPrefix("T OK"))
        #expect(talk.say("CREATE a/b").hasPrefix("T NO [ALREADYEXISTS]"))
        #expect(!talk.say("LIST \"\" %").contains("a/b"))
        #expect(talk.say("LIST a/ %").contains("\"a/b\""))
        #expect(talk.say("RENAME a/b c").hasPrefix("T OK"))
        #expect(talk.say("LIST \"\" c").contains("\"c\""))
        #expect(talk.say("DELETE c").hasPrefix("T OK"))
        #expect(talk.say("LIST \"\" \(String(repeating: "*", count: 200))x").hasSuffix("T OK LIST\r\n"))
    }

    // MARK: letters

    @Test("a letter is fetched by its sections, and counts as read only if it was read")
    func sections() {
        storage.put(Samples.plain)
        var talk = Talk(storage)
        #expect(talk.say("FETCH 1 (BODY.PEEK[HEADER.FIELDS (Message-Id)] FLAGS)") == "* 1 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID)] {21}\r\nMessage-ID: <1@x>\r\n\r\n FLAGS ())\r\nT OK FETCH\r\n")
        #expect(talk.say("FETCH 1 BODY[TEXT]<0.5>") == "* 1 FETCH (BODY[TEXT]<0> {5}\r\nHello FLAGS (\\Seen))\r\nT OK FETCH\r\n")
        #expect(talk.say("UID FETCH 1:* (RFC822.SIZE)") == "* 1 FETCH (UID 1 RFC822.SIZE \(Samples.plain.utf8.count))\r\nT OK FETCH\r\n")
        #expect(talk.say("FETCH 1 BODY[1]").contains("{30}\r\nHello Bob.\r\n.dots\r\nlast line\r\n"))
        #expect(talk.say("FETCH 1 BODY[2]").contains("BODY[2] NIL"))
        #expect(talk.say("FETCH 1 RFC822").contains("{\(Samples.plain.utf8.count)}"))
        #expect(talk.say("FETCH 9 FLAGS") == "T OK FETCH\r\n")
    }

    @Test("envelopes tell who, to whom and what about")
    func envelope() {
        storage.put(Samples.plain)
        storage.put(Samples.mixed)
        var talk = Talk(storage)
        let alice = "((\"Alice\" NIL \"alice\" \"example.org\"))"
        #expect(talk.say("FETCH 1 ENVELOPE").hasPrefix("""
            * 1 FETCH (ENVELOPE ("Sun, 22 Nov 2026 00:00:00 +0000" "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=" \(alice) \(alice) \(alice) (("Bob" NIL "bob" "example.org")(NIL NIL "carol" "example.org")) NIL NIL NIL "<1@x>"))
            """))
        let group = "((NIL NIL \"friends\" NIL)(NIL NIL \"x\" \"a\")(NIL NIL \"y\" \"b\")(NIL NIL NIL NIL))"
        #expect(talk.say("FETCH 2 ENVELOPE").contains("((\"A, B\" NIL \"ab\" \"example.org\"))"))
        #expect(talk.say("FETCH 2 ENVELOPE").contains(group))
    }

    @Test("the structure of a letter has its parts, each of which can be fetched")
    func structure() {
        storage.put(Samples.mixed)
        var talk = Talk(storage)
        let structure = talk.say("FETCH 1 BODYSTRUCTURE")
        #expect(structure.contains("((\"text\" \"plain\" (\"CHARSET\" \"utf-8\") NIL NIL \"quoted-printable\" 9 1 NIL NIL NIL NIL)"))
        #expect(structure.contains("(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 53 (NIL \"inner\" "))
        #expect(structure.contains("(\"attachment\" (\"FILENAME\" \"in ner.eml\"))"))
        #expect(structure.contains("\"alternative\" (\"BOUNDARY\" \"c\") NIL NIL NIL)"))
        #expect(structure.contains("(\"application\" \"pdf\" (\"NAME\" \"x.pdf\") NIL NIL \"base64\" 4 NIL NIL NIL NIL) \"mixed\" (\"BOUNDARY\" \"=_b\") NIL NIL NIL)"))
        #expect(talk.say("FETCH 1 BODY[2.1]").contains("{10}\r\ninner body"))
        #expect(talk.say("FETCH 1 BODY[2.HEADER]").contains("Subject: inner\r\n"))
        #expect(talk.say("FETCH 1 BODY[3.2]").contains("{6}\r\n<p>two"))
        #expect(talk.say("FETCH 1 BODY[4.MIME]").contains("name=x.pdf"))
    }

    @Test("flags are set, added and taken away, keywords too, and last")
    func flags() {
        storage.put(Samples.plain)
        var talk = Talk(storage)
        #expect(talk.say("STORE 1 FLAGS (\\seen $label1)") == "* 1 FETCH (FLAGS ($label1 \\Seen))\r\nT OK STORE\r\n")
        #expect(talk.say("UID STORE 1 +FLAGS \\Flagged").contains("FLAGS ($label1 \\Flagged \\Seen)"))
        #expect(talk.say("STORE 1 -FLAGS.SILENT ($LABEL1)") == "T OK STORE\r\n")
        var other = Talk(storage)
        #expect(other.say("FETCH 1 FLAGS").contains("FLAGS (\\Flagged \\Seen)"))
        var reader = Talk(storage, selected: nil)
        _ = reader.say("EXAMINE INBOX")
        #expect(reader.say("STORE 1 FLAGS ()").hasPrefix("T NO"))
    }

    @Test("two programs at once hear of each other's changes")
    func news() {
        storage.put(Samples.plain)
        storage.put(Samples.mixed)
        var first = Talk(storage), second = Talk(storage)
        #expect(first.say("IDLE") == "+ idling\r\n")
        _ = second.say("STORE 1 +FLAGS (\\Deleted)")
        #expect(first.tell() == "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n")
        _ = second.say("EXPUNGE")
        storage.put(Samples.plain)
        #expect(first.tell() == "* 1 EXPUNGE\r\n* 2 EXISTS\r\n")
        #expect(first.raw("DONE\r\n").contains("OK IDLE"))
        #expect(second.say("NOOP") == "* 2 EXISTS\r\nT OK NOOP\r\n")
    }

    @Test("numbers of letters stay while a command by numbers is answered")
    func numbers() {
        storage.put(Samples.plain)
        storage.put(Samples.mixed)
        var first = Talk(storage), second = Talk(storage)
        _ = second.say("STORE 1 +FLAGS (\\Deleted)")
        _ = second.say("EXPUNGE")
        #expect(!first.say("FETCH 2 FLAGS").contains("EXPUNGE"))
        #expect(first.say("NOOP").contains("* 1 EXPUNGE"))
    }

    @Test("letters are laid, copied, moved and removed by their numbers")
    func moving() {
        var talk = Talk(storage)
        #expect(talk.raw("z APPEND Sent (\\Seen) \" 2-Jan-2026 10:00:00 +0100\" {\(Samples.plain.utf8.count)}\r\n") == "+ go on\r\n")
        #expect(talk.raw(Samples.plain + "\r\n") == "z OK [APPENDUID 8 1] APPEND\r\n")
        #expect(talk.say("SELECT Sent").contains("* 1 EXISTS"))
        #expect(talk.say("FETCH 1 (INTERNALDATE FLAGS)").contains("(INTERNALDATE \" 2-Jan-2026 09:00:00 +0000\" FLAGS (\\Seen))"))
        #expect(talk.say("COPY 1 INBOX") == "T OK [COPYUID 7 1 1] COPY\r\n")
        #expect(talk.say("COPY 1 nowhere").hasPrefix("T NO [TRYCREATE]"))
        #expect(talk.say("UID MOVE 1 Trash") == "* OK [COPYUID 9 1 1] moved\r\n* 1 EXPUNGE\r\nT OK MOVE\r\n")
        #expect(talk.say("STATUS Trash (MESSAGES)").contains("MESSAGES 1"))
    }

    @Test("a folder that is closed loses what was marked, one that is left does not")
    func closing() {
        storage.put(Samples.plain)
        storage.put(Samples.plain)
        var talk = Talk(storage)
        _ = talk.say("STORE 1:2 +FLAGS (\\Deleted)")
        #expect(talk.say("UID EXPUNGE 2") == "* 2 EXPUNGE\r\nT OK EXPUNGE\r\n")
        #expect(talk.say("UNSELECT") == "T OK UNSELECT\r\n")
        #expect(talk.say("SELECT INBOX").contains("* 1 EXISTS"))
        _ = talk.say("CLOSE")
        #expect(talk.say("SELECT INBOX").contains("* 0 EXISTS"))
    }

    // MARK: searching

    @Test("letters are found by what people see of them", arguments: [
        ("ALL", "1 2"), ("UNSEEN", "2"), ("SEEN FROM alice", "1"), ("SUBJECT grüße", "1"), ("BODY café", "2"), ("TEXT inner", "2"), ("NOT BODY \"hello bob\"", "2"),
        ("OR SUBJECT parts FROM alice", "1 2"), ("(SEEN) LARGER 10000", ""), ("SENTON 22-Nov-2026", "1"), ("SENTBEFORE 22-Nov-2026", ""), ("SINCE 1-Jan-2027", "1 2"),
        ("HEADER Message-ID \"\"", "1"), ("2", "2"), ("UID 1", "1"), ("*", "2"), ("KEYWORD $label1", "1"), ("UNKEYWORD $label1", "2"), ("CHARSET UTF-8 TO bob", "1"),
    ])
    func search(key: String, found: String) {
        storage.put(Samples.plain)
        storage.put(Samples.mixed)
        var talk = Talk(storage)
        _ = talk.say("STORE 1 FLAGS (\\Seen $label1)")
        let escaped = key.utf8.contains { $0 > 127 } ? Self.literal(key) : key
        #expect(talk.say("SEARCH \(escaped)").hasSuffix("* SEARCH\(found.isEmpty ? "" : " ")\(found)\r\nT OK SEARCH\r\n"))
    }

    /// The last word as a literal: other bytes stand nowhere else.
    private static func literal(_ key: String) -> String {
        let words = key.split(separator: " ")
        return "\(words[0]) {\(words[1].utf8.count)+}\r\n\(words[1])"
    }

    // MARK: hostile clients

    @Test("what is no command is answered, and ends nothing", arguments: [
        "", " ", "a", "a b", "* NOOP", "a1 FETCH 1", "a1 FETCH 0 FLAGS", "a1 FETCH 1:4294967296 FLAGS", "a1 FETCH 1 BODY[", "a1 FETCH 1 BODY[1.2.3.HEADER.FIELDS (]", "a1 FETCH 1 (FLAGS",
        "a1 SEARCH", "a1 SEARCH OR 1", "a1 SEARCH ON 99-Foo-1", "a1 STORE 1 FLAGS (\\Recent", "a1 LIST", "a1 LIST \"", "a1 APPEND INBOX", "a1 UID NOOP", "a1 LOGIN a b", "a1 STATUS INBOX", "\u{0}\u{FF}",
    ])
    func nonsense(line: String) {
        storage.put(Samples.plain)
        var talk = Talk(storage)
        let answer = talk.raw(line + "\r\n")
        #expect(answer.contains(" BAD ") || answer.contains(" NO "))
        #expect(!talk.session.isOver)
        #expect(talk.say("NOOP") == "T OK NOOP\r\n")
    }

    @Test("brackets without end are refused before they fill the stack")
    func depth() {
        var talk = Talk(storage)
        #expect(talk.say("SEARCH \(String(repeating: "(", count: 20_000))").hasPrefix("T BAD too deep"))
        #expect(talk.say("SEARCH \(String(repeating: "NOT ", count: 10_000))ALL").hasPrefix("T BAD too deep"))
        #expect(talk.say("FETCH 1 BODY[\(String(repeating: "1.", count: 5_000))]").hasPrefix("T BAD"))
    }

    @Test("a line or a literal that is too long ends the connection", arguments: [
        "a1 LOGIN {5000}\r\n", "a1 NOOP \(String(repeating: "x", count: 5_000))", "a1 LOGIN {4000+}\r\n\(String(repeating: "x", count: 4_000)) {4000+}\r\n",
    ])
    func long(text: String) {
        var talk = Talk(storage, isIn: false)
        #expect(talk.raw(text).hasPrefix("* BYE [TOOBIG]"))
        #expect(talk.session.isOver)
    }

    @Test("no split of what comes changes what is answered")
    func splits() {
        storage.put(Samples.mixed)
        let text = "a LOGIN me {10+}\r\nsecret \"1\"\r\nb SELECT INBOX\r\nc FETCH 1 (ENVELOPE BODYSTRUCTURE)\r\nd APPEND Sent {3+}\r\nx\r\n\r\ne LOGOUT\r\n"
        func answer(_ size: Int) -> String {
            var talk = Talk(storage, isIn: false), rest = Array(text.utf8)[...], out = ""
            while !rest.isEmpty {
                out += talk.raw(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            return out.replacing(/APPENDUID 8 \d+/, with: "APPENDUID")
        }
        let whole = answer(10_000)
        #expect(whole.hasSuffix("e OK LOGOUT\r\n"))
        for size in [1, 2, 3, 7, 50] { #expect(answer(size) == whole) }
    }
}

import Letters
import Sealing
import Testing

@Suite("A submission session")
struct SubmissionSessionTests {
    /// Everything the service said, and what it took.
    struct Talk {
        var session: SubmissionSession
        var replies = ""
        var kept: [SubmittedLetter] = []
        var logins: [(String, [UInt8])] = []
        var isClosed = false
        var startsTLS = false
        var keepsAtOnce = true

        init(_ change: (inout SubmissionSession.Settings) -> Void = { _ in }) {
            var settings = SubmissionSession.Settings()
            settings.name = "mail.test"
            change(&settings)
            session = SubmissionSession(settings)
            take(session.greet())
        }

        mutating func take(_ effects: [SubmissionSession.Effect]) {
            for effect in effects {
                switch effect {
                case .reply(let bytes): replies += String(decoding: bytes, as: UTF8.self)
                case .startTLS: startsTLS = true
                case .authenticate(let name, let password): logins.append((name, password))
                case .keep(let letter):
                    kept.append(letter)
                    if keepsAtOnce { take(session.kept(nil)) }
                case .close: isClosed = true
                }
            }
        }

        mutating func say(_ text: String) { say(Array(text.utf8)) }
        mutating func say(_ bytes: [UInt8]) { take(session.receive(bytes)) }

        /// What came since, its codes only.
        mutating func codes(_ text: String) -> [String] {
            replies = ""
            say(text)
            return replies.split(separator: "\r\n").filter { $0.dropFirst(3).first == " " }.map { String($0.prefix(3)) }
        }
    }

    private static func ready(_ change: (inout SubmissionSession.Settings) -> Void = { _ in }) -> Talk {
        var talk = Talk(change)
        talk.say("EHLO me\r\n")
        talk.say("MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n")
        return talk
    }

    @Test("a letter is taken, its dots unstuffed, and several may follow")
    func letter() {
        var talk = Self.ready()
        #expect(talk.codes("DATA\r\n") == ["354"])
        #expect(talk.codes("Subject: x\r\n\r\n..\r\n.a\r\nb\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<d@e.f>\r\n") == ["250", "250", "250"])
        #expect(talk.kept.map(\.content) == [Array("Subject: x\r\n\r\n.\r\na\r\nb\r\n".utf8)])
        #expect(talk.kept.first?.envelope.sender == MailAddress("a@b.c"))
        #expect(talk.codes("DATA\r\n") == ["354"] && talk.codes(".\r\nQUIT\r\n") == ["250", "221"])
        #expect(talk.kept.count == 2 && talk.kept[1].content.isEmpty && talk.kept[1].envelope.sender == nil && talk.isClosed)
    }

    @Test("the same is taken in whatever pieces it comes")
    func pieces() {
        var talk = Talk()
        for part in ["EHLO me\r\n", "MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n", "DATA\r\n", "a\r\n..b\r\n\r\n.\r\n"] { for byte in Array(part.utf8) { talk.say([byte]) } }
        #expect(talk.kept.map(\.content) == [Array("a\r\n.b\r\n\r\n".utf8)] && !talk.isClosed)
    }

    @Test("the extensions are said, and TLS and AUTH only where they can be had")
    func extensions() {
        var talk = Talk()
        talk.say("EHLO me\r\n")
        for word in ["PIPELINING", "SIZE ", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN"] { #expect(talk.replies.contains(word)) }
        #expect(!talk.replies.contains("STARTTLS") && !talk.replies.contains("AUTH"))
        talk = Talk { ($0.offersTLS, $0.needsUser) = (true, true) }
        talk.say("EHLO me\r\n")
        #expect(talk.replies.contains("STARTTLS") && !talk.replies.contains("AUTH"))
        talk = Talk { ($0.isSecure, $0.needsUser) = (true, true) }
        talk.say("EHLO me\r\n")
        #expect(!talk.replies.contains("STARTTLS") && talk.replies.contains("250 AUTH PLAIN LOGIN"))
    }

    @Test("nothing but CR LF . CR LF ends a letter: each known way of smuggling is refused and the session closed", arguments: [
        "\n.\n", "\n.\r", "\r.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\r\r\n", "\r\r\n.\r\r\n", "\r\n\0.\r\n", "\r\n.\0\r\n",
    ])
    func smuggling(end: String) {
        for isChunked in [false, true] {
            var talk = Self.ready()
            let text = "Subject: a\r\n\r\nx\(end)MAIL FROM:<evil@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nSubject: b\r\n\r\n.\r\n"
            talk.say(isChunked ? "BDAT \(text.utf8.count) LAST\r\n" : "DATA\r\n")
            #expect(talk.codes(text) == ["554"])
            #expect(talk.kept.isEmpty && talk.isClosed && talk.codes("NOOP\r\n").isEmpty)
        }
    }

    @Test("a command line without CR LF closes the session", arguments: ["NOOP\n", "NOOP\rX\r\n", "NO\0OP\r\n", "NOOP\r\r\n"])
    func bareCommands(line: String) {
        var talk = Talk()
        #expect(talk.codes(line) == ["554"] && talk.isClosed)
    }

    @Test("commands out of order, unknown or unreadable get their codes, and the session goes on", arguments: [
        ("MAIL FROM:<a@b.c>\r\n", "503"), ("RCPT TO:<a@b.c>\r\n", "503"), ("DATA\r\n", "503"), ("FROB\r\n", "500"), ("EHLO\r\n", "501"), ("VRFY x\r\n", "252"), ("EXPN x\r\n", "502"),
        ("HELP\r\n", "214"), ("NOOP x\r\n", "250"), ("RSET\r\n", "250"), ("STARTTLS\r\n", "502"), ("AUTH PLAIN AAA=\r\n", "502"), ("BDAT x\r\n", "501"), ("BDAT -1\r\n", "501"), ("BDAT 99999999999 LAST\r\n", "501"),
        ("\u{7F}\r\n", "500"), ("\r\n", "500"), ("DATA now\r\n", "501"), ("GET / HTTP/1.1\r\n", "500"),
    ])
    func order(line: String, code: String) {
        var talk = Talk()
        #expect(talk.codes(line) == [code] && !talk.isClosed)
    }

    @Test("parameters and paths of MAIL and RCPT are read strictly", arguments: [
        ("MAIL FROM:<x@y.z> SIZE=100 BODY=8BITMIME RET=FULL ENVID=abc SMTPUTF8", "250"), ("mail from: <x@y.z>", "250"), ("MAIL FROM:<@r.s:x@y.z>", "250"), ("MAIL FROM:<\"a>b\"@y.z>", "250"),
        ("MAIL FROM:x@y.z", "501"), ("MAIL FROM:<x@y.z", "501"), ("MAIL FROM:<x@y.z>SIZE=1", "501"), ("MAIL FROM:<x@y.z> SIZE=x", "501"), ("MAIL FROM:<x@y.z> SIZE=99999999999", "552"),
        ("MAIL FROM:<x@y.z> BODY=BINARYMIME", "501"), ("MAIL FROM:<x@y.z> FROB=1", "555"), ("MAIL FROM:<x@y.z> SIZE=1 SIZE=1", "501"), ("MAIL FROM:<x>", "553"), ("MAIL FROM:<ü@y.z>", "553"), ("MAIL FROM:<ü@y.z> SMTPUTF8", "250"),
    ])
    func parameters(line: String, code: String) {
        var talk = Talk()
        talk.say("EHLO me\r\n")
        #expect(talk.codes(line + "\r\n") == [code])
    }

    @Test("wishes for reports are kept, and what could only be recognised by is not")
    func reports() {
        var talk = Talk()
        talk.say("EHLO me\r\n")
        talk.say("MAIL FROM:<a@b.c> RET=FULL ENVID=QQ314159\r\nRCPT TO:<d@e.f> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;d@e.f\r\nRCPT TO:<g@e.f> NOTIFY=NEVER\r\nRCPT TO:<h@e.f> NOTIFY=NEVER,SUCCESS\r\n")
        talk.say("DATA\r\n")
        talk.say(".\r\n")
        #expect(talk.kept.first?.envelope == Envelope(sender: MailAddress("a@b.c"), recipients: [Recipient(MailAddress("d@e.f")!, wish: [.success, .failure]), Recipient(MailAddress("g@e.f")!, wish: .never)], returnsAll: true))
        #expect(talk.replies.contains("501 5.5.4"))
    }

    @Test("chunks are counted exactly, and what follows a refused one is refused until RSET")
    func chunks() {
        var talk = Self.ready()
        #expect(talk.codes("BDAT 3\r\na\r\nBDAT 6 LAST\r\n.\r\n.b!") == ["250", "250"])
        #expect(talk.kept.map(\.content) == [Array("a\r\n.\r\n.b!\r\n".utf8)])
        #expect(talk.codes("BDAT 5\r\nNOOP\rBDAT 0 LAST\r\n") == ["503", "503"])
        #expect(talk.codes("MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nBDAT 0 LAST\r\n") == ["250", "250", "250"])
        #expect(talk.codes("MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nBDAT 1\r\naDATA\r\n") == ["250", "250", "250", "503"] && talk.kept.count == 2)
    }

    @Test("too large a letter is refused, by what it says or by what it is, and one without end closes the session")
    func sizes() {
        let small: (inout SubmissionSession.Settings) -> Void = { $0.sizeLimit = 1_000 }
        var talk = Self.ready(small)
        talk.say("DATA\r\n")
        #expect(talk.codes(String(repeating: "x\r\n", count: 400) + ".\r\n") == ["552"] && !talk.isClosed)
        #expect(talk.codes("MAIL FROM:<a@b.c> SIZE=1001\r\n") == ["552"])
        #expect(talk.codes("MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nBDAT 1500\r\n" + String(repeating: "x\r\n", count: 500)) == ["250", "250", "552"])
        #expect(talk.codes("BDAT 1500\r\n" + String(repeating: "x\r\n", count: 500)) == ["503"] && talk.session.heldBytes == 0)
        #expect(talk.codes("RSET\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n") == ["250", "250", "250", "354"])
        #expect(talk.codes(String(repeating: "x\r\n", count: 1_000)) == ["552"] && talk.isClosed)
    }

    @Test("lines have an end: of a letter at 998 bytes, of a command at 4,096")
    func lines() {
        var talk = Self.ready()
        talk.say("DATA\r\n")
        #expect(talk.codes(String(repeating: "x", count: 998) + "\r\n.\r\n") == ["250"])
        talk = Self.ready()
        talk.say("DATA\r\n")
        #expect(talk.codes(String(repeating: "x", count: 1_000_000) + "\r\n.\r\n") == ["554"] && !talk.isClosed)
        #expect(talk.codes(String(repeating: "x", count: 5_000)) == ["500"] && talk.isClosed && talk.session.heldBytes == 0)
    }

    @Test("a hundred recipients are taken, the others are to be sent to again, and a report has one")
    func recipients() {
        var talk = Talk()
        talk.say("EHLO me\r\n")
        talk.say("MAIL FROM:<a@b.c>\r\n")
        let codes = talk.codes((0..<150).map { "RCPT TO:<u\($0)@e.f>\r\n" }.joined())
        #expect(codes.filter { $0 == "250" }.count == 100 && codes.filter { $0 == "452" }.count == 50)
        #expect(talk.codes("DATA\r\n") == ["354"] && talk.codes(".\r\n") == ["250"] && talk.kept.first?.envelope.recipients.count == 100)
        #expect(talk.codes("MAIL FROM:<>\r\nRCPT TO:<a@b.c>\r\nRCPT TO:<d@b.c>\r\n") == ["250", "250", "452"])
        #expect(talk.codes((0..<1_100).map { "RCPT TO:<u\($0)@e.f>\r\n" }.joined()).last == "421" && talk.isClosed)
    }

    @Test("what comes before the reply that it has to wait for closes the session", arguments: ["EHLO me\r\nMAIL FROM:<a@b.c>\r\n", "HELO me\r\nNOOP\r\n"])
    func early(text: String) {
        var talk = Talk()
        #expect(talk.codes(text).last == "554" && talk.isClosed)
        talk = Self.ready()
        #expect(talk.codes("DATA\r\nSubject: x\r\n.\r\n") == ["554"] && talk.isClosed && talk.kept.isEmpty)
    }

    @Test("what stood behind STARTTLS is dropped, and what was said before it forgotten")
    func startTLS() {
        var talk = Talk { ($0.offersTLS, $0.needsUser) = (true, true) }
        talk.say("EHLO me\r\n")
        #expect(talk.codes("AUTH PLAIN AAA=\r\n") == ["538"] && talk.codes("MAIL FROM:<a@b.c>\r\n") == ["530"])
        #expect(talk.codes("STARTTLS\r\nEHLO evil\r\nNOOP\r\n") == ["220"] && talk.startsTLS)
        talk.take(talk.session.secured())
        #expect(talk.codes("MAIL FROM:<a@b.c>\r\n") == ["503"])
        #expect(talk.codes("EHLO me\r\n") == ["250"] && !talk.replies.contains("STARTTLS") && talk.replies.contains("AUTH"))
        #expect(talk.codes("STARTTLS\r\n") == ["503"] && talk.codes("MAIL FROM:<a@b.c>\r\n") == ["530"])
    }

    @Test("PLAIN and LOGIN ask for a name and a password, and three wrong ones end the session")
    func authentication() {
        let secure: (inout SubmissionSession.Settings) -> Void = { ($0.isSecure, $0.needsUser) = (true, true) }
        var talk = Talk(secure)
        talk.say("EHLO me\r\n")
        #expect(talk.codes("AUTH PLAIN AGFubgBzZWNyZXQ=\r\n").isEmpty && talk.logins.last! == ("ann", Array("secret".utf8)))
        talk.take(talk.session.authenticated(false))
        #expect(talk.replies.hasPrefix("535 5.7.8"))
        #expect(talk.codes("AUTH LOGIN\r\n") == ["334"] && talk.codes("YW5u\r\n") == ["334"] && talk.codes("c2VjcmV0\r\n").isEmpty)
        #expect(talk.logins.count == 2 && talk.logins[1] == ("ann", Array("secret".utf8)))
        talk.take(talk.session.authenticated(true))
        #expect(talk.codes("AUTH LOGIN\r\n") == ["503"] && talk.codes("MAIL FROM:<a@b.c>\r\n") == ["250"])
        talk = Talk(secure)
        talk.say("EHLO me\r\n")
        #expect(talk.codes("AUTH PLAIN\r\n") == ["334"] && talk.codes("*\r\n") == ["501"] && talk.codes("AUTH CRAM-MD5\r\n") == ["504"] && talk.codes("AUTH PLAIN !!!\r\n") == ["501"])
        for _ in 0..<3 {
            talk.say("AUTH PLAIN AGFubgB4\r\n")
            talk.take(talk.session.authenticated(false))
        }
        #expect(talk.isClosed && talk.replies.contains("421 4.7.0"))
    }

    @Test("commands that wait behind a letter are answered after it, and a letter that was not kept is said so")
    func waiting() {
        var talk = Self.ready()
        talk.keepsAtOnce = false
        talk.say("DATA\r\n")
        #expect(talk.codes("x\r\n.\r\nNOOP\r\n").isEmpty && talk.session.isWaiting)
        talk.take(talk.session.kept(.noRoom))
        #expect(talk.replies.hasPrefix("452 4.3.1") && talk.replies.contains("250 2.0.0"))
    }

    @Test("a letter for which there is no memory is read to its end and refused for now")
    func starved() {
        var talk = Self.ready()
        talk.say("DATA\r\n")
        talk.say(String(repeating: "x\r\n", count: 1_000))
        talk.session.starve()
        #expect(talk.session.heldBytes == 0 && talk.codes("more\r\n.\r\n") == ["452"] && !talk.isClosed)
    }

    @Test("whoever makes twenty errors, or sends commands without end and no letter, is sent away")
    func patience() {
        var talk = Talk()
        #expect(talk.codes(String(repeating: "FROB\r\n", count: 30)).last == "421" && talk.isClosed)
        talk = Talk()
        #expect(talk.codes(String(repeating: "NOOP\r\n", count: 300)).last == "421" && talk.isClosed)
    }
}

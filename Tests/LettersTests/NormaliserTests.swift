import Letters
import Sealing
import Testing

@Suite("Letters made alike")
struct NormaliserTests {
    static func normalised(_ message: String, wantsUTF8: Bool = false) throws(SMTPReply) -> String {
        let envelope = Envelope(sender: MailAddress("ann@example.org"), recipients: [Recipient(MailAddress("bob@example.net")!)])!
        let submitted = SubmittedLetter(envelope: envelope, content: Array(message.replacing("\n", with: "\r\n").utf8), isInternational: wantsUTF8)
        let letter = try Normaliser.letter(of: submitted, id: LetterID([UInt8](repeating: 9, count: 16))!)
        #expect((try? Letter(decoding: letter.encoded)) == letter, "it can travel")
        return String(decoding: letter.content, as: UTF8.self).replacing("\r\n", with: "\n")
    }

    @Test("one letter from seven mail programs leaves the same, byte for byte")
    func alike() throws {
        let all = try ProgramSamples.all.map { ($0.key, try Self.normalised($0.value)) }
        for (name, text) in all { #expect(text == all[0].1, "\(name) and \(all[0].0)") }
        #expect(all[0].1 == ProgramSamples.expected)
    }

    @Test("with a file attached, too")
    func alikeWithFile() throws {
        let all = try ProgramSamples.withFile.map { ($0.key, try Self.normalised($0.value)) }
        for (name, text) in all { #expect(text == all[0].1, "\(name) and \(all[0].0)") }
        #expect(all[0].1.contains("filename=\"1.pdf\"") && !all[0].1.contains("Secret"))
    }

    @Test("of a header only what was agreed is left", arguments: [
        "Received", "User-Agent", "X-Mailer", "X-Originating-IP", "X-Google-DKIM-Signature", "Autocrypt", "Organization", "List-Id", "DKIM-Signature", "Return-Path", "Bcc", "Sender", "Reply-To", "Date", "Message-ID", "Whatever-Comes",
    ])
    func allowList(name: String) throws {
        let text = try Self.normalised("\(name): <tell-tale@example.org>\nFrom: ann@example.org\nTo: bob@example.net\nSubject: s\n\nhi\n")
        #expect(!text.contains("tell-tale"))
        #expect(text.split(separator: "\n\n")[0].split(separator: "\n").map { $0.prefix { $0 != ":" } } == ["From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"])
    }

    @Test("what answers what is kept, with ids only")
    func references() throws {
        let text = try Self.normalised("From: ann@example.org\nIn-Reply-To: your letter <a@b> of today\nReferences: <x@y>\n\t<a@b>  (comment) broken@id <c@d>\n\nhi\n")
        #expect(text.contains("In-Reply-To: <a@b>\nReferences: <x@y> <a@b> <c@d>\n"))
    }

    @Test("addresses are written one way however they were written", arguments: [
        "\"Ann B.\" <ann@example.org>, bob@example.net", "=?utf-8?Q?Ann_B=2E?= <ann@Example.ORG>,\n\t<bob@example.net>", "Friends: \"Ann B.\" (work) <@relay.example:ann@example.org> ,, bob@example.net;", "=?iso-8859-1?b?QW5uIEIu?= <ann@example.org>, \"bob\" @ example.net",
    ])
    func addresses(to: String) throws {
        #expect(try Self.normalised("From: ann@example.org\nTo: \(to)\n\nhi\n").contains("To: \"Ann B.\" <ann@example.org>, bob@example.net\n"))
    }

    @Test("text beyond ASCII is the same in every set and encoding it may be written in", arguments: [
        ("utf-8", "8bit", "Gr\u{fc}\u{df}e =\u{20ac}"), ("utf-8", "quoted-printable", "Gr=C3=BC=C3=9Fe =3D=E2=82=AC"), ("utf-8", "base64", "R3LDvMOfZSA94oKs"), ("windows-1252", "quoted-printable", "Gr=FC=DFe =3D=80"), ("iso-8859-15", "base64", "R3L832UgPaQ="),
    ])
    func charsets(charset: String, encoding: String, body: String) throws {
        let text = try Self.normalised("From: ann@example.org\nSubject: =?\(charset == "utf-8" ? "utf-8?B?w7w=" : "\(charset)?Q?=FC")?=\nContent-Type: text/plain; charset=\"\(charset)\"\nContent-Transfer-Encoding: \(encoding)\n\n\(body)\n")
        #expect(text.contains("Subject: =?utf-8?B?w7w=?=\n") && text.hasSuffix("\n\nGr=C3=BC=C3=9Fe =3D=E2=82=AC\n"))
    }

    @Test("pictures that an HTML text shows are still shown, by other names")
    func related() throws {
        let text = try Self.normalised("""
            From: ann@example.org
            Content-Type: multipart/related; boundary=X

            --X
            Content-Type: text/html

            <img src="cid:image001.png@01DB.OUTLOOK">
            --X
            Content-Type: image/png; name="image001.png"
            Content-ID: <image001.png@01DB.OUTLOOK>
            Content-Transfer-Encoding: base64

            AAEC
            --X--

            """)
        #expect(!text.contains("OUTLOOK") && text.contains("image/png") && text.contains("AAEC\n"))
        let id = try #require(text.firstMatch(of: /Content-ID: <([^>]+)>/)).1
        #expect(text.replacing("=\n", with: "").contains("cid:\(id)"))
    }

    @Test("what names its author by a signature is refused with a reason, as is what cannot be read", arguments: [
        ("Content-Type: multipart/signed; boundary=X\n\n--X\n\nhi\n--X--\n", "signed letter"), ("Content-Type: multipart/mixed\n\nhi\n", "where its own parts begin"), ("Content-Transfer-Encoding: x-uuencode\n\nhi\n", "not known here"),
        ("To: <broken\n\nhi\n", "no list of addresses"), ("From: two@example.org\n\nhi\n", "two From"), ("no field\n\nhi\n", "no field"),
        (String(repeating: "Received: x\n", count: 51) + "\nhi\n", "circles"),
    ])
    func refused(rest: String, reason: String) {
        #expect { try Self.normalised("From: ann@example.org\n" + rest) } throws: { ($0 as? SMTPReply)?.text.contains(reason) == true && ($0 as? SMTPReply)?.code == 554 }
    }

    @Test("parts in parts without end are refused, not followed")
    func bomb() {
        var message = "From: ann@example.org\n"
        for depth in 0..<100 { message += "Content-Type: multipart/mixed; boundary=b\(depth)\n\n--b\(depth)\n" }
        #expect(throws: SMTPReply.self) { try Self.normalised(message + "\nhi\n") }
        let many = "From: ann@example.org\nContent-Type: multipart/mixed; boundary=b\n\n" + String(repeating: "--b\n\nx\n", count: 2_000)
        #expect(throws: SMTPReply.self) { try Self.normalised(many) }
    }

    @Test("addresses beyond ASCII travel for those who said SMTPUTF8, and only for them")
    func international() throws {
        let message = "From: ann@example.org\nTo: jürgen@exämple.org\n\nhi\n"
        #expect(try Self.normalised(message, wantsUTF8: true).contains("To: jürgen@exämple.org\n"))
        #expect { try Self.normalised(message) } throws: { ($0 as? SMTPReply)?.status == "5.6.7" }
    }

    @Test("the same letter handed in again has the same id and Message-ID; without one of its own it is another letter")
    func again() throws {
        let key = SecretBytes.random(32), envelope = try #require(Envelope(sender: nil, recipients: [Recipient(MailAddress("bob@example.net")!)]))
        func id(_ text: String) -> LetterID { Normaliser.id(of: SubmittedLetter(envelope: envelope, content: Array(text.utf8)), key: key, random: SecureRandom.bytes(16)) }
        #expect(id("Message-ID: <a@b>\r\n\r\nhi\r\n") == id("Message-ID: <a@b>\r\n\r\nhi\r\n"))
        #expect(id("Message-ID: <a@b>\r\n\r\nhi\r\n") != id("Message-ID: <a@c>\r\n\r\nhi\r\n"))
        #expect(id("\r\nhi\r\n") != id("\r\nhi\r\n"))
    }

    @Test("no line is longer than 76 where it can be folded, and a letter made alike stays as it is", arguments: [3, 40, 300])
    func stable(words: Int) throws {
        let long = (0..<words).map { "wörd\($0)" }.joined(separator: " ")
        let once = try Self.normalised("From: ann@example.org\nTo: \((0..<words).map { "user\($0)@example.net" }.joined(separator: ", "))\nSubject: \(long)\n\n\(long)\n")
        for line in once.split(separator: "\n") { #expect(line.utf8.count <= 76, "\(line)") }
        #expect(try Self.normalised(once) == once)
    }
}

import Ambience
import Letters
import Testing

@Suite("A letter on its way")
struct LetterTests {
    static func id(_ byte: UInt8 = 1) -> LetterID { LetterID([UInt8](repeating: byte, count: 16))! }

    static func letter(_ content: String = "Subject: hello\r\n\r\nworld\r\n", sender: String? = "alice@example.org", to: [String] = ["bob@example.net"]) -> Letter? {
        let recipients = to.compactMap { MailAddress($0) }.map { Recipient($0) }
        return Envelope(sender: sender.flatMap { MailAddress($0) }, recipients: recipients).flatMap { Letter(id: id(), envelope: $0, content: Array(content.utf8)) }
    }

    @Test("what was encoded is the same letter again", arguments: [nil, "alice@example.org", "\"odd \\\"name\\\"\"@example.org", "jürgen@exämple.org"])
    func roundTrip(sender: String?) throws {
        let letter = try #require(Self.letter(sender: sender, to: ["bob@example.net", "x.y@[127.0.0.1]", "\"a@b\"@example.com"]))
        #expect(letter.envelope.recipients.count == 3 && (sender == nil) == (letter.envelope.sender == nil))
        #expect(try Letter(decoding: letter.encoded) == letter)
    }

    @Test("no part of an encoded letter is one, nor is one with anything behind it")
    func truncated() throws {
        let bytes = try #require(Self.letter()).encoded
        for count in 0..<bytes.count { #expect(throws: Letter.Flaw.malformed) { try Letter(decoding: Array(bytes.prefix(count))) } }
        #expect(throws: Letter.Flaw.malformed) { try Letter(decoding: bytes + [0]) }
    }

    @Test("a message that could not be sent on as it is, is no letter's", arguments: ["a\nb\r\n", "a\rb\r\n", "a\0\r\n", "\r\n\u{e4}\r\n", "no end", "\r", String(repeating: "x", count: 999) + "\r\n"])
    func unsendable(content: String) throws {
        let letter = try #require(Self.letter(content))
        #expect(throws: Letter.Flaw.malformed) { try Letter(decoding: letter.encoded) }
    }

    @Test("an address holds nothing that could end a command", arguments: [
        "", "@", "a@", "@b", "a b@c", "a@b c", "a\r\n@b", "\"a\r\nb\"@c", "a@b\r\nRCPT", "a@-b", "a@b..c", "a.@b", ".a@b", "a@b.", "a@[", "a@[]", "a@[1 2]", "\"a@b", "\"a\"b\"@c", "<a@b>", "a@b@c d", "a\0@b",
        String(repeating: "a", count: 65) + "@b", "a@" + String(repeating: "b.", count: 130) + "c", "a@" + String(repeating: "b", count: 64),
    ])
    func badAddresses(text: String) { #expect(MailAddress(text) == nil) }

    @Test("an address is one however it was written")
    func sameAddress() {
        #expect(MailAddress("\"bob\"@Example.ORG") == MailAddress("bob@example.org"))
        #expect(MailAddress("\"bo b\"@example.org")?.description == "\"bo b\"@example.org")
        #expect(MailAddress("Bob@example.org") != MailAddress("bob@example.org"))
    }

    @Test("a letter leaves with the day and the hour, and nothing finer")
    func delivered() throws {
        let letter = try #require(Self.letter()), now = try #require(WallTime("2027-01-31 13:45:59"))
        let text = String(decoding: letter.delivered(by: "mail.example", id: "abc", at: now), as: UTF8.self)
        #expect(text == "Received: by mail.example id abc; Sun, 31 Jan 2027 13:00:00 +0000\r\nDate: Sun, 31 Jan 2027 00:00:00 +0000\r\nSubject: hello\r\n\r\nworld\r\n")
    }
}

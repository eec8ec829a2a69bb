import Outgoing
import Sealing
import Testing

/// Plays the server's part line by line.
struct Play {
    var client: SMTPClient
    var effects: [SMTPClient.Effect] = []

    init(_ mail: OutgoingMail = .sample(), encryption: SMTPClient.Encryption = .never, login: SMTPLogin? = nil) {
        client = SMTPClient(mail, name: "[192.0.2.1]", encryption: encryption, login: login)
    }

    /// What the client says to these words.
    mutating func hear(_ words: String) -> String {
        let new = client.received(Array(words.utf8))
        effects += new
        return Self.said(new)
    }

    static func said(_ effects: [SMTPClient.Effect]) -> String {
        effects.reduce(into: "") { if case .send(let bytes) = $1 { $0 += String(decoding: bytes, as: UTF8.self) } }
    }

    var verdicts: [SMTPVerdict]? { effects.lazy.compactMap { if case .done(let verdicts) = $0 { verdicts } else { nil } }.first }
}

extension OutgoingMail {
    static func sample(_ recipients: [String] = ["bob@example.org"], content: String = "Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n", utf8: Bool = false) -> OutgoingMail {
        OutgoingMail(reversePath: "alice@example.com", recipients: recipients, content: Array(content.utf8), needsUTF8: utf8)
    }
}

@Suite("A session with a mail server")
struct SMTPClientTests {
    @Test("delivers a letter, each step after the answer to the one before, dots doubled")
    func plain() {
        var play = Play()
        #expect(play.hear("220 mx ESMTP\r\n") == "EHLO [192.0.2.1]\r\n")
        #expect(play.hear("250-mx\r\n250 SIZE 1000\r\n") == "MAIL FROM:<alice@example.com> SIZE=29\r\n")
        #expect(play.hear("250 ok\r\n") == "RCPT TO:<bob@example.org>\r\n")
        #expect(play.hear("250 ok\r\n") == "DATA\r\n")
        #expect(play.hear("354 go\r\n") == "" && play.effects.last == .sendContent)
        var content: [UInt8] = []
        while case let piece = play.client.more(7), !piece.isEmpty { content += piece }
        #expect(String(decoding: content, as: UTF8.self) == "Subject: x\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n")
        #expect(play.client.mayHaveDelivered)
        #expect(play.hear("250 2.0.0 queued\r\n") == "QUIT\r\n")
        #expect(play.verdicts == [.delivered])
    }

    @Test("sends sender and recipients in one piece where the server allows it, and keeps their answers apart")
    func pipelined() {
        var play = Play(.sample(["a@x", "b@x", "c@x"]))
        _ = play.hear("220 mx\r\n")
        #expect(play.hear("250-mx\r\n250-PIPELINING\r\n250 DSN\r\n").split(separator: "\r\n").count == 4)
        #expect(play.hear("250 ok\r\n250 ok\r\n550 5.1.1 who?\r\n4") == "")
        #expect(play.hear("50 later\r\n") == "DATA\r\n")
        _ = play.hear("354 go\r\n")
        while !play.client.more(1000).isEmpty {}
        _ = play.hear("250 ok\r\n")
        #expect(play.verdicts == [.delivered, .failed("5.1.1", "550 5.1.1 who?"), .deferred(.refused(SMTPReply(code: 450, lines: ["later"])))])
    }

    @Test("asks for no delivery report of the server's own")
    func silence() {
        var play = Play()
        _ = play.hear("220 mx\r\n")
        _ = play.hear("250-mx\r\n250 DSN\r\n")
        #expect(play.hear("250 ok\r\n") == "RCPT TO:<bob@example.org> NOTIFY=NEVER\r\n")
    }

    @Test("names no more recipients than the server takes at once, and says that the others are to come")
    func limits() {
        var play = Play(.sample(["a@x", "b@x"]))
        _ = play.hear("220 mx\r\n")
        _ = play.hear("250-mx\r\n250 LIMITS RCPTMAX=1 MAILMAX=5\r\n")
        _ = play.hear("250 ok\r\n")
        #expect(play.hear("250 ok\r\n") == "DATA\r\n")
        _ = play.hear("354 go\r\n")
        while !play.client.more(1000).isEmpty {}
        _ = play.hear("250 ok\r\n")
        #expect(play.verdicts == [.delivered, .deferred(.laterTransaction)])
    }

    @Test("trusts no word that came before TLS", arguments: ["250 injected\r\n", "2"])
    func injected(words: String) {
        var play = Play(encryption: .required)
        _ = play.hear("220 mx\r\n")
        #expect(play.hear("250-mx\r\n250 STARTTLS\r\n") == "STARTTLS\r\n")
        #expect(play.hear("220 go\r\n" + words) == "")
        #expect(play.verdicts == [.deferred(.injected)])
    }

    @Test("forgets what the server could do before TLS")
    func startTLS() {
        var play = Play(encryption: .required)
        _ = play.hear("220 mx\r\n")
        _ = play.hear("250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
        _ = play.hear("220 go\r\n")
        #expect(play.effects.last == .startTLS)
        #expect(Play.said(play.client.secured()) == "EHLO [192.0.2.1]\r\n")
        #expect(play.hear("250 mx\r\n") == "MAIL FROM:<alice@example.com>\r\n")
    }

    @Test("sends nothing without TLS where TLS is needed", arguments: ["250 mx\r\n", "502 what?\r\n", "250-mx\r\n250 STARTTLS\r\n454 not now\r\n"])
    func needed(words: String) {
        var play = Play(encryption: .required)
        _ = play.hear("220 mx\r\n")
        _ = play.hear(words)
        #expect(play.verdicts?.count == 1 && play.verdicts != [.delivered])
        #expect(!play.effects.contains { if case .send(let bytes) = $0 { bytes.starts(with: "MAIL".utf8) } else { false } })
    }

    @Test("shows a password only under TLS, in either way to log in", arguments: ["PLAIN", "LOGIN"])
    func login(way: String) {
        let login = SMTPLogin(name: "me", password: SecretBytes(Array("secret".utf8)))
        var bare = Play(encryption: .ifOffered, login: login)
        _ = bare.hear("220 mx\r\n")
        #expect(bare.hear("250-mx\r\n250 AUTH \(way)\r\n") == "QUIT\r\n" && bare.verdicts == [.deferred(.noTLS)])
        var play = Play(encryption: .fromTheStart, login: login)
        _ = play.hear("220 mx\r\n")
        let first = play.hear("250-mx\r\n250 AUTH \(way)\r\n")
        if way == "PLAIN" {
            #expect(first == "AUTH PLAIN AG1lAHNlY3JldA==\r\n")
        } else {
            #expect(first == "AUTH LOGIN\r\n" && play.hear("334 VXNlcm5hbWU6\r\n") == "bWU=\r\n" && play.hear("334 UGFzc3dvcmQ6\r\n") == "c2VjcmV0\r\n")
        }
        #expect(play.hear("235 welcome\r\n").hasPrefix("MAIL FROM"))
    }

    @Test("gives up for good on a server that can never take the letter")
    func unfit() {
        for (mail, line, status) in [
            (OutgoingMail.sample(), "250 SIZE 28", "5.3.4"), (.sample(utf8: true), "250 8BITMIME", "5.6.7"), (.sample(content: "é\r\n"), "250 SIZE", "5.6.3"),
            (.sample(content: "a\nb\r\n"), "250 SIZE", "5.6.0"), (.sample(content: "a\r\n.\r\0\n"), "250 SIZE", "5.6.0"), (.sample(["a\r\nb@x"]), "250 SIZE", "5.6.0"),
            (.sample(content: String(repeating: "x", count: 999) + "\r\n"), "250 SIZE", "5.6.0"),
        ] {
            var play = Play(mail)
            _ = play.hear("220 mx\r\n")
            #expect(play.hear("250-mx\r\n\(line)\r\n") == "QUIT\r\n")
            guard case .failed(status, _)? = play.verdicts?.first else {
                Issue.record("\(line): \(String(describing: play.verdicts))")
                continue
            }
        }
    }

    @Test("takes a refusal at any step for what it is: 4xx and 421 for later, 5xx of the letter for ever")
    func refusals() {
        let talk = ["220 mx\r\n", "250 mx\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"]
        for step in talk.indices {
            for code in [421, 451, 554] {
                var play = Play()
                for words in talk.prefix(step) { _ = play.hear(words) }
                _ = play.hear("\(code) no\r\n")
                // HELO is tried after a refused EHLO.
                if step == 1, code == 554 { _ = play.hear("554 no\r\n") }
                let isForEver = code == 554 && step > 1
                let verdict = play.verdicts?.first
                if isForEver { #expect(verdict == .failed("5.0.0", "554 no")) } else { #expect(verdict == .deferred(.refused(SMTPReply(code: code, lines: ["no"])))) }
            }
        }
    }

    @Test("knows that a letter may have arrived when the last answer is lost, and only then")
    func lost() {
        var play = Play()
        for words in ["220 mx\r\n", "250 mx\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"] { _ = play.hear(words) }
        #expect(!play.client.mayHaveDelivered)
        while !play.client.more(1000).isEmpty {}
        #expect(play.client.mayHaveDelivered)
        #expect(play.client.ended(.lost) == [.done([.deferred(.uncertain)])])
    }

    @Test("does not take a yes that comes before the letter is sent")
    func early() {
        var play = Play()
        for words in ["220 mx\r\n", "250 mx\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"] { _ = play.hear(words) }
        _ = play.hear("250 taken\r\n")
        #expect(play.verdicts == [.deferred(.protocolBroken)])
    }

    @Test("ends a session whose answers are no answers", arguments: ["hello\r\n", "220-a\r\n250 b\r\n", "999 x\r\n", "22\r\n", String(repeating: "2", count: 3000), String(repeating: "220-x\r\n", count: 200)])
    func garbage(words: String) {
        var play = Play()
        _ = play.hear(words)
        #expect(play.verdicts == [.deferred(.protocolBroken)])
    }

    @Test("says the same whatever pieces the answers come in")
    func pieces() {
        let words = Array("220-mx\r\n220 hi\n250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n".utf8)
        var whole = Play(), split = Play()
        let expected = Play.said(whole.client.received(words))
        let pieces = words.map { Play.said(split.client.received([$0])) }.joined()
        #expect(pieces == expected && expected.hasSuffix("DATA\r\n"))
    }

    @Test("writes strangers' words so that they cannot break a line or a terminal")
    func words() throws {
        var reader = SMTPReplyReader(), bytes = Array("550-5.7.1 bad\u{1B}[31m\r\n550 x\0y\r\n".utf8)[...]
        let reply = try #require(try reader.next(&bytes))
        #expect(reply.text == "550 5.7.1 bad?[31m x?y" && reply.status == "5.7.1")
    }
}

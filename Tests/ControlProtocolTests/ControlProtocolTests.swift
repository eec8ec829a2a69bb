import Ambience
import Bytes
import Foundation
import Sealing
import Testing

@testable import ControlProtocol

@Suite("The control protocol's commands and replies")
struct ControlProtocolTests {
    private func commands(_ text: String, chunk: Int = 7) throws -> [ControlCommand] {
        var lines = ControlLines()
        lines.limitBytes = ControlLines.commandLimitBytes
        var found: [ControlCommand] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            lines.receive(Array(rest.prefix(chunk)))
            rest = rest.dropFirst(chunk)
            while let command = try lines.next() { found.append(command) }
        }
        return found
    }

    @Test("commands are cut at line ends however they arrive, with LF or CRLF")
    func lines() throws {
        for chunk in [1, 2, 5, 100] {
            let found = try commands("getinfo version\r\nSETEVENTS BW CIRC\nQUIT\r\n", chunk: chunk)
            #expect(found == [ControlCommand("GETINFO version"), ControlCommand("SETEVENTS BW CIRC"), ControlCommand("QUIT")])
        }
    }

    @Test("a body ends at a line of one dot, and dots at the beginning of its lines are undone")
    func body() throws {
        let found = try commands("+LOADCONF\r\nNickname x\r\n..dotted\r\n.\r\nQUIT\r\n")
        #expect(found.first?.keyword == "LOADCONF" && found.first?.body == "Nickname x\n.dotted\n")
        #expect(found.last?.keyword == "QUIT" && found.count == 2)
    }

    @Test("a line or a body that is too long is refused before it fills the memory")
    func tooLong() {
        #expect(throws: ControlRefusal.tooLong) { try commands(String(repeating: "a", count: ControlLines.commandLimitBytes + 2), chunk: 1 << 16) }
        #expect(throws: ControlRefusal.tooLong) {
            try commands("+LOADCONF\n" + String(repeating: String(repeating: "a", count: 1023) + "\n", count: 1100), chunk: 1 << 16)
        }
    }

    @Test("garbage never traps: it is a command that nobody knows, or a refusal")
    func garbage() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in [UInt8(ascii: "\""), 0x5C, 0x0A, 0x0D, 0x20, 0x3D, 0x2B, 0x2E, 0x41, 0xFF].randomElement(using: &random)! }
            var lines = ControlLines()
            lines.receive(bytes)
            while let command = try? lines.next() {
                _ = try? ControlText.pairs(command.arguments)
                _ = try? ControlText.secret(Substring(command.arguments))
                _ = try? ControlEvent.subscription(command.words)
            }
        }
    }

    @Test("SETCONF's pairs take quoted values with C escapes, bare ones and none")
    func pairs() throws {
        let pairs = try ControlText.pairs(#"Nickname=a ContactInfo="me \"and\" you\\\n\101" ORPort Log="#)
        #expect(pairs.map(\.key) == ["Nickname", "ContactInfo", "ORPort", "Log"])
        #expect(pairs.map(\.value) == ["a", "me \"and\" you\\\nA", nil, ""])
        #expect(throws: ControlRefusal.self) { try ControlText.pairs("a=\"open") }
        #expect(throws: ControlRefusal.self) { try ControlText.pairs("=b") }
    }

    @Test("what is quoted reads back")
    func quoting() throws {
        for text in ["", "plain", "a \"b\" \\ c", "line\nand\ttab\r"] { #expect(try ControlText.value(Substring(ControlText.quoted(text))).0 == text) }
    }

    @Test("replies end in a space line; values of several lines are dotted")
    func replies() {
        #expect(ControlReply.ok.text == "250 OK\r\n")
        var reply = ControlReply()
        reply.add(250, key: "a", value: "1")
        reply.add(250, key: "b", value: "x\n.y\n")
        reply.add(250, "OK")
        #expect(reply.text == "250-a=1\r\n250+b=\r\nx\r\n..y\r\n.\r\n250 OK\r\n")
        #expect(ControlReply(551, "no\r\n250 OK").text == "551 no  250 OK\r\n", "nothing told can end a line")
    }

    @Test("GETINFO answers all keys or says which one is unknown; the longest prefix wins")
    func info() {
        var table = InfoTable()
        table.add("version", "V") { "1" }
        table.add("secret", "") { "s" }
        table.add(prefix: "ns/", "N") { "n:\($0)" }
        table.add(prefix: "ns/id/", "I") { $0.isEmpty ? nil : "id:\($0)" }
        #expect(table.reply(to: ["version", "ns/x", "ns/id/ab"]).text == "250-version=1\r\n250-ns/x=n:x\r\n250-ns/id/ab=id:ab\r\n250 OK\r\n")
        #expect(table.reply(to: ["version", "nothing"]).text == "552 Unrecognized key \"nothing\"\r\n")
        #expect(table.reply(to: ["ns/id/"]).text == "552 Unrecognized key \"ns/id/\"\r\n")
        table.add("big", "B") { String(repeating: "b", count: InfoTable.answerLimitBytes / 2) }
        #expect(table.reply(to: ["big", "big", "version"]).text.hasPrefix("551 "), "an answer has a bound")
        table.add("big", "") { nil }
        #expect(table.names == "ns/* -- N\nns/id/* -- I\nversion -- V\n")
    }

    @Test("events are known by stock's names, EXTENDED says nothing")
    func events() throws {
        #expect(try ControlEvent.subscription(["EXTENDED", "bw", "CIRC"]) == [.bandwidth, .circ])
        #expect(throws: ControlRefusal(552, "Unrecognized event \"BLAH\"")) { try ControlEvent.subscription(["BW", "BLAH"]) }
        #expect(ControlSignal(name: "hup") == .reload && ControlSignal(name: "TERM") == .halt && ControlSignal(name: "INT") == .shutdown)
        #expect(ControlSignal.names.split(separator: " ").allSatisfy { ControlSignal(name: String($0)) != nil })
    }
}

@Suite("Authentication of controllers")
struct ControlAuthenticationTests {
    private let cookie = (0..<32).map { UInt8($0) }

    @Test("a hashed password is what stock makes of the same salt, and only the password matches it")
    func stockPassword() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["tor", "--hash-password", "secret word", "--quiet", "-f", "/nonexistent", "--ignore-missing-torrc"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let text = try #require(output.split(separator: "\n").last { $0.hasPrefix("16:") })
        let salt = try #require(Hex.decode(String(text.dropFirst(3).prefix(16))))
        #expect("\(PasswordHash("secret word", salt: salt))" == text)
        let hash = try #require(PasswordHash(text))
        #expect(hash.matches(Array("secret word".utf8)) && !hash.matches(Array("secret wore".utf8)) && !hash.matches([]))
    }

    @Test("what is no hash is refused, also one that would take minutes to check")
    func badHash() {
        for text in ["", "16:", "16:00", "17:" + String(repeating: "0", count: 58), "16:" + String(repeating: "g", count: 58)] { #expect(PasswordHash(text) == nil) }
        #expect(PasswordHash("16:0000000000000000FF" + String(repeating: "0", count: 40)) == nil)
        #expect(PasswordHash("16:000000000000000060" + String(repeating: "0", count: 40)) != nil)
    }

    @Test("without a method anybody may control; with a cookie or password only who has it")
    func methods() throws {
        try ControlAuthentication().check("", challenge: nil)
        let both = ControlAuthentication(cookie: cookie, cookiePath: "/d/c", passwords: [PasswordHash("pass", salt: Array(0..<8))])
        try both.check(Hex.upper(cookie), challenge: nil)
        try both.check("\"pass\"", challenge: nil)
        try both.check(Hex.upper(Array("pass".utf8)), challenge: nil)
        for bad in ["", "00", "\"past\"", "pass", Hex.upper(cookie.reversed())] { #expect(throws: ControlRefusal.self) { try both.check(bad, challenge: nil) } }
        #expect(both.methodsLine == "AUTH METHODS=COOKIE,SAFECOOKIE,HASHEDPASSWORD COOKIEFILE=\"/d/c\"")
        #expect(ControlAuthentication().methodsLine == "AUTH METHODS=NULL")
    }

    @Test("SAFECOOKIE: each side proves the cookie to the other, and the cookie itself does not do any more")
    func safeCookie() throws {
        let authentication = ControlAuthentication(cookie: cookie)
        let client = [UInt8](repeating: 1, count: 32), server = [UInt8](repeating: 2, count: 32)
        let challenge = try authentication.challenge("SAFECOOKIE \(Hex.upper(client))", serverNonce: server)
        let proof = { (key: String) in Digest.hmacSHA256(key: Array(key.utf8), self.cookie + client + server) }
        #expect(challenge.reply == "AUTHCHALLENGE SERVERHASH=\(Hex.upper(proof("Tor safe cookie authentication server-to-controller hash"))) SERVERNONCE=\(Hex.upper(server))")
        try authentication.check(Hex.upper(proof("Tor safe cookie authentication controller-to-server hash")), challenge: challenge)
        #expect(throws: ControlRefusal.self) { try authentication.check(Hex.upper(cookie), challenge: challenge) }
        for bad in ["", "COOKIE 00", "SAFECOOKIE", "SAFECOOKIE xyz"] { #expect(throws: ControlRefusal.self) { try authentication.challenge(bad, serverNonce: server) } }
        #expect(throws: ControlRefusal.self) { try ControlAuthentication().challenge("SAFECOOKIE 00", serverNonce: server) }
    }
}

import Pickup
import Testing

@Suite("POP3 for the owner's programs")
struct POP3Tests {
    private let storage = MemoryStorage()

    private func session() -> POP3Session { POP3Session(storage, PickupLogin { $0 == Array("me".utf8) && $1 == Array("secret".utf8) }) }

    private func say(_ session: inout POP3Session, _ line: String) -> String {
        var out: [UInt8] = []
        session.receive(Array("\(line)\r\n".utf8)) { out += $0; return true }
        return String(decoding: out, as: UTF8.self)
    }

    private func reader() -> POP3Session {
        var session = session()
        _ = say(&session, "USER me")
        #expect(say(&session, "PASS secret").hasPrefix("+OK"))
        return session
    }

    @Test("nobody reads without the password, and three wrong ones end the connection")
    func login() {
        var session = session()
        #expect(say(&session, "LIST").hasPrefix("-ERR"))
        for _ in 0..<3 {
            _ = say(&session, "USER me")
            #expect(say(&session, "PASS wrong").hasPrefix("-ERR [AUTH]"))
        }
        #expect(session.isOver)
        var other = self.session()
        #expect(say(&other, "AUTH PLAIN AG1lAHNlY3JldA==").hasPrefix("+OK"))
    }

    @Test("letters are listed, shown and named alike in every session")
    func reading() {
        storage.put(Samples.plain)
        storage.put(Samples.mixed)
        var session = reader()
        #expect(say(&session, "STAT") == "+OK 2 \(Samples.plain.utf8.count + Samples.mixed.utf8.count)\r\n")
        #expect(say(&session, "LIST 1") == "+OK 1 \(Samples.plain.utf8.count)\r\n")
        #expect(say(&session, "UIDL") == "+OK\r\n1 7-1\r\n2 7-2\r\n.\r\n")
        #expect(say(&session, "RETR 1").hasSuffix("\r\n\r\nHello Bob.\r\n..dots\r\nlast line\r\n.\r\n"))
        #expect(say(&session, "TOP 1 1").hasSuffix("\r\n\r\nHello Bob.\r\n.\r\n"))
        #expect(say(&session, "TOP 1 0").hasSuffix("Message-ID: <1@x>\r\n\r\n.\r\n"))
        #expect(say(&session, "RETR 3").hasPrefix("-ERR"))
    }

    @Test("what was deleted goes with QUIT, and not when the connection is cut")
    func deleting() throws {
        storage.put(Samples.plain)
        storage.put(Samples.mixed)
        var cut = reader()
        _ = say(&cut, "DELE 1")
        #expect(say(&cut, "LIST") == "+OK\r\n2 \(Samples.mixed.utf8.count)\r\n.\r\n")
        #expect(try storage.folder("INBOX").letters.count == 2)
        var whole = reader()
        _ = say(&whole, "DELE 1")
        _ = say(&whole, "RSET")
        _ = say(&whole, "DELE 2")
        #expect(say(&whole, "QUIT") == "+OK bye\r\n")
        #expect(try storage.folder("INBOX").letters.map(\.uid) == [1])
    }

    @Test("what is no command is answered; a line without end ends the connection")
    func nonsense() {
        var session = reader()
        for line in ["", "RETR", "RETR x", "RETR -1", "TOP 1", "TOP 1 -1", "DELE 99999999999999999999", "XYZZY", "USER me"] { #expect(say(&session, line).hasPrefix("-ERR")) }
        #expect(say(&session, String(repeating: "x", count: 600)).hasPrefix("-ERR") || session.isOver)
        #expect(session.isOver)
    }
}

import Ambience
import Foundation
import Letters
import Loops
import Sealing
import Submission
import Testing

/// The service on real sockets of loopback, with a client that does what it is told.
@Suite("A submission service")
struct SubmissionServiceTests {
    private final class Client {
        let connection: TCPConnection
        var heard = ""
        var isEnded = false

        init(_ loop: EventLoop, _ fd: Int32) {
            connection = TCPConnection(loop: loop, fd: fd)
            connection.onData = { [unowned self] in heard += String(decoding: $0, as: UTF8.self) }
            connection.onClose = { [unowned self] in isEnded = true }
        }

        func say(_ text: String) { connection.send(Array(text.utf8)) }
    }

    private let loop = EventLoop()

    private func service(_ change: (inout SubmissionService.Settings) -> Void = { _ in }, users: SubmissionUsers? = nil, onLetter: @escaping SubmissionService.Keeper) -> SubmissionService {
        var settings = SubmissionService.Settings()
        change(&settings)
        return SubmissionService(loop: loop, settings: settings, tls: nil, users: users, key: .random(32), onLetter: onLetter)
    }

    private func client(of service: SubmissionService) throws -> Client {
        let (here, there) = try #require(Sockets.pair())
        service.admit(there)
        return Client(loop, here)
    }

    private func wait(_ what: Comment, _ isDone: () -> Bool) {
        let end = Date().addingTimeInterval(60)
        let tick = loop.every(.milliseconds(20)) {}
        while !isDone(), Date() < end { loop.turn(wait: true) }
        tick.cancel()
        #expect(isDone(), what)
    }

    private static let message = "From: ann@example.org\r\nTo: bob@example.net\r\n\r\nhi\r\n.\r\n"

    @Test("250 comes only once whoever keeps the letter says that it is kept")
    func waits() throws {
        var letters: [Letter] = [], done: ((SMTPReply?) -> Void)?
        let service = service { letters.append($0); done = $1 }, client = try client(of: service)
        client.say("EHLO me\r\n")
        wait("greeted") { client.heard.contains("250 DSN") }
        client.say("MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")
        wait("may send") { client.heard.contains("354") }
        client.say(Self.message + "QUIT\r\n")
        wait("handed over") { done != nil }
        #expect(!client.heard.contains("on its way") && letters.first?.envelope.recipients.first?.address == MailAddress("bob@example.net"))
        done?(nil)
        wait("ended") { client.isEnded }
        #expect(client.heard.contains("250 2.0.0 kept") && client.heard.contains("221") && service.counts.letters == 1)
    }

    @Test("large letters are normalised beside the loop, and letters beyond the memory for them are refused for now")
    func memory() throws {
        var sizes: [Int] = []
        let service = service({ $0.memoryBytes = 3 << 20 }) { sizes.append($0.content.count); $1(nil) }
        let client = try client(of: service)
        client.say("EHLO me\r\n")
        wait("greeted") { client.heard.contains("250 DSN") }
        for (megabytes, reply) in [(1, "kept"), (5, "452"), (1, "kept")] {
            client.heard = ""
            client.say("MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")
            wait("may send") { client.heard.contains("354") }
            client.say("From: ann@example.org\r\n\r\n" + String(repeating: "some words that are in this letter many times\r\n", count: (megabytes << 20) / 47) + ".\r\n")
            wait("answered \(reply)") { client.heard.contains(reply) }
        }
        #expect(sizes.count == 2 && sizes.allSatisfy { $0 > 1_000_000 })
    }

    @Test("who says nothing for too long is told so and let go")
    func slow() throws {
        let service = service({ $0.patience = .milliseconds(100) }) { _, done in done(nil) }
        let client = try client(of: service)
        wait("let go") { client.heard.contains("421 4.4.2") && client.isEnded }
        wait("forgotten") { service.sessionCount == 0 }
    }

    @Test("when there are too many, the one goes that has waited longest, and a letter on its way stays")
    func crowd() throws {
        let service = service({ $0.sessionsLimit = 3 }) { _, done in done(nil) }
        let clients = try (0..<3).map { _ in try client(of: service) }
        wait("all greeted") { clients.allSatisfy { $0.heard.contains("220") } }
        clients[0].say("EHLO me\r\n")
        wait("greeted") { clients[0].heard.contains("250 DSN") }
        clients[0].say("MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")
        wait("may send") { clients[0].heard.contains("354") }
        let newcomer = try client(of: service)
        wait("greeted") { newcomer.heard.contains("220") && clients.contains { $0.isEnded } }
        #expect(!clients[0].isEnded && clients.count(where: \.isEnded) == 1)
        clients[0].say(Self.message)
        wait("kept") { clients[0].heard.contains("kept") }
    }

    @Test("an end of the service ends sessions, but not a letter on its way")
    func stops() throws {
        var done: ((SMTPReply?) -> Void)?
        let service = service { done = $1 }, idle = try client(of: service), busy = try client(of: service)
        busy.say("EHLO me\r\n")
        wait("greeted") { busy.heard.contains("250 DSN") }
        busy.say("MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n")
        wait("may send") { busy.heard.contains("354") }
        busy.say(Self.message)
        wait("handed over") { done != nil }
        service.stop()
        wait("told") { idle.isEnded && idle.heard.contains("421 4.3.2") }
        done?(nil)
        wait("kept") { busy.heard.contains("kept") }
    }

    @Test("without users nobody is listened to from elsewhere")
    func onlyHere() throws {
        let service = service { _, done in done(nil) }
        #expect(throws: SubmissionService.Unsafe.self) { try service.listen(on: SocketAddress(ip: .v4(0), port: 0)) }
        #expect(throws: SubmissionService.Unsafe.self) { try service.listen(on: SocketAddress(ip: IPAddress("127.0.0.1")!, port: 0), isSecure: true) }
        #expect(try service.listen(on: SocketAddress(ip: IPAddress("127.0.0.1")!, port: 0)).port > 0)
    }

    @Test("a file of users is read line by line, and hashes of any other kind or cost are refused")
    func users() throws {
        let hash = try #require(Argon2Hash.make(Array("secret".utf8)))
        // By the argon2 program of Debian.
        let others = "$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHRzYWx0$1CwXL6HeNW2QYFHKOHuNH1eByKY4sVm8ZpmxPrwq98g"
        #expect(Argon2Hash.matches(others, Array("secret".utf8)) && !Argon2Hash.matches(others, Array("Secret".utf8)) && !Argon2Hash.matches(hash, []))
        _ = try SubmissionUsers("# who may send\n\nann:\(hash)\n")
        for bad in ["ann", ":\(hash)", "ann:secret", "ann:$6$salt$hash", "ann:\(hash.replacing("t=2", with: "t=9"))"] {
            #expect { try SubmissionUsers("x:\(hash)\n\(bad)\n") } throws: { ($0 as? SubmissionUsers.Flaw)?.line == 2 }
        }
    }
}

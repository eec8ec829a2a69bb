import Ambience
import ControlProtocol
import Glibc
import Loops
import Testing

@testable import ControlService

/// A node with nothing in it but a name.
private final class Host: ControlHost {
    var info = InfoTable()
    var nickname = "anna"
    var signals: [ControlSignal] = []
    var wasLeft = false

    init() {
        info.add("version", "V") { "1" }
    }

    func configuration(of option: String) -> (name: String, values: [String])? { option.lowercased() == "nickname" ? ("Nickname", [nickname]) : nil }

    func configure(_ pairs: [ControlText.Pair]) throws(ControlRefusal) {
        guard let pair = pairs.first, pair.key == "Nickname" else { throw ControlRefusal(552, "Unrecognized option") }
        nickname = pair.value ?? "Unnamed"
    }

    func load(_ text: String) throws(ControlRefusal) { nickname = text }
    func saveConfiguration(force: Bool) throws(ControlRefusal) {}
    func receive(_ signal: ControlSignal) throws(ControlRefusal) { signals.append(signal) }
    func closeCircuit(_ id: Int, onlyIfUnused: Bool) throws(ControlRefusal) { throw ControlRefusal(552, "Unknown circuit \"\(id)\"") }
    func closeStream(_ id: Int) throws(ControlRefusal) {}
    func dropGuards() throws(ControlRefusal) {}
    func ownerLeft() { wasLeft = true }
}

/// A server and its host on a loop that a test turns by hand.
private final class Harness {
    let loop = EventLoop()
    let host = Host()
    let server: ControlServer
    let address: SocketAddress

    init(_ authentication: ControlAuthentication = ControlAuthentication(), unreadLimitBytes: Int = ControlServer.unreadLimitBytes) throws {
        server = ControlServer(loop: loop, version: "0.0", authentication: authentication, host: host, unreadLimitBytes: unreadLimitBytes)
        address = try server.listen(on: SocketAddress(ip: .v4(0x7F00_0001), port: 0))
    }

    func dial() throws -> Caller {
        var connection: TCPConnection?
        var isDecided = false
        TCPConnection.dial(loop: loop, address, timeout: .seconds(60)) { made in
            connection = made
            isDecided = true
        }
        turn { isDecided }
        return Caller(try #require(connection), self)
    }

    /// Turns the loop until the condition holds, for at most a minute.
    func turn(until isOver: () -> Bool) {
        let end = SystemTime().now + .seconds(60)
        let tick = loop.every(.milliseconds(5)) {}
        while !isOver(), SystemTime().now < end { loop.turn(wait: true) }
        tick.cancel()
    }
}

private final class Caller {
    private let connection: TCPConnection
    private let harness: Harness
    var text = ""
    var isClosed = false

    init(_ connection: TCPConnection, _ harness: Harness) {
        self.connection = connection
        self.harness = harness
        connection.onData = { [weak self] in self?.text += String(decoding: $0, as: UTF8.self) }
        connection.onClose = { [weak self] in self?.isClosed = true }
    }

    /// Sends a line; what was answered by the time that `last` has come.
    func ask(_ line: String, until last: String = "\r\n") -> String {
        text = ""
        connection.send(Array("\(line)\r\n".utf8))
        harness.turn { text.hasSuffix(last) || isClosed }
        return text
    }

    func leave() { connection.finish() }
    func stopReading() { connection.pauseReading() }
    func startReading() { connection.resumeReading() }
}

@Suite("The control port", .serialized)
struct ControlServerTests {
    @Test("before authentication only introductions are answered, and anything else ends the connection")
    func introduction() throws {
        let harness = try Harness(ControlAuthentication(passwords: [PasswordHash("pass", salt: Array(0..<8))]))
        let caller = try harness.dial()
        #expect(caller.ask("PROTOCOLINFO 1", until: "250 OK\r\n") == "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=HASHEDPASSWORD\r\n250-VERSION Tor=\"0.0\"\r\n250 OK\r\n")
        #expect(caller.ask("GETINFO version") == "514 Authentication required.\r\n")
        harness.turn { caller.isClosed }
        #expect(caller.isClosed)
        let second = try harness.dial()
        #expect(second.ask("AUTHENTICATE \"pass\"") == "250 OK\r\n")
        #expect(second.ask("GETINFO version", until: "OK\r\n") == "250-version=1\r\n250 OK\r\n")
        let third = try harness.dial()
        #expect(third.ask("AUTHENTICATE \"past\"").hasPrefix("515 "))
        harness.turn { third.isClosed }
        #expect(third.isClosed)
    }

    @Test("options are read, changed and loaded through the host")
    func configuration() throws {
        let harness = try Harness()
        let caller = try harness.dial()
        _ = caller.ask("AUTHENTICATE")
        #expect(caller.ask("GETCONF nickname") == "250 Nickname=anna\r\n")
        #expect(caller.ask("SETCONF Nickname=berta") == "250 OK\r\n")
        #expect(harness.host.nickname == "berta")
        #expect(caller.ask("SETCONF Other=1") == "552 Unrecognized option\r\n")
        #expect(caller.ask("GETCONF other") == "552 Unrecognized configuration key \"other\"\r\n")
        #expect(caller.ask("+LOADCONF\r\ncarla\r\n.") == "250 OK\r\n")
        #expect(harness.host.nickname == "carla\n")
    }

    @Test("events reach those who asked, and their text is made for nobody else")
    func events() throws {
        let harness = try Harness()
        let caller = try harness.dial()
        _ = caller.ask("AUTHENTICATE")
        var wanted: Set<ControlEvent> = []
        harness.server.onInterest = { wanted = $0 }
        harness.server.tell(.bandwidth, { Issue.record("nobody asked"); return "" }())
        #expect(caller.ask("SETEVENTS BW") == "250 OK\r\n")
        #expect(wanted == [.bandwidth])
        caller.text = ""
        harness.server.tell(.bandwidth, "1 2")
        harness.server.tell(.circ, "3")
        harness.turn { caller.text.hasSuffix("\r\n") }
        #expect(caller.text == "650 BW 1 2\r\n")
        caller.leave()
        harness.turn { wanted.isEmpty }
        #expect(wanted.isEmpty && harness.server.sessionCount == 0)
    }

    @Test("unknown commands, signals and ids are told by stock's codes; what is not supported says so")
    func refusals() throws {
        let harness = try Harness()
        let caller = try harness.dial()
        _ = caller.ask("AUTHENTICATE")
        #expect(caller.ask("BLAH") == "510 Unrecognized command \"BLAH\"\r\n")
        #expect(caller.ask("SIGNAL BLAH") == "552 Unrecognized signal code \"BLAH\"\r\n")
        #expect(caller.ask("CLOSECIRCUIT 99") == "552 Unknown circuit \"99\"\r\n")
        #expect(caller.ask("MAPADDRESS 1.2.3.4=a").hasPrefix("511 "))
        #expect(caller.ask("USEFEATURE VERBOSE_NAMES") == "250 OK\r\n")
        #expect(caller.ask("USEFEATURE OTHER") == "552 Unrecognized feature \"OTHER\"\r\n")
        #expect(caller.ask("SIGNAL NEWNYM") == "250 OK\r\n" && harness.host.signals == [.newIdentity])
        #expect(caller.ask("QUIT") == "250 closing connection\r\n")
    }

    @Test("a node whose owner has gone is told")
    func ownership() throws {
        let harness = try Harness()
        let caller = try harness.dial()
        _ = caller.ask("AUTHENTICATE")
        #expect(caller.ask("TAKEOWNERSHIP") == "250 OK\r\n")
        caller.leave()
        harness.turn { harness.host.wasLeft }
        #expect(harness.host.wasLeft)
    }

    @Test("when all places are taken, the one that never authenticated makes room; those that have keep theirs")
    func places() throws {
        let harness = try Harness()
        let known = try harness.dial()
        _ = known.ask("AUTHENTICATE")
        let idle = try (1..<ControlServer.sessionLimit).map { _ in try harness.dial() }
        harness.turn { harness.server.sessionCount == ControlServer.sessionLimit }
        let late = try harness.dial()
        #expect(late.ask("AUTHENTICATE") == "250 OK\r\n")
        harness.turn { idle[0].isClosed }
        #expect(idle[0].isClosed && !idle[1].isClosed && harness.server.sessionCount == ControlServer.sessionLimit)
        #expect(known.ask("GETCONF nickname") == "250 Nickname=anna\r\n")
    }

    @Test("who does not read is closed before it fills the memory, and who reads goes on")
    func slowReader() throws {
        let harness = try Harness(unreadLimitBytes: 1 << 20)
        let callers = [try harness.dial(), try harness.dial()]
        for caller in callers { _ = caller.ask("AUTHENTICATE") + caller.ask("SETEVENTS NOTICE") }
        callers[0].stopReading()
        let line = String(repeating: "x", count: 100_000)
        // The kernel takes some megabytes before anything is unsent here.
        for _ in 0..<500 where harness.server.sessionCount == 2 {
            callers[1].text = ""
            harness.server.tell(.notice, line)
            harness.turn { callers[1].text.hasSuffix("\r\n") }
        }
        #expect(harness.server.sessionCount == 1)
        #expect(callers[1].ask("GETCONF nickname") == "250 Nickname=anna\r\n")
        callers[0].startReading()
        harness.turn { callers[0].isClosed }
        #expect(callers[0].isClosed)
    }

    @Test("a long line before authentication ends the connection; after it a mebibyte is taken")
    func longLines() throws {
        let harness = try Harness()
        let caller = try harness.dial()
        #expect(caller.ask("AUTHENTICATE \(String(repeating: "0", count: ControlLines.introductionLimitBytes))") == "500 Line too long.\r\n")
        harness.turn { caller.isClosed }
        #expect(caller.isClosed)
        let second = try harness.dial()
        _ = second.ask("AUTHENTICATE")
        #expect(second.ask("SETCONF Nickname=\(String(repeating: "b", count: 100_000))") == "250 OK\r\n")
    }
}

import Ambience
import Testing

@testable import Socks

@Suite("The SOCKS handshake")
struct SocksHandshakeTests {
    @Test("SOCKS5 without authentication connects to a name")
    func connectByName() {
        let (sent, outcome, early) = Talk.whole(Talk.greeting([0]) + Talk.five(1, Talk.name("Example.ORG."), 443) + Array("hello".utf8)).parts
        #expect(sent == [5, 0])
        #expect(outcome == .request(SocksRequest(version: .socks5, command: .connect, target: .name("example.org"), port: 443)))
        #expect(early == Array("hello".utf8))
    }

    @Test("A client that offers both methods gets user name and password, so that its streams can be isolated")
    func bothMethods() {
        let (sent, outcome, _) = Talk.whole(Talk.greeting([0, 2]) + Talk.login("alice", "secret") + Talk.five(1, Talk.name("a.example"), 80)).parts
        #expect(sent == [5, 2, 1, 0])
        let credentials = SocksCredentials(username: Array("alice".utf8), password: Array("secret".utf8))
        #expect(outcome == .request(SocksRequest(version: .socks5, command: .connect, target: .name("a.example"), port: 80, credentials: credentials)))
    }

    @Test("Bare addresses are marked as bypassing names, literal ones given as names are not", arguments: [true, false])
    func addresses(isRaw: Bool) {
        let raw = isRaw ? [1, 192, 0, 2, 7] : Talk.name("192.0.2.7")
        let (_, outcome, _) = Talk.whole(Talk.greeting([0]) + Talk.five(1, raw, 80)).parts
        let ip = IPAddress("192.0.2.7")!
        #expect(outcome == .request(SocksRequest(version: .socks5, command: .connect, target: .address(ip), port: 80, bypassesNames: isRaw)))
    }

    @Test("IPv6 targets come as sixteen bytes, as text or in brackets", arguments: ["raw", "2001:db8::1", "[2001:db8::1]"])
    func ipv6(text: String) {
        let ip = IPAddress("2001:db8::1")!
        let (_, outcome, _) = Talk.whole(Talk.greeting([0]) + Talk.five(1, text == "raw" ? [4] + ip.bytes : Talk.name(text), 80)).parts
        guard case .request(let request)? = outcome else { return #expect(Bool(false), "\(String(describing: outcome))") }
        #expect(request.target == .address(ip))
    }

    @Test("The lookups need no port, and a pointer lookup takes addresses only")
    func lookups() {
        let (_, forward, _) = Talk.whole(Talk.greeting([0]) + Talk.five(0xF0, Talk.name("a.example"), 0)).parts
        #expect(forward == .request(SocksRequest(version: .socks5, command: .resolve, target: .name("a.example"), port: 0)))
        let (_, backward, _) = Talk.whole(Talk.greeting([0]) + Talk.five(0xF1, [1, 192, 0, 2, 1], 0)).parts
        #expect(backward == .request(SocksRequest(version: .socks5, command: .resolvePointer, target: .address(IPAddress("192.0.2.1")!), port: 0)))
        let (sent, refused, _) = Talk.whole(Talk.greeting([0]) + Talk.five(0xF1, Talk.name("a.example"), 0)).parts
        #expect(refused == .refused(.addressTypeNotSupported(3)))
        #expect(sent == [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0])
    }

    @Test("SOCKS4 carries an address, SOCKS4a a name, and both a user id that isolates")
    func four() {
        let (sent, outcome, early) = Talk.whole([4, 1, 0, 80, 192, 0, 2, 7] + Array("bob".utf8) + [0, 9, 9]).parts
        let bob = SocksCredentials(username: Array("bob".utf8), password: [])
        #expect(sent.isEmpty)
        #expect(early == [9, 9])
        let ip = SocksTarget.address(IPAddress("192.0.2.7")!)
        #expect(outcome == .request(SocksRequest(version: .socks4, command: .connect, target: ip, port: 80, credentials: bob, bypassesNames: true)))
        let (_, named, _) = Talk.whole([4, 1, 1, 187, 0, 0, 0, 1, 0] + Array("a.example".utf8) + [0]).parts
        #expect(named == .request(SocksRequest(version: .socks4a, command: .connect, target: .name("a.example"), port: 443)))
    }

    @Test("The reserved user names are refused except for the format that is defined")
    func reservedNames() {
        let (_, fine, _) = Talk.whole(Talk.greeting([2]) + Talk.login("<torS0X>0", "x") + Talk.five(1, Talk.name("a.example"), 80)).parts
        guard case .request? = fine else { return #expect(Bool(false)) }
        for name in ["<torS0X>", "<torS0X>1", "<torS0X>0x"] {
            let (sent, outcome, _) = Talk.whole(Talk.greeting([2]) + Talk.login(name, "x")).parts
            #expect(outcome == .refused(.reservedUsername))
            #expect(sent == [5, 2, 1, 1])
        }
    }

    @Test("Somebody who speaks HTTP to the port is told what it is")
    func http() {
        let (sent, outcome, _) = Talk.whole(Array("GET http://a.example/ HTTP/1.1\r\n\r\n".utf8)).parts
        #expect(outcome == .refused(.http))
        #expect(String(decoding: sent, as: UTF8.self).hasPrefix("HTTP/1.0 501 "))
    }

    @Test("The outcome does not depend on how the bytes are split")
    func splitAnywhere() {
        let messages = [
            Talk.greeting([0, 2]) + Talk.login("alice", "") + Talk.five(1, Talk.name("a.example"), 80) + [1, 2, 3],
            [4, 1, 0, 80, 0, 0, 0, 1, 65, 0] + Array("a.example".utf8) + [0, 7],
            Talk.greeting([0]) + Talk.five(0xF0, [4] + IPAddress("::1")!.bytes, 0),
            Talk.greeting([2]) + Talk.login("<torS0X>9", ""),
        ]
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            let message = messages.randomElement(using: &random)!
            let whole = Talk.whole(message)
            let pieces = Talk.pieces(message, using: &random)
            #expect(pieces == whole, "seed \(seed)")
        }
    }

    @Test("Random bytes never crash it, and it never holds more than a message")
    func noise() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<64, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            if !bytes.isEmpty, Bool.random(using: &random) { bytes[0] = [4, 5].randomElement(using: &random)! }
            if bytes.count > 2, bytes[0] == 5 { bytes[1] = 1; bytes[2] = [0, 2].randomElement(using: &random)! }
            _ = Talk.pieces(bytes, using: &random)
        }
    }
}

/// Messages and conversations for these tests.
enum Talk {
    static func greeting(_ methods: [UInt8]) -> [UInt8] { [5, UInt8(methods.count)] + methods }
    static func login(_ name: String, _ password: String) -> [UInt8] {
        [1, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(password.utf8.count)] + Array(password.utf8)
    }
    static func name(_ name: String) -> [UInt8] { [3, UInt8(name.utf8.count)] + Array(name.utf8) }
    static func five(_ command: UInt8, _ address: [UInt8], _ port: UInt16) -> [UInt8] { [5, command, 0] + address + [UInt8(port >> 8), UInt8(port & 255)] }

    struct Conversation: Equatable {
        var sent: [UInt8] = []
        var outcome: SocksHandshake.Outcome?
        var early: [UInt8] = []
        var parts: (sent: [UInt8], outcome: SocksHandshake.Outcome?, early: [UInt8]) { (sent, outcome, early) }
    }

    static func whole(_ bytes: [UInt8]) -> Conversation {
        var handshake = SocksHandshake()
        let progress = handshake.receive(bytes)
        return Conversation(sent: progress.send, outcome: progress.outcome, early: handshake.early)
    }

    static func pieces(_ bytes: [UInt8], using random: inout SeededRandom) -> Conversation {
        var handshake = SocksHandshake()
        var result = Conversation()
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...8, using: &random))
            rest = rest.dropFirst(piece.count)
            let progress = handshake.receive(piece)
            result.sent += progress.send
            result.outcome = result.outcome ?? progress.outcome
        }
        result.early = handshake.early
        return result
    }
}

import Ambience
import Testing

@testable import Socks

@Suite("SOCKS replies and malformed requests")
struct SocksReplyTests {
    @Test("A reply is written in the dialect of the request")
    func replies() {
        #expect(SocksReply.connected(.socks5) == [5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(SocksReply.connected(.socks4a) == [0, 0x5A, 0, 0, 0, 0, 0, 0])
        #expect(SocksReply.failed(.socks5, .hostUnreachable) == [5, 4, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(SocksReply.failed(.socks4, .hostUnreachable) == [0, 0x5B, 0, 0, 0, 0, 0, 0])
        #expect(SocksReply.resolved(.socks5, .address(IPAddress("192.0.2.1")!)) == [5, 0, 0, 1, 192, 0, 2, 1, 0, 0])
        #expect(SocksReply.resolved(.socks5, .address(IPAddress("::1")!)).count == 22)
        #expect(SocksReply.resolved(.socks4a, .address(IPAddress("192.0.2.1")!)) == [0, 0x5A, 0, 0, 192, 0, 2, 1])
        #expect(SocksReply.resolved(.socks5, .name("a.b")) == [5, 0, 0, 3, 3] + Array("a.b".utf8) + [0, 0])
    }

    @Test("An answer that the dialect cannot carry fails instead of lying")
    func answersWithoutRoom() {
        #expect(SocksReply.resolved(.socks4a, .address(IPAddress("::1")!)) == SocksReply.failed(.socks4a, .hostUnreachable))
        #expect(SocksReply.resolved(.socks4a, .name("a.b")) == SocksReply.failed(.socks4a, .hostUnreachable))
        #expect(SocksReply.resolved(.socks5, .name(String(repeating: "a", count: 256))) == SocksReply.failed(.socks5, .hostUnreachable))
    }

    @Test("The reason of an END becomes stock's SOCKS5 code")
    func endReasons() {
        let codes: [UInt8: UInt8] = [1: 1, 2: 4, 3: 5, 4: 2, 5: 1, 7: 6, 8: 4, 9: 1, 10: 1, 11: 1, 12: 5, 13: 1, 14: 1, 200: 1]
        for (reason, code) in codes { #expect(SocksFailure(endReason: reason).rawValue == code) }
    }

    struct Malformed: CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var answer: SocksRefusal
        init(_ name: String, _ bytes: [UInt8], _ answer: SocksRefusal) { (testDescription, self.bytes, self.answer) = (name, bytes, answer) }
    }

    static let corpus: [Malformed] = [
        Malformed("TLS hello", [0x16, 3, 1, 2, 0], .notSocks(firstByte: 0x16)),
        Malformed("version zero", [0], .notSocks(firstByte: 0)),
        Malformed("SOCKS6", [6, 1, 0], .notSocks(firstByte: 6)),
        Malformed("no methods", [5, 0], .noAcceptableMethod),
        Malformed("GSSAPI only", [5, 1, 1], .noAcceptableMethod),
        Malformed("wrong subnegotiation version", [5, 1, 2, 5, 1, 65, 1, 65], .malformed),
        Malformed("request of version 4", [5, 1, 0, 4, 1, 0, 1, 1, 2, 3, 4, 0, 80], .malformed),
        Malformed("BIND", [5, 1, 0] + Talk.five(2, [1, 1, 2, 3, 4], 80), .commandNotSupported(2)),
        Malformed("UDP ASSOCIATE", [5, 1, 0] + Talk.five(3, [1, 1, 2, 3, 4], 80), .commandNotSupported(3)),
        Malformed("unknown address type", [5, 1, 0] + Talk.five(1, [2, 1, 2, 3, 4], 80), .addressTypeNotSupported(2)),
        Malformed("empty name", [5, 1, 0] + Talk.five(1, [3, 0], 80), .malformedName),
        Malformed("name with a NUL", [5, 1, 0] + Talk.five(1, [3, 3, 65, 0, 65], 80), .malformedName),
        Malformed("name with a space", [5, 1, 0] + Talk.five(1, Talk.name("a b"), 80), .malformedName),
        Malformed("name of bytes above ASCII", [5, 1, 0] + Talk.five(1, [3, 2, 0xC3, 0xA4], 80), .malformedName),
        Malformed("name with an empty label", [5, 1, 0] + Talk.five(1, Talk.name("a..b"), 80), .malformedName),
        Malformed("name of one dot", [5, 1, 0] + Talk.five(1, Talk.name("."), 80), .malformedName),
        Malformed("bracketed IPv4", [5, 1, 0] + Talk.five(1, Talk.name("[1.2.3.4]"), 80), .malformedName),
        Malformed("port zero", [5, 1, 0] + Talk.five(1, Talk.name("a.example"), 0), .malformed),
        Malformed("SOCKS4 address zero", [4, 1, 0, 80, 0, 0, 0, 0, 0], .malformed),
        Malformed("SOCKS4 port zero", [4, 1, 0, 0, 1, 2, 3, 4, 0], .malformed),
        Malformed("SOCKS4 BIND", [4, 2, 0, 80, 1, 2, 3, 4, 0], .commandNotSupported(2)),
        Malformed("SOCKS4 endless user", [4, 1, 0, 80, 1, 2, 3, 4] + [UInt8](repeating: 65, count: 300), .malformed),
        Malformed("SOCKS4a endless name", [4, 1, 0, 80, 0, 0, 0, 1, 0] + [UInt8](repeating: 65, count: 300), .malformed),
        Malformed("SOCKS4a bad name", [4, 1, 0, 80, 0, 0, 0, 1, 0, 0x2D, 0], .malformedName),
    ]

    @Test("Malformed requests are refused with the protocol's answer", arguments: corpus)
    func malformed(entry: Malformed) {
        let said = Talk.whole(entry.bytes)
        #expect(said.outcome == .refused(entry.answer))
        if entry.bytes[0] == 4 { #expect(said.sent == SocksReply.failed(.socks4, .general)) }
    }

    @Test("Every beginning of a good request waits for the rest")
    func prefixes() {
        let message = Talk.greeting([0, 2]) + Talk.login("alice", "secret") + Talk.five(1, Talk.name("a.example"), 80)
        for count in 0..<message.count { #expect(Talk.whole(Array(message[..<count])).outcome == nil) }
    }
}

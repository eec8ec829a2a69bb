import Ambience
import Outgoing
import Sealing
import Testing

/// A name server's message, put together by hand.
private struct Message {
    var flags: UInt16 = 0x8180
    var questions: [UInt8] = Message.question("mail.example", .mx)
    var answers: [[UInt8]] = []
    var counts: (questions: UInt16, answers: UInt16)?

    static func name(_ text: String) -> [UInt8] { text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0] }
    static func number(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
    static func question(_ text: String, _ type: DNSType) -> [UInt8] { name(text) + number(Int(type.rawValue)) + [0, 1] }

    /// The owner is a pointer to the question's name unless it is given.
    static func record(_ type: DNSType, _ data: [UInt8], owner: [UInt8] = [0xC0, 12], network: Int = 1) -> [UInt8] {
        owner + number(Int(type.rawValue)) + number(network) + [0, 0, 0, 60] + number(data.count) + data
    }

    var bytes: [UInt8] {
        let counts = counts ?? (1, UInt16(answers.count))
        return [0, 7] + Self.number(Int(flags)) + Self.number(Int(counts.questions)) + Self.number(Int(counts.answers)) + [0, 0, 0, 0] + questions + answers.flatMap(\.self)
    }

    func answer(_ name: String = "mail.example", _ type: DNSType = .mx) throws(DNSError) -> DNSAnswer { try DNSMessage.answer(bytes, to: name, type) }
}

@Suite("Messages of name servers")
struct DNSMessageTests {
    private static let host = Message.name("mx.mail.example")

    @Test("questions are for one record of a name, in lower case, and ask whether signatures were checked")
    func question() throws {
        #expect(try DNSMessage.question("Mail.Example.", .tlsa, id: 0x0102) == [1, 2, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 4] + Array("mail".utf8) + [7] + Array("example".utf8) + [0, 0, 52, 0, 1])
        for name in ["", ".", "a..b", String(repeating: "a", count: 64) + ".example", "bücher.example", (0..<32).map { _ in "abcdefgh" }.joined(separator: ".")] {
            #expect(throws: DNSError.name, "\(name)") { try DNSMessage.question(name, .mx, id: 1) }
        }
    }

    @Test("answers have the records that were asked for, names put together from all over the message")
    func records() throws {
        // `mx` behind a pointer to the question's `mail.example`.
        let message = Message(answers: [Message.record(.mx, [0, 5, 2] + Array("MX".utf8) + [0xC0, 12]), Message.record(.mx, [0, 9, 0]), Message.record(.a, [192, 0, 2, 1])])
        #expect(try message.answer() == DNSAnswer(.found([.mail(preference: 5, host: "mx.mail.example"), .mail(preference: 9, host: "")])))
        #expect(try message.answer("MAIL.example.") == message.answer())
        let service = Message(questions: Message.question("mail.example", .srv), answers: [Message.record(.srv, [0, 1, 0, 2, 0, 25] + Self.host)])
        #expect(try service.answer("mail.example", .srv).records == [.service(priority: 1, weight: 2, port: 25, host: "mx.mail.example")])
        let text = Message(questions: Message.question("mail.example", .txt), answers: [Message.record(.txt, [2, 0x61, 0x62, 0, 1, 0x63])])
        #expect(try text.answer("mail.example", .txt).records == [.text(Array("abc".utf8))])
        let six = Message(questions: Message.question("mail.example", .aaaa), answers: [Message.record(.aaaa, [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1])])
        #expect(try six.answer("mail.example", .aaaa).records == [.address(try #require(IPAddress("2001:db8::1")))])
        let key = Message(questions: Message.question("mail.example", .tlsa), answers: [Message.record(.tlsa, [3, 1, 1, 9, 9])])
        #expect(try key.answer("mail.example", .tlsa).records == [.association(TLSARecord(usage: 3, selector: 1, matching: 1, data: [9, 9]))])
    }

    @Test("aliases are followed to their end, in whatever order they stand, and no further than eight times")
    func aliases() throws {
        func chain(_ count: Int) -> Message {
            let links = (0..<count).reversed().map { Message.record(.cname, Message.name("a\($0 + 1).example"), owner: $0 == 0 ? [0xC0, 12] : Message.name("a\($0).example")) }
            return Message(answers: links + [Message.record(.mx, [0, 5] + Self.host, owner: Message.name("a\(count).example"))])
        }
        #expect(try chain(1).answer().records == [.mail(preference: 5, host: "mx.mail.example")])
        #expect(try chain(8).answer().records.count == 1)
        #expect(try chain(9).answer() == DNSAnswer(.empty))
        let circle = Message(answers: [Message.record(.cname, Message.name("b.example")), Message.record(.cname, Message.name("mail.example"), owner: Message.name("b.example"))])
        #expect(try circle.answer().records == [])
        // A record of somebody else's in the same answer counts for nothing.
        #expect(try Message(answers: [Message.record(.mx, [0, 5] + Self.host, owner: Message.name("other.example"))]).answer() == DNSAnswer(.empty))
    }

    @Test("say apart that there is no name, no record, or no answer, and whether it was signed")
    func outcomes() throws {
        #expect(try Message(flags: 0x8183).answer() == DNSAnswer(.missing))
        #expect(try Message(flags: 0x81A3).answer() == DNSAnswer(.missing, isAuthentic: true))
        #expect(try Message(flags: 0x81A0).answer() == DNSAnswer(.empty, isAuthentic: true))
        for code: UInt16 in [1, 2, 4, 5, 9] { #expect(try Message(flags: 0x81A0 | code).answer() == DNSAnswer(.failed), "what is no answer is not signed either") }
    }

    @Test("that answer something else, are cut off, or are no answers are refused")
    func strangers() {
        #expect(throws: DNSError.stranger) { try Message().answer("other.example") }
        #expect(throws: DNSError.stranger) { try Message().answer("mail.example", .a) }
        for message in [Message(flags: 0x0180), Message(flags: 0x8380), Message(counts: (0, 0)), Message(counts: (2, 0)), Message(counts: (1, 1))] {
            #expect(throws: DNSError.malformed) { try message.answer() }
        }
    }

    @Test("that are damaged are refused: names that lead in circles or forward, parts that reach beyond their record")
    func damage() {
        var bad = [[0, 5, 0xC0, 0xFF], [0], [0, 5, 0x40], [0, 5, 3, 0x61, 0x2E, 0x62, 0], [0, 5, 1, 0x20, 0]].map { Message.record(.mx, $0) }
        bad.append(Message.record(.mx, [0, 5] + Self.host.dropLast()))
        bad.append(Array(Message.record(.mx, [0, 5] + Self.host).dropLast()))
        for record in bad { #expect(throws: DNSError.malformed, "\(record)") { try Message(answers: [record]).answer() } }
        // A pointer to itself.
        let own = 12 + Message.question("mail.example", .mx).count
        #expect(throws: DNSError.malformed) { try Message(answers: [Message.record(.mx, [0, 5, 0], owner: [0xC0 | UInt8(own >> 8), UInt8(own & 255)])]).answer() }
        let label: [UInt8] = [63] + [UInt8](repeating: 0x61, count: 63), long: [UInt8] = label + label + label + label + label + [0]
        #expect(throws: DNSError.malformed) { try Message(answers: [Message.record(.mx, [0, 5] + long)]).answer() }
        for (type, data) in [(DNSType.a, [1, 2, 3]), (.aaaa, [1, 2, 3, 4]), (.tlsa, [3, 1, 1]), (.txt, [5, 0x61])] as [(DNSType, [UInt8])] {
            #expect(throws: DNSError.malformed) { try Message(questions: Message.question("mail.example", type), answers: [Message.record(type, data)]).answer("mail.example", type) }
        }
    }

    @Test("with more records than anybody needs are read up to the bound")
    func many() throws {
        let message = Message(answers: (0..<200).map { Message.record(.mx, [0, UInt8($0)] + Self.host) })
        #expect(try message.answer().records.count == DNSMessage.recordsLimit)
    }
}

import Ambience
import Enrolment
import Testing

@Suite("What a machine's first process reads of its order")
struct BootOrderTests {
    static let head = "Expires 2027-01-31T12:00:00Z\nAddress 10.0.0.2/24\nGateway 10.0.0.1\nNameserver 10.0.0.1\n"

    @Test("a torrc after the mark is taken as it is, whatever its lines look like")
    func inline() throws {
        let order = try BootOrder(Array((Self.head + "Torrc\nORPort 9001\nExpires never\nTorrc\n").utf8))
        #expect(order.torrc == Array("ORPort 9001\nExpires never\nTorrc\n".utf8))
        #expect(order.expires == WallTime("2027-01-31T12:00:00Z"))
        #expect(order.network == .init(address: .v4(0x0A00_0002), prefixBits: 24, gateway: .v4(0x0A00_0001), nameserver: .v4(0x0A00_0001)))
    }

    @Test("an order without the mark is one to enrol")
    func enrols() throws {
        let digits = String(repeating: "ab", count: 32)
        let text = "Coordinator 10.0.0.1:443\nCoordinatorPin \(digits)\nMote \(digits.prefix(32))\nSecret \(digits)\nExpires 2027-01-31T12:00:00Z\nAddress 10.0.0.2/24\n"
        let order = try BootOrder(Array(text.utf8))
        #expect(order.torrc == nil)
        #expect(order.network?.address == .v4(0x0A00_0002))
        #expect(throws: OrderFault.self) { try BootOrder(Array(Self.head.utf8)) }
    }

    @Test("no machine gets an order without an end, with a line that nobody knows, or one that is too long")
    func refused() {
        let long = Self.head + "Torrc\n" + String(repeating: "#", count: BootOrder.limitBytes)
        for text in ["Address 10.0.0.2/24\nTorrc\n", "Expires tomorrow\nTorrc\n", Self.head + "Secret 00\nTorrc\n", Self.head + Self.head + "Torrc\n", long, "Torrc", ""] {
            #expect(throws: OrderFault.self, "\(text.prefix(60))") { try BootOrder(Array(text.utf8)) }
        }
    }
}

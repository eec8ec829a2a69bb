import Ambience
import Enrolment
import Leasing
import Sealing
import Testing

@Suite("Orders")
struct OrderTests {
    private static let secret = SecretBytes((0..<32).map { UInt8($0) })
    private static let lines = [
        "Coordinator 192.0.2.1:8443", "CoordinatorPin " + String(repeating: "ab", count: 32), "Mote " + String(repeating: "0f", count: 16),
        "Secret " + (0..<32).map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined(), "Expires 2027-01-31T12:00:00Z",
    ]

    private static func order(_ lines: [String]) throws -> EnrolmentOrder { try EnrolmentOrder(text: Array((lines.joined(separator: "\n") + "\n").utf8)) }

    @Test("an order's text is read as it was made, with and without a network of its own")
    func roundTrip() throws {
        let network = EnrolmentOrder.StaticNetwork(address: IPAddress("10.7.0.5")!, prefixBits: 16, gateway: IPAddress("10.7.0.1"), nameserver: IPAddress("10.7.0.1"))
        for network in [nil, network] {
            let order = EnrolmentOrder(
                coordinator: SocketAddress("192.0.2.1:8443")!, pin: [UInt8](repeating: 7, count: 32), mote: MoteKey(high: 1, low: 2), secret: Self.secret,
                expires: WallTime("2027-01-31T12:00:00Z")!, network: network)
            let read = try EnrolmentOrder(text: Array(order.text.utf8))
            #expect(read.coordinator == order.coordinator && read.pin == order.pin && read.mote == order.mote && read.expires == order.expires)
            #expect(read.secret.copy == order.secret.copy && read.network == network)
        }
    }

    @Test("lines may come in any order")
    func anyOrder() throws { #expect(try Self.order(Self.lines.reversed()).secret.copy == Self.secret.copy) }

    @Test("a line that is missing, doubled, unknown or wrong is named", arguments: [
        (["Mote"], [], "Mote"), ([], ["Mote " + String(repeating: "0f", count: 16)], "Mote"), ([], ["Colour blue"], "Colour"),
        (["Secret"], ["Secret 00"], "Secret"), (["CoordinatorPin"], ["CoordinatorPin " + String(repeating: "g", count: 64)], "CoordinatorPin"),
        (["Coordinator"], ["Coordinator 192.0.2.1:0"], "Coordinator"), (["Expires"], ["Expires tomorrow"], "Expires"), ([], ["Address 10.0.0.1/33"], "Address"),
        ([], ["Gateway 10.0.0.1"], "Address"),
    ] as [([String], [String], String)])
    func wrongLines(_ without: [String], _ with: [String], _ name: String) {
        let lines = Self.lines.filter { line in !without.contains { line.hasPrefix($0 + " ") } } + with
        #expect { try Self.order(lines) } throws: { ($0 as? OrderFault)?.name == name }
    }

    @Test("texts that are too long, of too many lines or not plain are refused", arguments: [
        [UInt8](repeating: 0x41, count: 5000), Array(String(repeating: "A b\n", count: 100).utf8), [0x4D, 0, 0x4D], Array("Mote\n".utf8), Array(" x\n".utf8), [],
    ])
    func hostile(_ text: [UInt8]) { #expect(throws: OrderFault.self) { try EnrolmentOrder(text: text) } }
}

import Ambience
import Onion
import Sealing
import Testing

@Suite("Message fields")
struct MessageTests {
    @Test("BEGIN takes names, addresses and flags apart")
    func begin() throws {
        #expect(try BeginMessage(Array("127.0.0.1:7003\0".utf8)) == BeginMessage(host: "127.0.0.1", port: 7003, flags: 0))
        let flags = BeginMessage.Flags.ipv6Allowed | BeginMessage.Flags.ipv6Preferred
        let ipv6 = BeginMessage(host: "2001:db8::1", port: 22, flags: flags)
        #expect(ipv6.encoded == Array("[2001:db8::1]:22\0".utf8) + [0, 0, 0, 5])
        #expect(try BeginMessage(ipv6.encoded) == ipv6)
        #expect(try BeginMessage(Array("[2001:DB8:0::1]:22\0".utf8) + [0, 0, 0, 5]) == ipv6)
        // Less than four bytes of flags are none, as stock has it.
        #expect(try BeginMessage(Array("a.b:1\0".utf8) + [1, 2, 3]).flags == 0)
    }

    @Test("CONNECTED tells an address of either family, or none")
    func connected() throws {
        for address in [IPAddress("1.2.3.4"), IPAddress("2001:db8::1"), nil] {
            let message = ConnectedMessage(address: address, ttlSeconds: address == nil ? 0 : 60)
            #expect(try ConnectedMessage(message.encoded) == message)
        }
        #expect(try ConnectedMessage([1, 2, 3, 4]) == ConnectedMessage(address: IPAddress("1.2.3.4"), ttlSeconds: 0))
    }

    @Test("END never fails to end: empty, unknown and odd bodies have a reason too")
    func end() throws {
        #expect(try EndMessage([]) == EndMessage(reason: .misc))
        #expect(try EndMessage([77, 1]) == EndMessage(reason: .misc))
        #expect(try EndMessage([4]) == EndMessage(reason: .exitPolicy))
        #expect(try EndMessage([4, 1, 2]) == EndMessage(reason: .exitPolicy))
        #expect(try EndMessage([4, 1, 2, 3, 4]) == EndMessage(reason: .exitPolicy, address: IPAddress("1.2.3.4")))
        for address in ["1.2.3.4", "2001:db8::1"] {
            let message = EndMessage(reason: .exitPolicy, address: IPAddress(address), ttlSeconds: 60)
            #expect(try EndMessage(message.encoded) == message)
        }
        for reason in EndReason.allCases { #expect(try EndMessage(EndMessage(reason: reason).encoded).reason == reason) }
    }

    @Test("RESOLVED carries addresses, names and errors, and skips kinds that are unknown")
    func resolved() throws {
        let answers: [ResolvedAnswer] = [
            .address(IPAddress("1.2.3.4")!, ttlSeconds: 60), .address(IPAddress("::1")!, ttlSeconds: 1), .name("host.example", ttlSeconds: 9),
            .transientError, .permanentError,
        ]
        #expect(try ResolvedMessage(ResolvedMessage(answers: answers).encoded).answers == answers)
        #expect(try ResolvedMessage([99, 1, 7, 0, 0, 0, 1, 0xF1, 0, 0, 0, 0, 0]).answers == [.permanentError])
        let many = ResolvedMessage(answers: Array(repeating: answers[1], count: 100)).encoded
        #expect(many.count <= CellLayout.relayDataBytes)
        #expect(try ResolvedMessage(many).answers.count == 22)
        #expect(try ResolveMessage(ResolveMessage(name: "4.3.2.1.in-addr.arpa").encoded).name == "4.3.2.1.in-addr.arpa")
    }

    @Test("EXTEND2 keeps every address and identity, writes them in stock's order and skips what is unknown")
    func extend2() throws {
        let message = Extend2Message(
            addresses: [SocketAddress("1.2.3.4:9001")!, SocketAddress("[2001:db8::1]:443")!], rsa: RSAIdentity([UInt8](repeating: 1, count: 20)),
            ed25519: Ed25519Identity([UInt8](repeating: 2, count: 32)), handshakeType: HandshakeType.ntor, handshake: [7, 8])
        #expect(try Extend2Message(message.encoded) == message)
        #expect(message.encoded[0] == 4 && message.encoded[1] == 0 && message.encoded[9] == 2 && message.encoded[31] == 3)
        let unknown: [UInt8] = [2, 77, 3, 1, 2, 3, 0, 6, 1, 2, 3, 4, 0, 80, 0, 2, 0, 1, 9, 0, 0]
        let parsed = try Extend2Message(unknown)
        #expect(parsed.addresses == [SocketAddress("1.2.3.4:80")!] && parsed.rsa == nil && parsed.handshake == [9])
    }

    @Test("CREATE2 and CREATED2 take padded cell bodies")
    func create() throws {
        let padding = [UInt8](repeating: 0, count: 300)
        let create = Create2Message(handshakeType: 2, handshake: [UInt8](repeating: 3, count: 84))
        #expect(try Create2Message(create.encoded + padding) == create)
        let created = Created2Message(handshake: [UInt8](repeating: 4, count: 64))
        #expect(try Created2Message(created.encoded + padding) == created)
    }

    @Test("SENDME of version 1 carries a tag of 20 or 16 bytes, of version 0 none")
    func sendme() throws {
        for count in [20, 16] {
            let message = SendmeMessage(version: 1, tag: [UInt8](repeating: 9, count: count))
            #expect(try SendmeMessage(message.encoded + [1, 2]) == message)
        }
        #expect(try SendmeMessage([]) == SendmeMessage(version: 0, tag: []))
        #expect(SendmeMessage(version: 0, tag: []).encoded == [])
    }

    @Test("NETINFO skips kinds of addresses that are unknown and bounds what it keeps")
    func netinfo() throws {
        let own = (0..<255).flatMap { [4, 4, 10, 0, 0, UInt8($0)] as [UInt8] }
        let message = try NetinfoMessage([0, 0, 0, 5, 4, 4, 1, 2, 3, 4, 255] + own)
        #expect(message.seconds == 5 && message.other == IPAddress("1.2.3.4") && message.own.count == NetinfoMessage.addressLimit)
        let odd = try NetinfoMessage([0, 0, 0, 0, 9, 2, 1, 1, 3, 4, 16] + [UInt8](repeating: 1, count: 16) + [6, 4, 1, 1, 1, 1, 4, 4, 1, 2, 3, 4])
        #expect(odd.other == nil && odd.own == [IPAddress("1.2.3.4")!])
        let whole = NetinfoMessage(seconds: 1, other: IPAddress("::1"), own: [IPAddress("1.2.3.4")!, IPAddress("2001:db8::1")!])
        #expect(try NetinfoMessage(whole.encoded + [0, 0]) == whole)
    }

    @Test("DESTROY reasons are read from bodies of any length")
    func destroy() {
        #expect(DestroyReason(body: []) == DestroyReason.none)
        #expect(DestroyReason(body: [200]) == DestroyReason.none)
        #expect(DestroyReason(body: [5, 0, 0]) == .resourceLimit)
    }

    @Test("cells have their sizes")
    func cells() {
        #expect(Cell.fixed(CircuitID(rawValue: 0x8000_0001), CellCommand.padding, [1]).count == CellLayout.fixedBytes)
        #expect(Cell.variable(.none, CellCommand.vpadding, [1, 2]) == [0, 0, 0, 0, 128, 0, 2, 1, 2])
        #expect(CellCommand.isVariableLength(CellCommand.versions) && CellCommand.isVariableLength(200) && !CellCommand.isVariableLength(12))
        #expect(CircuitID(rawValue: 0x8000_0001).isChosenByInitiator && !CircuitID(rawValue: 1).isChosenByInitiator)
    }
}

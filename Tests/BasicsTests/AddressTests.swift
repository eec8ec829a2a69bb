import Ambience
import Testing

@Suite("Addresses")
struct AddressTests {
    @Test("are written as RFC 5952 wants them")
    func canonicalText() {
        let examples = [
            "2001:db8::1": "2001:0DB8:0:0:0:0:0:1", "2001:db8:0:1:1:1:1:1": "2001:db8:0000:1:1:1:1:1", "::": "0:0:0:0:0:0:0:0",
            "2001:0:0:1::1": "2001:0:0:1:0:0:0:1", "::ffff:102:304": "::ffff:1.2.3.4", "1::": "1:0:0:0:0:0:0:0", "10.2.3.4": "10.2.3.4",
        ]
        for (canonical, text) in examples { #expect(IPAddress(text)?.description == canonical, "\(text)") }
    }

    @Test("come back from their text and bytes", arguments: [21, 22] as [UInt64])
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<500 {
            // Sparse addresses exercise the "::".
            let mask = random.next() & random.next() & (round % 2 == 0 ? random.next() : .max)
            for address in [IPAddress.v4(UInt32(truncatingIfNeeded: mask)), .v6(mask, random.next() & random.next() & mask)] {
                #expect(IPAddress(address.description) == address && IPAddress(bytes: address.bytes) == address, "seed \(seed)")
                let socket = SocketAddress(ip: address, port: UInt16(truncatingIfNeeded: mask >> 7))
                #expect(SocketAddress(socket.description) == socket, "seed \(seed)")
            }
        }
    }

    @Test("are refused when they are something else")
    func refusals() {
        let texts = [
            "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.+4", "1..2.3", "0001.2.3.4", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "12345::", "-0::", "+1::", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "[::1]", "::1%lo", "::g",
        ]
        for text in texts { #expect(IPAddress(text) == nil, "\(text)") }
        let sockets = ["1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:+80", "1.2.3.4:-0", "::1:80", "[::1]", "[1.2.3.4:80", "[::1]80"]
        for text in sockets { #expect(SocketAddress(text) == nil, "\(text)") }
    }

    @Test("know which networks are private")
    func privateNetworks() {
        let inside = [
            "0.1.2.3", "10.0.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "239.1.1.1", "::", "::1",
            "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "::ffff:8.8.8.8",
        ]
        let outside = ["8.8.8.8", "11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "2001:db8::1", "fb00::1", "::2:0:0:0"]
        for text in inside { #expect(IPAddress(text)?.isPrivate == true, "\(text)") }
        for text in outside { #expect(IPAddress(text)?.isPrivate == false, "\(text)") }
    }
}

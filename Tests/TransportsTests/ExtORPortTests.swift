import Ambience
import Sealing
import Testing

@testable import Transports

private let cookie = [UInt8](repeating: 7, count: 32)
private let ownNonce = [UInt8](repeating: 9, count: 32)
private let peerNonce = [UInt8](0..<32)

private func proof(_ direction: String, cookie: [UInt8] = cookie) -> [UInt8] {
    Digest.hmacSHA256(key: cookie, Array("ExtORPort authentication \(direction) hash".utf8) + peerNonce + ownNonce)
}

private func command(_ number: UInt16, _ body: String = "") -> [UInt8] {
    [UInt8(number >> 8), UInt8(number & 255), UInt8(body.utf8.count >> 8), UInt8(body.utf8.count & 255)] + Array(body.utf8)
}

private var authenticated: ExtORPortHandshake {
    get throws {
        var handshake = ExtORPortHandshake(cookie: cookie, nonce: ownNonce)
        _ = try handshake.receive([1] + peerNonce + proof("client-to-server"))
        return handshake
    }
}

@Suite("The extended ORPort")
struct ExtORPortTests {
    @Test("a proxy that knows the cookie hands over a client with address and transport")
    func whole() throws {
        var handshake = ExtORPortHandshake(cookie: cookie, nonce: ownNonce)
        #expect(try handshake.receive([1] + peerNonce).send == proof("server-to-client") + ownNonce)
        #expect(try handshake.receive(proof("client-to-server")).send == [1])
        let last = try handshake.receive(command(1, "192.0.2.1:999") + command(0x7777, "later") + command(2, "obfs4") + command(0))
        #expect(last.send == [0x10, 0, 0, 0])
        #expect(last.client == .init(address: SocketAddress("192.0.2.1:999"), transport: "obfs4"))
    }

    @Test("bytes may be cut anywhere")
    func pieces() throws {
        var handshake = ExtORPortHandshake(cookie: cookie, nonce: ownNonce)
        var client: ExtORPortHandshake.Client?
        for byte in [1] + peerNonce + proof("client-to-server") + command(1, "[2001:db8::1]:1") + command(0) { client = try handshake.receive([byte]).client ?? client }
        #expect(client == .init(address: SocketAddress("[2001:db8::1]:1"), transport: nil))
    }

    @Test("a proxy with another cookie is told no, and what it says after is not heard")
    func wrongCookie() throws {
        var handshake = ExtORPortHandshake(cookie: cookie, nonce: ownNonce)
        let progress = try handshake.receive([1] + peerNonce + proof("client-to-server", cookie: ownNonce) + command(0))
        #expect(progress.isRefused && progress.client == nil && progress.send.last == 0)
        #expect(throws: ExtORPortHandshake.Failure.earlyData) { try handshake.receive([]) }
    }

    @Test("our own proof sent back is no proof")
    func reflection() throws {
        var handshake = ExtORPortHandshake(cookie: cookie, nonce: ownNonce)
        #expect(try handshake.receive([1] + peerNonce + proof("server-to-client")).isRefused)
    }

    @Test("what breaks the protocol is a failure by name")
    func failures() throws {
        var other = ExtORPortHandshake(cookie: cookie, nonce: ownNonce)
        #expect(throws: ExtORPortHandshake.Failure.unknownMethod) { try other.receive([2]) }
        var early = try authenticated
        #expect(throws: ExtORPortHandshake.Failure.earlyData) { try early.receive(command(0) + [22]) }
        for (body, failure) in [
            (command(1, "nowhere"), ExtORPortHandshake.Failure.malformed), (command(1, "192.0.2.1:1\0"), .malformed), (command(2, "two words"), .malformed), (command(2), .malformed),
            ([0, 9, 4, 1], .oversized), (Array((0...64).flatMap { _ in command(9) }), .oversized),
        ] {
            var handshake = try authenticated
            #expect(throws: failure) { try handshake.receive(body) }
        }
    }

    @Test("damage is refused or taken, never a trap, and without the proof nobody is let in", arguments: seeds(40))
    func damage(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let honest = [1] + peerNonce + proof("client-to-server") + command(1, "192.0.2.1:999") + command(2, "obfs4") + command(0)
        for _ in 0..<200 {
            var bytes = honest
            for _ in 0..<Int.random(in: 1...3, using: &random) { bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
            bytes.removeLast(.random(in: 0...4, using: &random))
            var handshake = ExtORPortHandshake(cookie: cookie, nonce: ownNonce)
            guard let progress = try? handshake.receive(bytes), progress.client != nil else { continue }
            #expect(Array(bytes[..<65]) == Array(honest[..<65]), "seed \(seed): let in without the proof")
        }
    }
}

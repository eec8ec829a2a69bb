import Ambience
import Glibc
import Onion
import Paths
import Sealing
import Socks
import Testing

@testable import Client

@Suite("Parts of the client")
struct ClientPartsTests {
    @Test("An address asks for its pointer under its arpa name")
    func pointerNames() {
        #expect(IPAddress("192.0.2.5")!.pointerName == "5.2.0.192.in-addr.arpa")
        #expect(IPAddress("2001:db8::567:89ab")!.pointerName == "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
    }

    @Test("Streams are told apart by what their port isolates by, and by nothing else")
    func isolation() {
        let address = SocketAddress("127.0.0.1:9050")!
        let usual = SocksPortSettings(address: address)
        let alice = SocksCredentials(username: Array("alice".utf8), password: [])
        func request(_ name: String, _ port: UInt16, _ credentials: SocksCredentials?) -> SocksRequest {
            SocksRequest(version: .socks5, command: .connect, target: .name(name), port: port, credentials: credentials)
        }
        func key(_ request: SocksRequest, _ port: SocksPortSettings, client: String = "127.0.0.1", group: Int = 0) -> IsolationKey {
            request.isolation(port, group: group, client: IPAddress(client)!)
        }
        let plain = request("a.example", 80, nil)
        #expect(key(plain, usual) == key(request("b.example", 443, nil), usual))
        #expect(key(plain, usual) != key(request("a.example", 80, alice), usual))
        #expect(key(plain, usual) != key(plain, usual, client: "127.0.0.2"))
        #expect(key(plain, usual) != key(plain, usual, group: 1))
        let strict = SocksPortSettings(address: address, flags: ["IsolateDestAddr", "IsolateDestPort", "NoIsolateSOCKSAuth", "SessionGroup=7"])
        #expect(key(plain, strict) != key(request("b.example", 80, nil), strict))
        #expect(key(plain, strict) != key(request("a.example", 443, nil), strict))
        #expect(key(plain, strict) == key(request("a.example", 80, alice), strict))
        #expect(strict.sessionGroup == 7)
    }

    @Test("A name of ours means one relay's directory, any relay's, or nothing; no exit is ever asked for it")
    func ownNames() {
        func request(_ name: String, _ command: SocksCommand = .connect) -> SocksRequest {
            SocksRequest(version: .socks5, command: command, target: .name(name), port: 80, credentials: nil)
        }
        let fingerprint = String(repeating: "A1", count: 20)
        #expect(request("\(fingerprint).mote.dust.alt").purpose == .directory(RSAIdentity(hex: fingerprint)))
        #expect(request("\(fingerprint.lowercased()).mote.dust.alt").purpose == .directory(RSAIdentity(hex: fingerprint)))
        #expect(request("any.mote.dust.alt").purpose == .directory(nil))
        for lost in ["other.mote.dust.alt", "mote.dust.alt", "x.dust.alt", "\(fingerprint)A1.mote.dust.alt"] { #expect(request(lost).directory == nil && request(lost).isLostName) }
        #expect(request("any.mote.dust.alt", .resolve).isLostName)
        #expect(!request("example.org").isLostName && request("example.org").purpose == .port(80, isIPv6: false))
    }

    @Test("The state file keeps lines that are not ours, and gives back the guards")
    func stateFile() throws {
        let folder = "/tmp/dustcloud-state-\(UInt64.random(in: .min ... .max))"
        try Files.makeFolder(folder)
        defer {
            try? Files.remove(folder + "/state")
            rmdir(folder)
        }
        let file = GuardStateFile(path: folder + "/state")
        #expect(try file.load() == GuardSample())
        try Files.replace(file.path, with: "# Tor state file last generated on 2020-01-01\nTorVersion Tor 0.4.9.11\nGuard in=default rsa_id=00\nGuard in=bridges rsa_id=11\n")
        let guards = GuardSample(lines: ["in=default rsa_id=\(String(repeating: "AB", count: 20)) nickname=one sampled_on=2026-11-01T00:00:00 sampled_idx=0 listed=1"])
        try file.save(guards, wall: WallTime("2026-11-21 12:00:00")!)
        let text = try Files.readText(file.path)
        #expect(text.contains("TorVersion Tor 0.4.9.11\n") && text.contains("in=bridges rsa_id=11\n") && !text.contains("rsa_id=00\n") && text.hasPrefix("# Tor state file last generated on 2026-11-21"))
        #expect(try file.load() == guards)
    }

    @Test("A failure becomes the SOCKS code that stock would send")
    func codes() {
        #expect(StreamFailure.ended(.exitPolicy).socks == .notAllowed)
        #expect(StreamFailure.ended(.connectionRefused).socks == .connectionRefused)
        #expect(StreamFailure.ended(.resolveFailed).socks == .hostUnreachable)
        #expect(StreamFailure.timeout.socks == .timeToLiveExpired)
        #expect(StreamFailure.tooMany.socks == .general)
    }
}

import Ambience
import Sealing
import Testing

@testable import Torrc

@Suite("The command line")
struct InvocationTests {
    @Test("a fingerprint is asked for as stock scripts do")
    func fingerprint() throws {
        let line = ["--list-fingerprint", "--orport", "1", "--dirauthority", "x 127.0.0.1:1 " + String(repeating: "f", count: 40), "--datadirectory", "/d", "--quiet"]
        let invocation = try Invocation(line)
        #expect(invocation.command == .listFingerprint(isEd25519: false) && invocation.loudness == .quiet)
        let configuration = try Torrc.read([invocation.assignments]).configuration
        #expect(configuration.general.dataDirectory == "/d" && configuration.general.authorities.count == 1)
        #expect(try Invocation(["--list-fingerprint", "ed25519"]).command == .listFingerprint(isEd25519: true))
    }

    @Test("files and commands are told apart from options")
    func switches() throws {
        let invocation = try Invocation(["-f", "a", "--defaults-torrc", "b", "--verify-config", "--ORPort", "auto", "Log", "notice stdout", "+Log", "info stderr"])
        #expect(invocation.torrcPath == "a" && invocation.defaultsPath == "b" && invocation.command == .verifyConfiguration)
        #expect(invocation.assignments.map(\.option) == ["ORPort", "Log", "Log"])
        #expect(invocation.assignments[2].manner == .add)
    }

    @Test("a probe names a relay and where it is, and may name its key on the exchange")
    func probe() throws {
        let relay = String(repeating: "ab", count: 20), key = String(repeating: "01", count: 32)
        let plain = try Invocation(["--probe", "127.0.0.1:9001", "--fingerprint", relay])
        #expect(plain.command == .probe(ProbeOrder(address: SocketAddress("127.0.0.1:9001")!, relay: RSAIdentity(hex: relay)!, market: nil)))
        let full = try Invocation(["--fingerprint", relay, "--market", key, "--probe", "[::1]:9001"])
        #expect(full.command == .probe(ProbeOrder(address: SocketAddress("[::1]:9001")!, relay: RSAIdentity(hex: relay)!, market: [UInt8](repeating: 1, count: 32))))
        for bad in [["--probe", "x", "--fingerprint", relay], ["--probe", "127.0.0.1:0", "--fingerprint", relay], ["--probe", "127.0.0.1:1"], ["--fingerprint", relay], ["--probe", "127.0.0.1:1", "--fingerprint", relay, "--market", "00"]] {
            #expect(throws: TorrcError.self) { try Invocation(bad) }
        }
    }

    @Test("what misses its value or is no option is an error", arguments: [["-f"], ["--hash-password"], ["--list-fingerprint", "dsa"], ["-x"], ["--"], [""]])
    func errors(_ arguments: [String]) {
        let error = #expect(throws: TorrcError.self) { try Invocation(arguments) }
        #expect(error?.origin == .commandLine)
    }

    @Test("an option of the command line that nobody knows is refused there")
    func unknown() {
        let error = #expect(throws: TorrcError.self) { try Torrc.read([Invocation(["--NickName2", "x"]).assignments]) }
        #expect("\(error!)" == "command line: NickName2: no such option; did you mean Nickname?")
    }
}

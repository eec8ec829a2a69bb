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

import Ambience
import Testing

@testable import Transports

private func dialogue(_ text: String, _ wanted: [String] = ["obfs4"]) -> [ProxyDialogue.Event] {
    var dialogue = ProxyDialogue(transports: wanted)
    return dialogue.receive(Array(text.utf8))
}

private let obfs4 = ServerTransport(name: "obfs4", address: SocketAddress("0.0.0.0:4444")!, arguments: "cert=a+b/c,iat-mode=0")

@Suite("A managed proxy's lines")
struct ProxyDialogueTests {
    @Test("what obfs4proxy says becomes a transport that is served, and readiness")
    func obfs4proxy() {
        let events = dialogue("VERSION 1\nSMETHOD obfs4 0.0.0.0:4444 ARGS:cert=a+b/c,iat-mode=0\nSMETHODS DONE\n")
        #expect(events == [.serving(obfs4), .ready])
    }

    @Test("lines may be cut anywhere, end with a carriage return too, and several may come at once")
    func pieces() {
        var dialogue = ProxyDialogue(transports: ["obfs4"])
        let text = Array("VERSION 1\r\nSMETHOD obfs4 0.0.0.0:4444 ARGS:cert=a+b/c,iat-mode=0\r\nSMETHODS DONE\n".utf8)
        #expect(text.flatMap { dialogue.receive([$0]) } == [.serving(obfs4), .ready])
        #expect(dialogue.isReady)
    }

    @Test("a method that nobody asked for, or comes twice, does not count")
    func unasked() {
        let events = dialogue("VERSION 1\nSMETHOD meek 1.2.3.4:5\nSMETHOD obfs4 [::1]:7\nSMETHOD obfs4 1.1.1.1:7\nSMETHODS DONE\n")
        #expect(events == [.serving(ServerTransport(name: "obfs4", address: SocketAddress("[::1]:7")!)), .ready])
    }

    @Test("an error of one method leaves the others")
    func methodError() {
        #expect(dialogue("VERSION 1\nSMETHOD-ERROR obfs4 no such\u{1B}[m\nSMETHODS DONE\n") == [.refused("obfs4 no such?[m"), .ready])
    }

    @Test(
        "a proxy that cannot be used says so once, and is not listened to any more",
        arguments: [
            "ENV-ERROR no TOR_PT_STATE_LOCATION\n", "VERSION-ERROR no-version\n", "VERSION 2\n", "VERSION\n", "SMETHODS DONE\n", "SMETHOD obfs4 1.2.3.4:5\n",
            "VERSION 1\nSMETHOD obfs4\n", "VERSION 1\nSMETHOD 4obfs 1.2.3.4:5\n", "VERSION 1\nSMETHOD obfs4 1.2.3.4:0\n", "VERSION 1\nSMETHOD obfs4 host:5\n",
            "VERSION 1\nSMETHOD obfs4 1.2.3.4:5 ARGS:a=\u{7}\n", "VERSION 1\nVERSION 1\n", "VERSION 1\nSMETHODS DONE\nSMETHOD obfs4 1.2.3.4:5\n",
        ])
    func unusable(_ text: String) {
        let failures = dialogue(text + "VERSION 1\nSMETHODS DONE\n").filter { if case .failed = $0 { true } else { false } }
        #expect(failures.count == 1)
    }

    @Test("what a proxy logs comes with its severity, quotes undone and nothing that a terminal would obey")
    func log() {
        #expect(dialogue(#"LOG SEVERITY=warning MESSAGE="a \"b\"\n c""# + "\n") == [.log(.warning, "a \"b\"? c")])
        #expect(dialogue("LOG MESSAGE=x SEVERITY=debug\n") == [.log(.debug, "x")])
        for line in ["LOG SEVERITY=loud MESSAGE=x", "LOG SEVERITY=debug", #"LOG SEVERITY=debug MESSAGE="x"#, "LOG =x", "LOG x", #"LOG SEVERITY=debug MESSAGE="a"b"#] {
            #expect(dialogue(line + "\nVERSION 1\nSMETHODS DONE\n") == [.ready], "\(line)")
        }
    }

    @Test("its name and version are words that a document can hold")
    func program() {
        #expect(dialogue("STATUS TYPE=version VERSION=0.0.14 IMPLEMENTATION=obfs4proxy\n") == [.program(version: "0.0.14", implementation: "obfs4proxy")])
        #expect(dialogue("STATUS TYPE=version VERSION=\"1\\nrouter-signature\" IMPLEMENTATION=x\n") == [])
        #expect(dialogue("STATUS TYPE=bootstrap PROGRESS=3\nWHATEVER\n\n") == [])
    }

    @Test("a line over the bound is dropped, and the next one counts")
    func overlong() {
        #expect(dialogue(String(repeating: "x", count: ProxyDialogue.lineLimitBytes + 5000) + "\nVERSION 1\nSMETHODS DONE\n") == [.ready])
    }

    @Test("damaged output never traps, and never serves what was not asked for", arguments: seeds(40))
    func damage(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let lines = [
            "VERSION 1\n", "SMETHOD obfs4 0.0.0.0:4444 ARGS:cert=a\\,b,iat-mode=0\n", "SMETHOD-ERROR x y\n", "SMETHODS DONE\n", "LOG SEVERITY=info MESSAGE=\"a\\\"b\"\n",
            "STATUS TYPE=version VERSION=1 IMPLEMENTATION=\"x y\"\n", "ENV-ERROR z\n",
        ]
        for _ in 0..<200 {
            var bytes = (0..<Int.random(in: 1...6, using: &random)).flatMap { _ in Array((lines.randomElement(using: &random) ?? "").utf8) }
            for _ in 0..<Int.random(in: 0...4, using: &random) { bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random) }
            var dialogue = ProxyDialogue(transports: ["obfs4"])
            for case .serving(let transport) in dialogue.receive(bytes) {
                #expect(transport.name == "obfs4" && transport.address.port != 0 && !transport.arguments.contains { $0.isNewline || $0 == " " }, "seed \(seed)")
            }
        }
    }
}

@Suite("What a transport is to others")
struct ServerTransportTests {
    private let own = [IPAddress("192.0.2.7")!, IPAddress("2001:db8::7")!]

    @Test("a bridge line has the address that clients reach and the arguments as words")
    func bridgeLine() {
        let line = obfs4.bridgeLine(ownAddresses: own, fingerprint: "FF")
        #expect(line == "obfs4 192.0.2.7:4444 FF cert=a+b/c iat-mode=0")
        let escaped = ServerTransport(name: "x", address: SocketAddress("[::]:1")!, arguments: #"a=1\,2,b=\\"#)
        #expect(escaped.bridgeLine(ownAddresses: own, fingerprint: "FF") == #"x [2001:db8::7]:1 FF a=1,2 b=\"#)
    }

    @Test("the extra-info line keeps the arguments as the proxy wrote them")
    func extraInfo() {
        #expect(obfs4.extraInfoLine(ownAddresses: own) == "transport obfs4 192.0.2.7:4444 cert=a+b/c,iat-mode=0")
        #expect(ServerTransport(name: "x", address: SocketAddress("127.0.0.1:1")!).extraInfoLine(ownAddresses: own) == "transport x 127.0.0.1:1")
    }
}

@Suite("What a proxy is told")
struct ServerProxyEnvironmentTests {
    @Test("transports, where they listen, their options and our ports")
    func variables() {
        var environment = ServerProxyEnvironment(transports: ["obfs4", "x"], stateFolder: "/s/", orPort: SocketAddress("127.0.0.1:9001")!)
        environment.listenAddresses = ["obfs4": SocketAddress("[::]:443")!]
        environment.options = ["obfs4": ["iat-mode=1", "a=:;\\"], "unasked": ["b=1"]]
        environment.cookieFile = "/c"
        #expect(environment.variables["TOR_PT_AUTH_COOKIE_FILE"] == nil, "without an extended ORPort nobody needs the cookie")
        environment.extORPort = SocketAddress("127.0.0.1:9002")!
        #expect(environment.variables == [
            "TOR_PT_MANAGED_TRANSPORT_VER": "1", "TOR_PT_STATE_LOCATION": "/s/", "TOR_PT_EXIT_ON_STDIN_CLOSE": "1", "TOR_PT_SERVER_TRANSPORTS": "obfs4,x",
            "TOR_PT_SERVER_BINDADDR": "obfs4-[::]:443,x-0.0.0.0:0", "TOR_PT_ORPORT": "127.0.0.1:9001", "TOR_PT_EXTENDED_SERVER_PORT": "127.0.0.1:9002",
            "TOR_PT_AUTH_COOKIE_FILE": "/c", "TOR_PT_SERVER_TRANSPORT_OPTIONS": #"obfs4:iat-mode=1;obfs4:a=\:\;\\"#,
        ])
    }

    @Test("a proxy that dies at once is started again ever later, one that lived well soon")
    func pauses() {
        var pause = RestartPause()
        let spans = (0..<12).map { _ in pause.after(life: .seconds(Int64(2))).inMilliseconds / 1000 }
        #expect(spans == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
        #expect(pause.after(life: .seconds(Int64(3600))) == .seconds(Int64(1)))
    }
}

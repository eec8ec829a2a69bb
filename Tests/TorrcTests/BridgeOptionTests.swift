import Ambience
import Testing

@testable import Torrc

@Suite("Options of bridges")
struct BridgeOptionTests {
    @Test("a bridge with a transport, as operators write it")
    func usual() throws {
        let bridge = try configuration(
            """
            BridgeRelay 1
            ORPort 9001
            ServerTransportPlugin obfs4,obfs3 exec /usr/bin/obfs4proxy -enableLogging
            ServerTransportPlugin scramblesuit exec /usr/bin/obfs4proxy -enableLogging
            ServerTransportListenAddr obfs4 0.0.0.0:443
            ServerTransportOptions obfs4 iat-mode=1 x=y
            ExtORPort auto
            BridgeDistribution HTTPS
            """
        ).bridge
        #expect(bridge.isBridge && bridge.isPublishing && bridge.distribution == "https")
        #expect(bridge.plugins == [TransportPlugin(transports: ["obfs4", "obfs3", "scramblesuit"], program: "/usr/bin/obfs4proxy", arguments: ["-enableLogging"])])
        #expect(bridge.listenAddresses == ["obfs4": SocketAddress("0.0.0.0:443")!] && bridge.transportOptions == ["obfs4": ["iat-mode=1", "x=y"]])
        #expect(bridge.extORPorts == [PortLine(port: .automatic)])
    }

    @Test("a bridge tells bridge authorities of itself, never the others, and 0 tells nobody")
    func publication() throws {
        let base = "BridgeRelay 1\nORPort 9001\nPublishServerDescriptor "
        #expect(try configuration(base + "1").relay.isPublishing && configuration(base + "bridge").relay.isPublishing)
        #expect(try !configuration(base + "v3").relay.isPublishing && !configuration(base + "0").relay.isPublishing)
        #expect(try !configuration("ORPort 9001\nPublishServerDescriptor bridge").relay.isPublishing)
        #expect(try configuration("AlternateDirAuthority b bridge orport=1 1.2.3.4:80 \(String(repeating: "A", count: 40))").general.authorities[0].isBridgeAuthority)
    }

    @Test("what would expose a bridge or make no sense on one is dropped with a warning")
    func dropped() throws {
        let text = "BridgeRelay 1\nORPort 9001\nDirPort 9030\nMyFamily abc\nExitRelay 1\nNoExec 1\nServerTransportPlugin x exec /bin/x"
        let reading = try Torrc.read([TorrcText.assignments(in: text, name: "torrc")])
        #expect(reading.configuration.relay.dirPorts.isEmpty && reading.configuration.relay.family.isEmpty && reading.configuration.relay.exit == .no)
        #expect(reading.configuration.bridge.plugins.isEmpty)
        #expect(reading.warnings.map { $0.prefix { $0 != ":" } } == ["NoExec", "DirPort", "MyFamily, FamilyId", "ExitRelay"])
    }

    @Test(
        "lines that will not do say what would",
        arguments: [
            "ServerTransportPlugin obfs4 exec", "ServerTransportPlugin 4 exec /x", "ServerTransportPlugin a,a exec /x", "ServerTransportPlugin a, exec /x",
            "ServerTransportPlugin a proxy 127.0.0.1:1", "ServerTransportListenAddr a", "ServerTransportListenAddr a b:1", "ServerTransportOptions a", "ServerTransportOptions a x",
            "ServerTransportOptions a =x", "ExtORPort x", "BridgeDistribution a b", "BridgeRelay yes",
        ])
    func refused(_ line: String) {
        let message = failure(line)
        #expect(message.hasPrefix("torrc:1: ") && message.contains("expected"), "\(message)")
    }

    @Test(
        "options that contradict each other are refused",
        arguments: ["BridgeRelay 1", "BridgeRelay 1\nORPort 1\nDirCache 0", "BridgeDistribution any", "ORPort 1\nExtORPort 2\nExtORPort 3"])
    func contradictions(_ text: String) {
        #expect(failure(text) != "nothing wrong")
    }
}

import Ambience
import Sealing
import Testing

@testable import Torrc

func configuration(_ text: String) throws -> NodeConfiguration { try Torrc.read([TorrcText.assignments(in: text, name: "torrc")]).configuration }

func failure(_ text: String) -> String {
    do {
        _ = try configuration(text)
        return "nothing wrong"
    } catch { return "\(error)" }
}

@Suite("Options and their values")
struct OptionTests {
    @Test("names do not care about letter case, and the proper spelling is kept")
    func letterCase() throws {
        let reading = try Torrc.read([TorrcText.assignments(in: "oRpOrT 9001\nNICKNAME x", name: "torrc")])
        #expect(reading.assignments.map(\.option) == ["ORPort", "Nickname"])
    }

    @Test("an option tor knows and we do not is a warning; one nobody knows is an error with a suggestion")
    func unknown() throws {
        let reading = try Torrc.read([TorrcText.assignments(in: "HiddenServiceDir /x", name: "torrc")])
        #expect(reading.warnings == ["torrc:1: HiddenServiceDir: tor's option is not implemented here and is ignored"])
        #expect(failure("Nicname x") == "torrc:1: Nicname: no such option; did you mean Nickname?")
        #expect(failure("Zzzzzzzzzzzz 1") == "torrc:1: Zzzzzzzzzzzz: no such option")
    }

    @Test("a relay may be sold and a client may have tickets; what is no relay cannot be sold")
    func exchange() throws {
        let mote = try configuration("ORPort 1\nMoteMarket /m\nMoteTickets /t").mote
        #expect(mote.marketFolder == "/m" && mote.ticketsFolder == "/t")
        #expect(failure("MoteMarket /m") == "torrc:1: MoteMarket: needs an ORPort: only a relay can be sold")
    }

    @Test("a mote with mail says how long it holds letters and by which ways they leave; what only makes sense together is asked for together")
    func mail() throws {
        let mail = try configuration("ORPort 1\nMoteMail 1\nMoteMailHoldMean 90\nMoteMailExit direct, relay\nMoteMailRelay mx.example:465\nMoteSubmissionPort 587\nMoteMailBox 1").mail
        #expect(mail.isMixing && mail.hasBoxes && mail.holdMean == .seconds(Int64(90)) && mail.slotMean == nil)
        #expect(mail.exits == [.direct, .relay] && mail.submissionPorts == [PortLine(port: .fixed(587))])
        #expect(try configuration("ORPort 1\nMoteMail 1\nMoteMailExit none").mail.exits.isEmpty)
        #expect(failure("ORPort 1\nMoteMailBox 1") == "torrc:2: MoteMailBox: needs MoteMail 1")
        #expect(failure("MoteMail 1").hasPrefix("torrc:1: MoteMail: needs an ORPort"))
        #expect(failure("ORPort 1\nMoteMail 1\nMoteMailExit relay").contains("needs MoteMailRelay"))
        #expect(failure("ORPort 1\nMoteMail 1\nMoteMailExit direct,direct").contains("in the order to try"))
        #expect(failure("ORPort 1\nMoteMail 1\nMoteMailExit relay\nMoteMailRelay mx.example").contains("HOST:PORT"))
        #expect(failure("ORPort 1\nMoteMail 1\nMoteSubmissionPort 1.2.3.4:587").contains("needs MoteSubmissionUsers"))
        #expect(failure("ORPort 1\nMoteMail 1\nMoteMailSlotMean 0").contains("more than no time"))
    }

    @Test("a later source replaces an option, a plus adds to it, a slash forgets it")
    func layers() throws {
        let file = try TorrcText.assignments(in: "ORPort 1\nORPort 2\nNickname a\nContactInfo c", name: "torrc")
        let line = try Invocation(["--ORPort", "3", "Nickname", "b", "--/ContactInfo"]).assignments
        let replaced = try Torrc.read([file, line]).configuration
        #expect(replaced.relay.orPorts == [PortLine(port: .fixed(3))])
        #expect(replaced.relay.nickname == "b")
        #expect(replaced.relay.contact == nil)
        let added = try Torrc.read([file, Invocation(["+ORPort", "3"]).assignments]).configuration
        #expect(added.relay.orPorts.count == 3)
    }

    @Test("the last of several values counts, and the others are pointed out")
    func repeated() throws {
        let reading = try Torrc.read([TorrcText.assignments(in: "Nickname a\nNickname b", name: "torrc")])
        #expect(reading.configuration.relay.nickname == "b")
        #expect(reading.warnings.count == 1)
    }

    @Test(
        "amounts take stock's units",
        arguments: [("1 KB", 1024), ("5 MBytes", 5 << 20), ("2 gb", 2 << 30), ("100", 100), ("8 kbits", 1024), ("1.5 KBytes", 1536), ("1 MBit", 131072)] as [(String, UInt64)])
    func amounts(_ text: String, _ bytes: UInt64) throws {
        #expect(try configuration("BandwidthRate \(text)").relay.bandwidthRate == bytes)
    }

    @Test(
        "spans take stock's units",
        arguments: [("10", 10_000), ("10 seconds", 10_000), ("2 minutes", 120_000), ("1 hour", 3_600_000), ("250 msec", 250), ("1.5 hours", 5_400_000), ("1 week", 604_800_000)] as [(String, Int64)])
    func spans(_ text: String, _ milliseconds: Int64) throws {
        #expect(try configuration("MaxCircuitDirtiness \(text)").client.maxCircuitDirtiness == .milliseconds(milliseconds))
    }

    @Test(
        "a value an option does not take is an error that says what it takes",
        arguments: [
            "ORPort abc", "ORPort 70000", "ORPort 1.2.3:5", "ORPort 9001 Sideways", "ORPort unix:/x", "SocksPort ::1:5", "DirPort -1",
            "BandwidthRate many", "BandwidthRate 1 parsec", "BandwidthRate 99999999999999999999", "MaxCircuitDirtiness -5", "MaxCircuitDirtiness 99999999 weeks",
            "MoteLifetime 0", "MoteLifetime soon", "MoteExpires tomorrow", "MoteExpires 2027-02-30T00:00:00Z", "MoteExpires 2027-01-01T00:00:00",
            "Nickname with-dash", "Nickname abcdefghijklmnopqrst", "AssumeReachable yes", "ExitRelay 2", "Log loud", "Log info-debug stdout", "Log notice syslog here",
            "Log notice file", "DirAuthority x", "DirAuthority x 1.2.3.4:80 FFFF", "DirAuthority orport=0 1.2.3.4:80 \(String(repeating: "A", count: 40))",
            "DirAuthority v3ident=zz 1.2.3.4:80 \(String(repeating: "A", count: 40))", "EntryNodes {de}", "ExitPolicy accept", "ExitPolicy allow *:80", "ExitPolicy accept *:0-x", "EntryNodes a,b/c", "LongLivedPorts 1,x", "ConsensusParams a=b",
            "NumEntryGuards 1000", "MyFamily a-b", "DisableNetwork 1", "PathsNeededToBuildCircuits 2",
        ])
    func refused(_ line: String) {
        let message = failure(line)
        #expect(message.hasPrefix("torrc:1: ") && message.contains(line.prefix { $0 != " " }) && message.contains("expected"), "\(message)")
    }

    @Test("ports come in all of stock's forms")
    func ports() throws {
        let relay = try configuration("ORPort 9001\nORPort 127.0.0.1:9002 NoAdvertise\nORPort [::1]:9003 IPv6Only\nORPort auto\nDirPort 0").relay
        #expect(relay.orPorts[0] == PortLine(port: .fixed(9001)))
        #expect(relay.orPorts[1].ip == .v4(0x7F00_0001) && !relay.orPorts[1].isAdvertised && relay.orPorts[1].isListening)
        #expect(relay.orPorts[2].ip == IPAddress("::1") && relay.orPorts[2].isIPv6Only)
        #expect(relay.orPorts[3].port == .automatic)
        #expect(relay.dirPorts.isEmpty)
    }

    @Test("a node without ORPort and SocksPort is a client on 9050; SocksPort 0 switches that off")
    func defaultSocks() throws {
        #expect(try configuration("").client.socksPorts == [PortLine(port: .fixed(9050))])
        #expect(try configuration("SocksPort 0").client.socksPorts.isEmpty)
        #expect(try configuration("ORPort 1").client.socksPorts.isEmpty)
    }

    @Test("a DirAuthority line is read whatever order its flags have, with a spaced fingerprint")
    func authorityLine() throws {
        let hex = "FFFF 0000 FFFF 0000 FFFF 0000 FFFF 0000 FFFF 0000"
        let line = try configuration("DirAuthority moria no-v2 v3ident=\(String(repeating: "ab", count: 20)) orport=9101 ipv6=[2001:db8::1]:443 128.31.0.39:9131 \(hex)").general.authorities[0]
        #expect(line.nickname == "moria" && line.orPort == 9101)
        #expect(line.directory == SocketAddress("128.31.0.39:9131"))
        #expect(line.relay == SocketAddress("128.31.0.39:9101"))
        #expect(line.v3Identity?.description == String(repeating: "AB", count: 20))
        #expect(line.rsa.description == hex.filter { $0 != " " })
        #expect(line.ipv6 == SocketAddress("[2001:db8::1]:443"))
    }

    @Test("sets of relays hold fingerprints, names and networks")
    func nodeSets() throws {
        let fingerprint = String(repeating: "0A", count: 20)
        let set = try configuration("EntryNodes $\(fingerprint)~bob, Alice,10.0.0.0/9").client.entryNodes
        #expect(set.contains(.init(hex: fingerprint)!, nickname: "x", addresses: []))
        let other = String(repeating: "0B", count: 20)
        #expect(set.contains(.init(hex: other)!, nickname: "aLICE", addresses: []))
        #expect(set.contains(.init(hex: other)!, nickname: "x", addresses: [IPAddress("10.127.0.1")!]))
        #expect(!set.contains(.init(hex: other)!, nickname: "x", addresses: [IPAddress("10.128.0.1")!]))
    }

    @Test("a mote's end is an instant with a zone or a span, not both")
    func expiry() throws {
        #expect(try configuration("MoteExpires 2027-01-31T12:00:00Z").mote.expires?.description == "2027-01-31 12:00:00")
        #expect(try configuration("MoteExpires 2027-01-31T12:00:00+01:30").mote.expires?.description == "2027-01-31 10:30:00")
        #expect(try configuration("MoteLifetime 45 minutes").mote.lifetime == .seconds(Int64(2700)))
        #expect(failure("MoteExpires 2027-01-31T12:00:00Z\nMoteLifetime 1 hour").hasPrefix("torrc:2: MoteLifetime"))
    }

    @Test("log lines name severities and a place")
    func logs() throws {
        let logs = try configuration("Log notice\nLog info-notice file /tmp/a log\nLog debug stderr").general.logs
        #expect(logs[0] == LogLine(severities: .notice...(.err), target: .standardOutput))
        #expect(logs[1] == LogLine(severities: .info...(.notice), target: .file("/tmp/a log")))
        #expect(logs[2].target == .standardError)
    }

    @Test("every option of ours is marked, every stock option is listed")
    func listing() {
        let names = Torrc.optionNames
        #expect(names.count == 372 + 26)
        #expect(names.filter(\.isOurs).map(\.name).allSatisfy { $0.hasPrefix("Mote") })
    }
}

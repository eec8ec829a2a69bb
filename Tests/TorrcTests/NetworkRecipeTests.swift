import Ambience
import Testing

@testable import Torrc

@Suite("The recipe of a private network")
struct NetworkRecipeTests {
    private static let common = """
        TestingTorNetwork 1
        DataDirectory /tmp/x
        DirAuthority auth0 orport=5100 no-v2 v3ident=\(String(repeating: "AB", count: 20)) 127.0.0.1:7100 \(String(repeating: "CD", count: 20))
        Nickname node
        Address 127.0.0.1
        AddressDisableIPv6 1
        PathsNeededToBuildCircuits 0.67
        ShutdownWaitLength 0
        SafeLogging 0
        ProtocolWarnings 1
        Log info file /tmp/x/log
        ControlPort 9051
        CookieAuthentication 1
        ServerDNSTestAddresses

        """
    private static let authority = """
        AuthoritativeDirectory 1
        V3AuthoritativeDirectory 1
        ContactInfo auth0@test.test
        ORPort 127.0.0.1:5100
        DirPort 7100
        ExitRelay 0
        AssumeReachable 1
        TestingV3AuthInitialVotingInterval 20
        TestingV3AuthInitialVoteDelay 4
        TestingV3AuthInitialDistDelay 4
        V3AuthVotingInterval 20
        V3AuthVoteDelay 4
        V3AuthDistDelay 4
        V3AuthNIntervalsValid 2
        TestingDirAuthVoteExit *
        TestingDirAuthVoteGuard *
        TestingDirAuthVoteHSDir *
        TestingMinExitFlagThreshold 0
        ConsensusParams cc_alg=2 cfx_enabled=0
        AuthDirTestReachability 0

        """

    @Test("an authority's torrc is taken as it is")
    func authority() throws {
        let read = try configuration(Self.common + Self.authority)
        #expect(read.authority.isV3 && read.isRelay && read.authority.votingInterval == .seconds(Int64(20)))
        #expect(read.authority.voteGuard.containsAll && read.authority.consensusParameters.count == 2)
        #expect(read.authority.maxServersPerAddress == 0 && read.relay.isExtendToPrivateAllowed)
    }

    @Test("a client's torrc is taken as it is, unknown machinery with a warning")
    func client() throws {
        let text = Self.common + """
            SocksPort 127.0.0.1:9150
            EntryNodes relay0
            MiddleNodes relay1
            ExitNodes exit0
            StrictNodes 1
            NumEntryGuards 1
            UseEntryGuards 0
            ConfluxEnabled 0
            LearnCircuitBuildTimeout 0
            CircuitBuildTimeout 10
            """
        let reading = try Torrc.read([TorrcText.assignments(in: text, name: "torrc")])
        #expect(reading.configuration.client.exitNodes.nicknames == ["exit0"])
        #expect(reading.warnings.count == 4, "\(reading.warnings)")
        #expect(reading.configuration.isClient && !reading.configuration.isRelay)
    }

    @Test(
        "a schedule stock refuses is refused",
        arguments: [
            "V3AuthVotingInterval 7", "V3AuthVotingInterval 11", "V3AuthVoteDelay 1", "V3AuthDistDelay 7", "TestingV3AuthInitialVotingInterval 4",
            "TestingV3AuthInitialVotingInterval 7", "TestingV3AuthInitialVoteDelay 16", "V3AuthNIntervalsValid 1",
        ])
    func badSchedule(_ line: String) {
        let name = line.prefix { $0 != " " }
        let text = (Self.common + Self.authority).split(separator: "\n").map { $0.hasPrefix(name + " ") ? Substring(line) : $0 }.joined(separator: "\n")
        #expect(failure(text).contains("expected") || failure(text).contains("must be less"), "\(failure(text))")
    }

    @Test("testing options outside a testing network are refused")
    func testingOnly() {
        #expect(failure("TestingDirAuthVoteExit *") == "torrc:1: TestingDirAuthVoteExit: is only allowed together with TestingTorNetwork 1")
    }
}

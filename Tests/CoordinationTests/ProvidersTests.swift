import Ambience
import Coordination
import Foundation
import FreePorts
import Leasing
import Providers
import Testing

private let plan = NetworkPlan(
    authorityORPort: 5100, authorityDirPort: 7100, authorityIdentity: String(repeating: "A", count: 40), authorityFingerprint: String(repeating: "B", count: 40),
    votingIntervalSeconds: 10, isExitToPrivateAllowed: false, socks: "127.0.0.1:9150", streamLifeSeconds: 60)

@Suite struct ProvidersTests {
    @Test("A consensus answer names the running relays, and anything else is no answer")
    func consensus() {
        let answer = "HTTP/1.0 200 OK\r\n\r\nnetwork-status-version 3\nr alpha x\ns Fast Running Valid\nr beta x\ns Valid\nr gamma x\ns Running\n"
        #expect(ConsensusProbe.parse(answer) == ["alpha", "gamma"])
        for text in ["", "HTTP/1.0 404 Not found\r\n\r\n", "HTTP/1.0", "garbage", "HTTP/1.0 2000 OK\r\n\r\nr a\ns Running\n"] { #expect(ConsensusProbe.parse(text) == nil) }
    }

    @Test("Nobody at the directory port is no answer")
    func nobody() throws {
        let port = try #require(FreePorts.next())
        #expect(ConsensusProbe.nicknames(directoryPort: port) == nil)
    }

    @Test("Fingerprints are read grouped or not, from the last line that has one")
    func fingerprints() {
        let digits = "0123456789ABCDEF0123456789ABCDEF01234567"
        #expect(AuthorityKeys.fingerprint(in: "note\n\(digits)\n") == digits)
        #expect(AuthorityKeys.fingerprint(in: "name 0123 4567 89AB CDEF 0123 4567 89AB CDEF 0123 4567\n\n") == digits)
        #expect(AuthorityKeys.fingerprint(in: "no digits here") == nil)
        #expect(AuthorityKeys.fingerprint(in: "") == nil)
    }

    @Test("Signals and erasure for what is not there are harmless, and a folder without a process is only a folder")
    func absent() throws {
        let scratch = Scratch()
        let provider = LocalProvider(root: scratch.folder.motes, program: "/bin/false", plan: plan)
        let key = MoteKey(high: 3, low: 4)
        provider.drain(key)
        provider.stop(key)
        provider.kill(key)
        try provider.erase(key)
        try FileManager.default.createDirectory(atPath: "\(scratch.folder.motes)/\(key)/data", withIntermediateDirectories: true)
        #expect(try provider.observe() == [key: Sighting(hasFolder: true)])
        try provider.erase(key)
        #expect(try provider.observe().isEmpty)
    }

    @Test("Once there is a wallet, motes of this machine can be sold, each out of a folder that outlives it, and the client has what was bought")
    func wallet() throws {
        let scratch = Scratch(), wallet = WalletPlace(state: scratch.folder.path), key = MoteKey(high: 3, low: 4)
        #expect(!wallet.exists)
        let lease = Lease(key: key, lifetimeClass: .normal, intended: WallTime(secondsSinceEpoch: 0), expires: WallTime(secondsSinceEpoch: 9_000), drainSeconds: 60)
        let torrcs = Torrcs(plan), node = NodeFolder("\(scratch.folder.motes)/\(key)")
        #expect(!torrcs.mote(lease, attempt: 1, port: 5_001, in: node).contains("MoteMarket") && !torrcs.client(in: node).contains("MoteTickets"))
        #expect(torrcs.mote(lease, attempt: 1, port: 5_001, in: node, wallet: wallet).contains("\nMoteMarket \(scratch.folder.path)/wallet/motes/\(key)\n"))
        #expect(torrcs.client(in: node, wallet: wallet).contains("\nMoteTickets \(scratch.folder.path)/wallet/tickets\n"))
        try Files.makeFolder(wallet.path)
        try Files.replace(wallet.path + "/terms", with: "terms")
        #expect(wallet.exists && !wallet.market(of: key).hasPrefix(node.path))
    }

    @Test("Motes whose letters leave otherwise now have drifted, others of this machine have not")
    func mailDrift() {
        var wanted = plan
        let policy = FleetPolicy.standard, none = CloudSettings(mode: .up, policy: policy, network: wanted)
        wanted.mailExit = MailExit(ways: [.direct])
        #expect(none.make.config == nil && CloudSettings(mode: .up, policy: policy, network: wanted).make == none.make)
        wanted.mailHoldSeconds = 45
        let direct = CloudSettings(mode: .up, policy: policy, network: wanted).make
        wanted.mailExit?.ways = [.onion, .direct]
        let onion = CloudSettings(mode: .up, policy: policy, network: wanted).make
        wanted.mailExit = nil
        let neither = CloudSettings(mode: .up, policy: policy, network: wanted).make
        #expect(Set([direct, onion, neither].compactMap(\.config)).count == 3)
    }

    @Test("Motes of this machine carry mail as the network's plan has it, with keys in memory that go when the mote is erased")
    func mail() throws {
        let scratch = Scratch(), key = MoteKey(high: 5, low: UInt64.random(in: 0 ... .max))
        let lease = Lease(key: key, lifetimeClass: .normal, intended: WallTime(secondsSinceEpoch: 0), expires: WallTime(secondsSinceEpoch: 9_000), drainSeconds: 60)
        var wanted = plan
        wanted.mailHoldSeconds = 45
        let node = NodeFolder("\(scratch.folder.motes)/\(key)"), provider = LocalProvider(root: scratch.folder.motes, program: "/bin/false", plan: wanted)
        let keys = try #require(provider.mailKeys(key), "this machine has no /dev/shm in memory")
        let text = Torrcs(wanted).mote(lease, attempt: 1, port: 5_001, in: node, mailKeys: keys)
        #expect(text.contains("\nMoteMail 1\nMoteMailBox 1\nMoteMailHoldMean 45 seconds\nMoteMailKeyFolder /dev/shm/dustcloud-\(key)\n"))
        for other in [Torrcs(plan).mote(lease, attempt: 1, port: 5_001, in: node, mailKeys: keys), Torrcs(wanted).mote(lease, attempt: 1, port: 5_001, in: node)] { #expect(!other.contains("MoteMail")) }
        wanted.mailExit = MailExit(ways: [.relay, .direct])
        wanted.mailExit?.relay = "mail.example:587"
        wanted.mailExit?.relayLogin = "/etc/a \"login\" # of ours"
        wanted.mailExit?.resolver = "127.0.0.1:53"
        let leaving = Torrcs(wanted).mote(lease, attempt: 1, port: 5_001, in: node, mailKeys: keys)
        #expect(leaving.hasPrefix(text.dropLast()))
        #expect(leaving.hasSuffix("\nMoteMailExit relay,direct\nMoteMailRelay mail.example:587\nMoteMailResolver 127.0.0.1:53\nMoteMailRelayLogin \"/etc/a \\\"login\\\" # of ours\"\n"))
        #expect(!Torrcs(wanted).mote(lease, attempt: 1, port: 5_001, in: node).contains("MoteMail"))
        try Files.makeFolder(keys.path)
        try Files.replace(keys.path + "/seed", with: "seed")
        try provider.erase(key)
        #expect(!keys.exists)
    }

    @Test("How long motes hold letters goes by how long they live, and motes that live briefly carry none", arguments: [(600, nil), (900, 15), (2_700, 45), (864_000, 1_800)])
    func hold(lifetimeSeconds: Int64, holdSeconds: Int64?) {
        var policy = FleetPolicy.standard
        policy.normal.lifetimeSeconds = lifetimeSeconds
        #expect(CloudMaker.mailHoldSeconds(policy) == holdSeconds)
    }

    @Test("Letters are not to be held for longer than motes can hold them, nor by motes that carry none")
    func holdWanted() throws {
        var request = CloudMaker.Request(policy: .standard, votingIntervalSeconds: 10, isExitToPrivateAllowed: false, socks: try CloudMaker.SocketAddressText("127.0.0.1:9150"), streamLifeSeconds: nil)
        request.policy.normal.lifetimeSeconds = 1_200
        for (seconds, isGood) in [(3, true), (60, true), (61, false), (180_000, false)] as [(Int64, Bool)] {
            request.mailHoldSeconds = seconds
            #expect((try? CloudMaker.check(request)) != nil || !isGood, "\(seconds)")
            #expect((try? CloudMaker.check(request)) == nil || isGood, "\(seconds)")
        }
        (request.mailHoldSeconds, request.hasMail) = (3, false)
        #expect(throws: CoordinationError.self) { try CloudMaker.check(request) }
    }

    @Test("A report is believed only if the process that is there wrote it, and odd files say nothing")
    func reports() throws {
        let scratch = Scratch()
        let node = NodeFolder(scratch.folder.path + "/client")
        try node.make()
        func write(_ text: String) throws { try Files.replace(node.data + "/mote-status", with: text) }
        #expect(node.report(by: 7) == nil)
        try write(#"{"pid": 7, "bootstrapped": 100, "draining": true, "circuits": 3, "bytesRead": 9}"#)
        #expect(node.report(by: 7) == MoteReport(bootstrapped: 100, isDraining: true, circuits: 3, bytesRead: 9))
        #expect(node.report(by: 8) == nil)
        for text in ["", "{", "[]", #"{"pid": "7"}"#, #"{"pid": 1e300}"#, String(repeating: " ", count: 100_000)] {
            try write(text)
            #expect(node.report(by: 7) == nil)
        }
    }

    @Test("A program that does not exist or fails is an error with its name")
    func programs() throws {
        #expect { try ChildProcess.output(program: "/nowhere/at/all", arguments: ["x"]) } throws: { "\($0)".contains("/nowhere/at/all") }
        #expect(throws: ProviderError.self) { try ChildProcess.output(program: "/bin/false", arguments: ["false"]) }
        #expect(try ChildProcess.output(program: "/bin/echo", arguments: ["echo", "hello"]) == "hello\n")
    }
}

import Ambience
import Testing

@testable import Directory

@Suite struct ExitPolicyTests {
    private struct File: Decodable {
        struct Row: Decodable {
            let policy: String
            let family: Int
            let summary: String
        }
        let vectors: [Row]
    }

    @Test("Policies are summarised as stock does")
    func summaries() throws {
        for row in try Vectors.json(File.self, "exit_policy_summary.json").vectors {
            #expect(try ExitPolicy(torrc: row.policy).summary(isIPv4: row.family == 4).description == row.summary, "\(row.policy.prefix(80))")
        }
    }

    /// Port by port, with the rule the summary is defined by, for policies made at random.
    @Test("A summary says of every port what counting the refused addresses says", arguments: [11, 12, 13] as [UInt64])
    func summaryByPort(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var rules: [PolicyRule] = []
        for _ in 0..<60 {
            let ends = [UInt16.random(in: 1...400, using: &random), UInt16.random(in: 1...400, using: &random)].sorted()
            let bits = UInt8.random(in: 5...9, using: &random)
            let network: PolicyRule.Network = Bool.random(using: &random) ? .anyIPv4 : .ipv4(0x2D00_0000, bits: bits)
            rules.append(PolicyRule(isAccept: Bool.random(using: &random), network: network, ports: ends[0]...ends[1]))
        }
        let summary = ExitPolicy(rules: rules).summary()
        for port: UInt16 in 1...401 {
            var refused: UInt64 = 0
            var isAccepted = false
            for rule in rules where rule.ports.contains(port) && !isAccepted {
                if rule.isAccept { isAccepted = rule.network.bits == 0 && refused <= 1 << 25 } else { refused += 1 << (32 - UInt64(rule.network.bits)) }
            }
            #expect(summary.allows(port) == isAccepted, "seed \(seed), port \(port)")
        }
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("The first matching rule decides; nothing matching accepts; port 0 is never open")
    func decisions() throws {
        let policy = try ExitPolicy(torrc: "reject 10.0.0.0/8:*, accept *:80-90, accept6 [2001:db8::]/32:443,reject 1.2.3.4/255.255.0.0, accept *4:443, reject *:*")
        #expect(policy.allows(try address("1.1.1.1"), 80))
        #expect(!policy.allows(try address("10.1.1.1"), 80))
        #expect(!policy.allows(try address("1.1.1.1"), 91))
        #expect(policy.allows(try address("2001:db8::5"), 443))
        #expect(!policy.allows(try address("2001:db9::5"), 443))
        #expect(!policy.allows(try address("1.2.9.9"), 443))
        #expect(policy.allows(try address("1.3.9.9"), 443))
        #expect(!policy.allows(try address("1.3.9.9"), 0))
        #expect(ExitPolicy().allows(try address("1.1.1.1"), 25))
    }

    @Test("Private networks are closed unless told, and so are our own addresses")
    func privateNetworks() throws {
        let closed = ExitPolicy(ExitPolicyOptions(isExit: true, ownAddresses: [try address("5.6.7.8")]))
        for text in ["127.0.0.1", "10.9.8.7", "192.168.1.1", "172.20.0.1", "169.254.1.1", "0.1.2.3", "5.6.7.8"] { #expect(!closed.allows(try address(text), 80), "\(text)") }
        #expect(closed.allows(try address("5.6.7.9"), 80))
        #expect(!closed.allows(try address("5.6.7.9"), 25))
        #expect(!closed.allows(try address("2a00::1"), 80))
        let open = ExitPolicy(ExitPolicyOptions(isExit: true, rules: try ExitPolicy(torrc: "accept 127.0.0.0/8:*"), rejectsPrivate: false, allowsIPv6: true))
        #expect(open.allows(try address("127.0.0.1"), 25))
        #expect(open.allows(try address("2a00::1"), 80))
        #expect(!open.allows(try address("1.1.1.1"), 25))
        #expect(ExitPolicy(ExitPolicyOptions(isExit: false)).isRejectAll)
    }

    @Test("The default and the reduced policy are written line by line as stock writes them", arguments: ["default", "reduced"])
    func stockPolicies(_ name: String) throws {
        let lines = String(decoding: try Vectors.bytes("policies/" + name), as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(ExitPolicy(ExitPolicyOptions(isExit: true, isReduced: name == "reduced")).descriptorLines == lines)
    }

    @Test("Policy lines that stock refuses are refused with a reason", arguments: [
        "accept", "permit *:80", "accept *:0", "accept *:70000", "accept *:90-80", "accept 1.2.3:80", "accept 1.2.3.4/33:80", "accept6 1.2.3.4:80", "accept [::1:80",
        "accept 1.2.3.4/255.0.255.0:*", "accept *:80 extra", "accept *:+80", "accept [::1]/129:*", "accept *:", "accept6 *4:80",
    ])
    func refusedLines(_ line: String) { #expect(throws: PolicyError.self) { try ExitPolicy(torrc: line) } }

    @Test("An exit for the Exit flag takes a whole /8 on a port")
    func slash8() throws {
        #expect(try ExitPolicy(torrc: "accept *:80, reject *:*").acceptsSomeSlash8(port: 80, allowsPrivate: false))
        #expect(try !ExitPolicy(torrc: "accept *:80, reject *:*").acceptsSomeSlash8(port: 443, allowsPrivate: false))
        #expect(try ExitPolicy(torrc: "accept 5.0.0.0/8:80, reject *:*").acceptsSomeSlash8(port: 80, allowsPrivate: false))
        #expect(try !ExitPolicy(torrc: "accept 5.0.0.0/9:80, reject *:*").acceptsSomeSlash8(port: 80, allowsPrivate: false))
        #expect(try !ExitPolicy(torrc: "reject 5.1.0.0/16:*, accept 5.0.0.0/8:80, reject *:*").acceptsSomeSlash8(port: 80, allowsPrivate: false))
        #expect(try !ExitPolicy(torrc: "accept 127.0.0.0/8:80, reject *:*").acceptsSomeSlash8(port: 80, allowsPrivate: false))
        #expect(try ExitPolicy(torrc: "accept 127.0.0.0/8:80, reject *:*").acceptsSomeSlash8(port: 80, allowsPrivate: true))
    }

    @Test("A summary allows the ports it names")
    func summary() throws {
        let accept = try #require(PolicySummary("accept 20-23,80"))
        #expect(accept.allows(22) && accept.allows(80) && !accept.allows(24) && !accept.allows(0))
        let reject = try #require(PolicySummary("reject 25"))
        #expect(reject.allows(80) && !reject.allows(25))
        for text in ["", "accept", "accept 0", "accept 80,", "allow 80", "accept 90-80", "accept 80 81", "accept 65536"] { #expect(PolicySummary(text) == nil, "\(text)") }
    }
}

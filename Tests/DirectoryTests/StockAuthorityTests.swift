import Ambience
import Sealing
import Testing

@testable import Directory

/// The real peer: a stock tor authority on loopback judges what we write, and we judge what it writes.
@Suite struct StockAuthorityTests {
    @Test("A stock authority takes our descriptor, lists our relay, and makes the microdescriptor that we make", .timeLimit(.minutes(8)))
    func stockAuthority() throws {
        let authority = try StockAuthority()
        defer { authority.stop() }
        let own = try authority.wait(seconds: 120) { try? RouterDescriptor(authority.get("/tor/server/authority")) }
        #expect(own.nickname == "auth" && own.refusal(at: own.published, demands: .init(allowsPrivateAddresses: true)) == nil)

        let now = SystemTime().wall
        let relay = SampleRelay(now: now)
        var content = relay.content(now: now)
        content.policy = try ExitPolicy(torrc: "reject 10.0.0.0/8:*,accept *:80,accept *:443,reject *:*")
        content.family = ["Friend", "$" + String(repeating: "ab", count: 20)]
        let (descriptor, extraInfo) = try RouterDescriptor.make(content, keys: relay.keys)
        #expect(authority.post(descriptor.text + extraInfo.text).hasPrefix("200"), "\(authority.log)")
        #expect(authority.get("/tor/server/fp/\(descriptor.rsa)") == descriptor.text)

        try checkConsensus(authority, descriptor)
        let complaints = authority.log.split(separator: "\n").filter { $0.contains("mote1") || $0.contains("\(descriptor.rsa)") || $0.contains("[warn]") && $0.contains("descriptor") }
        #expect(complaints.isEmpty, "\(complaints)")
    }

    private func checkConsensus(_ authority: StockAuthority, _ descriptor: RouterDescriptor) throws {
        let (consensus, entry) = try authority.wait(seconds: 180) { () -> (Consensus, ConsensusEntry)? in
            guard let consensus = try? Consensus(authority.get("/tor/status-vote/current/consensus-microdesc")) else { return nil }
            return consensus.entries.first { $0.rsa == descriptor.rsa }.map { (consensus, $0) }
        }
        #expect(entry.nickname == "mote1" && entry.flags.contains([.running, .valid, .v2Dir]) && entry.protocols == descriptor.protocols)
        let certificates = try DocumentBundle.certificates(authority.get("/tor/keys/all")).map { try KeyCertificate($0) }
        let verification = consensus.verify(certificates: certificates, authorities: [try #require(RSAIdentity(hex: authority.identity))], now: consensus.validAfter)
        #expect(verification.isSufficient && verification.bad.isEmpty)
        let made = try #require(Microdescriptor.make(from: descriptor, method: consensus.method))
        #expect(entry.microdescriptorDigest == made.digest)
        #expect(String(decoding: authority.get("/tor/micro/d/\(made.digestText)"), as: UTF8.self) == String(decoding: made.text, as: UTF8.self))
        // A new one is being voted on meanwhile, and asked at that moment an authority may have none of this flavour.
        let ns = try authority.wait(seconds: 60) { try? Consensus(authority.get("/tor/status-vote/current/consensus")) }
        #expect(ns.entries.first { $0.rsa == descriptor.rsa }?.policy == descriptor.policy.summary())
        #expect(ns.verify(certificates: certificates, authorities: [try #require(RSAIdentity(hex: authority.identity))], now: ns.validAfter).isSufficient)
    }
}

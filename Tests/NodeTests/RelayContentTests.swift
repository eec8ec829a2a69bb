import Ambience
import Directory
import Sealing
import Testing
import Torrc

@testable import Node

@Suite("What a relay says of itself")
struct RelayContentTests {
    private func content(_ text: String, orPorts: [UInt16] = [9001], dirPorts: [UInt16] = []) throws -> RelayContent {
        let configuration = try configuration(text)
        return RelayContent(configuration: configuration, address: try OwnAddress.of(configuration.relay, orPorts: orPorts, dirPorts: dirPorts))
    }

    private func descriptor(_ content: RelayContent, observed: UInt64 = 0, isHibernating: Bool = false, life: LifeSpan? = nil) throws -> RouterDescriptor {
        let scratch = try Scratch()
        let keys = try KeyRing(DataDirectory(path: scratch.path), now: noon)
        let said = content.descriptor(at: noon + 60, upSince: noon, observed: observed, isHibernating: isHibernating, life: life)
        return try RouterDescriptor.make(said, keys: keys.descriptorKeys).descriptor
    }

    @Test("a plain relay's descriptor is one that an authority takes")
    func plain() throws {
        let made = try descriptor(content("ORPort 9001\nAddress 198.51.100.7\nNickname anna\nContactInfo me\nDirPort 9030", dirPorts: [9030]))
        #expect(made.refusal(at: noon + 60, demands: .init()) == nil)
        #expect(made.nickname == "anna" && made.address4 == SocketAddress("198.51.100.7:9001") && made.dirPort == 9030)
        #expect(made.policy.isRejectAll(isIPv4: true) && made.isTunnelledDirectory && made.isHiddenServiceDirectory && made.uptimeSeconds == 60 && made.contact == "me")
        #expect(made.expires == nil && !made.isHibernating)
        #expect(made.platform?.hasPrefix("Tor ") == false, "authorities would take it for a version of stock tor")
    }

    @Test("a mote's descriptor carries its end, and a draining one hibernates")
    func mote() throws {
        let options = try configuration("MoteLifetime 1 hour").mote
        let life = LifeSpan(options, startedAt: noon, .zero)
        let made = try descriptor(content("ORPort 9001\nAddress 198.51.100.7"), isHibernating: true, life: life)
        #expect(made.expires == noon + 3600 && made.isHibernating)
        #expect(String(decoding: made.text, as: UTF8.self).contains("\ndust-expires 2027-01-31 13:00:00\n"))
    }

    @Test("an exit refuses private networks unless told otherwise, and ExitRelay 0 refuses everything")
    func exits() throws {
        let web = IPAddress("192.0.2.1")!
        let loopback = IPAddress("127.0.0.1")!
        let exit = try content("ORPort 9001\nAddress 198.51.100.7\nExitPolicy accept *:80, reject *:*").policy
        #expect(exit.allows(web, 80) && !exit.allows(web, 81) && !exit.allows(loopback, 80) && !exit.allows(IPAddress("198.51.100.7")!, 80))
        #expect(try content("ORPort 9001\nAddress 198.51.100.7\nExitRelay 1\nExitPolicyRejectPrivate 0\nExitPolicy accept *:*").policy.allows(loopback, 80))
        #expect(try content("ORPort 9001\nAddress 198.51.100.7\nExitRelay 0\nExitPolicy accept *:*").policy.isRejectAll)
        #expect(try content("ORPort 9001\nAddress 198.51.100.7").policy.isRejectAll, "nobody becomes an exit by saying nothing")
    }

    @Test("the address is Address or the one an ORPort is bound to; a port that is not advertised is not told")
    func addresses() throws {
        #expect(try content("ORPort 203.0.113.5:9001").address.ip == IPAddress("203.0.113.5"))
        let two = try content("ORPort 9001 NoAdvertise\nORPort 9002 NoListen\nAddress 198.51.100.7", orPorts: [9001, 9002])
        #expect(two.address.orPort == 9002)
        let six = try content("ORPort 198.51.100.7:9001\nORPort [2001:db8::1]:9003", orPorts: [9001, 9003])
        #expect(six.address.ipv6 == SocketAddress("[2001:db8::1]:9003"))
        for text in ["ORPort 9001", "ORPort 0.0.0.0:9001", "ORPort 9001 NoAdvertise\nAddress 198.51.100.7"] {
            let failure = #expect(throws: NodeFailure.self) { try content(text) }
            #expect(failure?.kind == .configuration)
        }
    }

    @Test("bandwidth is what was seen, never more than the rate, and before it was measured no less than every machine has")
    func bandwidth() throws {
        let made = try content("ORPort 203.0.113.5:9001\nRelayBandwidthRate 1 MB\nRelayBandwidthBurst 2 MB\nMaxAdvertisedBandwidth 3 MB")
        #expect(made.observed(0, isMeasured: false) == 128 << 10 && made.observed(500_000, isMeasured: false) == 500_000)
        #expect(made.observed(9 << 20, isMeasured: true) == 1 << 20 && made.observed(1000, isMeasured: true) == 1000)
        let bandwidth = try descriptor(made, observed: 500_000).bandwidth
        #expect(bandwidth == RouterDescriptor.Bandwidth(rate: 1 << 20, burst: 2 << 20, observed: 500_000))
    }

    @Test("a bridge's descriptor says how it may be handed out; it is no exit, has no DirPort and no family")
    func bridge() throws {
        let text = "Address 192.0.2.1\nORPort 9001\nBridgeRelay 1\nBridgeDistribution Email\nDirPort 80\nMyFamily abc\nExitRelay 1"
        let descriptor = try descriptor(content(text))
        #expect(String(decoding: descriptor.text, as: UTF8.self).contains("\nbridge-distribution-request email\n"))
        #expect(descriptor.policy.isRejectAll(isIPv4: true) && descriptor.dirPort == 0 && descriptor.family.isEmpty && descriptor.isTunnelledDirectory)
    }
}

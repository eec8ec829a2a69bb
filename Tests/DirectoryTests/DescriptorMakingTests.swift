import Ambience
import Sealing
import Testing

@testable import Directory

@Suite struct DescriptorMakingTests {
    private let now = SystemTime().wall

    @Test("What we write is what we read, expiry and hibernation with it")
    func roundTrip() throws {
        let relay = SampleRelay(now: now)
        var content = relay.content(now: now)
        content.isHibernating = true
        content.isHiddenServiceDirectory = true
        content.dirPort = 9030
        content.uptimeSeconds = 77
        content.ipv6 = SocketAddress("[2001:db8::1]:9001")
        content.family = ["friend", "$0123456789ABCDEF0123456789ABCDEF01234567"]
        content.policy = ExitPolicy(ExitPolicyOptions(isExit: true, rules: try ExitPolicy(torrc: "accept *:80,accept *:443-500,reject *:*"), allowsIPv6: true))
        let (descriptor, extraInfo) = try RouterDescriptor.make(content, keys: relay.keys)
        #expect(try RouterDescriptor(descriptor.text) == descriptor)
        try extraInfo.verify(for: descriptor)
        #expect(descriptor.nickname == "mote1" && descriptor.dirPort == 9030 && descriptor.uptimeSeconds == 77 && descriptor.isHibernating)
        #expect(descriptor.expires == now + 3600 && descriptor.published == now && descriptor.contact == "somebody@example.org")
        #expect(descriptor.ipv6 == content.ipv6 && descriptor.family == content.family && descriptor.bandwidth == content.bandwidth)
        #expect(descriptor.protocols == content.protocols && descriptor.isTunnelledDirectory && !descriptor.cachesExtraInfo)
        #expect(descriptor.policy.summary().description == "accept 80,443-500" && descriptor.ipv6Policy?.description == "accept 80,443-500")
        #expect(descriptor.refusal(at: now, demands: .init(allowsPrivateAddresses: true)) == nil)
    }

    @Test("The lines stand in stock's order, the expiry right before the signatures")
    func lineOrder() throws {
        let relay = SampleRelay(now: now)
        var content = relay.content(now: now)
        content.isHibernating = true
        content.isHiddenServiceDirectory = true
        content.market = [UInt8](repeating: 9, count: 32)
        content.mix = MixLine(publicKey: [UInt8](repeating: 7, count: 32), hasBoxes: true, isExit: false)
        let made = try RouterDescriptor.make(content, keys: relay.keys).descriptor
        #expect(try RouterDescriptor(made.text).market == content.market)
        #expect(try RouterDescriptor(made.text).mix == content.mix)
        let text = String(decoding: made.text, as: UTF8.self)
        #expect(throws: DocumentError.self) { try RouterDescriptor(Array(text.replacing("dust-market 09", with: "dust-market 0x").utf8)) }
        #expect(throws: DocumentError.self) { try RouterDescriptor(Array(text.replacing("dust-mix 07", with: "dust-mix 0x").utf8)) }
        let keywords = try NetDocument(made.text, limitBytes: 20_000).items.map(\.keyword)
        #expect(keywords == [
            "router", "identity-ed25519", "master-key-ed25519", "platform", "proto", "published", "fingerprint", "uptime", "bandwidth", "extra-info-digest", "onion-key",
            "signing-key", "onion-key-crosscert", "ntor-onion-key-crosscert", "hibernating", "hidden-service-dir", "contact", "ntor-onion-key", "reject",
            "tunnelled-dir-server", "dust-market", "dust-mix", "dust-expires", "router-sig-ed25519", "router-signature",
        ])
    }

    @Test("What no authority would take is not even made", arguments: ["", "bad name", "with-dash", "averyveryverylongname"])
    func refusesBadContent(_ nickname: String) {
        let relay = SampleRelay(now: now)
        var content = relay.content(now: now)
        content.nickname = nickname
        #expect(throws: DocumentError.self) { _ = try RouterDescriptor.make(content, keys: relay.keys) }
    }
}

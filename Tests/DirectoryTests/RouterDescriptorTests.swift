import Ambience
import Bytes
import Sealing
import Testing

@testable import Directory

@Suite struct RouterDescriptorTests {
    @Test("Stock's minimal and maximal descriptors are accepted with all they say")
    func acceptsGoodOnes() throws {
        let documents = try Vectors.documents("router_descriptors.json")
        let minimal = try RouterDescriptor(#require(documents["EX_RI_MINIMAL"]).bytes)
        #expect(minimal.nickname == "fred")
        #expect(minimal.dirPort == 9002)
        let maximal = try RouterDescriptor(#require(documents["EX_RI_MAXIMAL"]).bytes)
        #expect(maximal.ipv6 == SocketAddress("[::1:2:3:4]:9999"))
        #expect(maximal.family.count == 2)
        #expect(maximal.uptimeSeconds == 1000)
        #expect(maximal.ipv6Policy?.description == "accept 80,100-101" || maximal.ipv6Policy?.description == "accept 80,100,101")
        #expect(maximal.policy.descriptorLines == ["reject 127.0.0.1:*", "accept *:80", "reject *:*"])
        #expect(maximal.version == "Tor 0.2.4.23")
        #expect(maximal.isHiddenServiceDirectory && maximal.cachesExtraInfo && !maximal.isTunnelledDirectory && !maximal.isHibernating)
    }

    @Test("Each of stock's failing descriptors is refused")
    func refusesBadOnes() throws {
        let bad = try Vectors.documents("router_descriptors.json").filter { $0.key != "EX_RI_MINIMAL" && $0.key != "EX_RI_MAXIMAL" }
        #expect(bad.count == 31)
        for (name, text) in bad {
            #expect(throws: DocumentError.self, "\(name)") { _ = try RouterDescriptor(text.bytes) }
        }
    }

    @Test("Arti's samples are accepted and its failing ones refused")
    func artiSamples() throws {
        for name in ["routerdesc1.txt", "routerdesc3.txt"] {
            let descriptor = try RouterDescriptor(Vectors.bytes("netdoc/" + name))
            #expect(descriptor.familyIDs.count == (name == "routerdesc3.txt" ? 2 : 0))
        }
        for name in try Vectors.names(in: "netdoc/bad-routerdesc") {
            #expect(throws: DocumentError.self, "\(name)") { _ = try RouterDescriptor(Vectors.bytes("netdoc/bad-routerdesc/" + name)) }
        }
    }

    @Test("The descriptors of a real network verify, and so do their extra-infos and microdescriptors")
    func realNetwork() throws {
        let descriptors = try DocumentBundle.relayDocuments(Vectors.bytes("testnet-4auth/cached-descriptors.new")).map { try RouterDescriptor($0) }
        let extraInfos = try DocumentBundle.relayDocuments(Vectors.bytes("testnet-4auth/cached-extrainfo.new")).map { try ExtraInfo($0) }
        #expect(descriptors.count > 7)
        #expect(Set(descriptors.map(\.digest)).count > 7)
        for extraInfo in extraInfos {
            let descriptor = try #require(descriptors.first { $0.extraInfoSHA1 == extraInfo.sha1 })
            try extraInfo.verify(for: descriptor)
        }
        let made = Set(descriptors.compactMap { Microdescriptor.make(from: $0, method: 35) }.map(\.digestText))
        for text in try DocumentBundle.microdescriptors(Vectors.bytes("testnet-4auth/cached-microdescs.new")) {
            #expect(made.contains(try Microdescriptor(text).digestText))
        }
    }

    @Test("An authority refuses what is too old, too new, private or without a proto line")
    func refusals() throws {
        let descriptors = try DocumentBundle.relayDocuments(Vectors.bytes("testnet-4auth/cached-descriptors.new")).map { try RouterDescriptor($0) }
        let descriptor = try #require(descriptors.first)
        let demands = RouterDescriptor.Demands(allowsPrivateAddresses: true)
        #expect(descriptor.refusal(at: descriptor.published, demands: demands) == nil)
        #expect(descriptor.refusal(at: descriptor.published + 86401, demands: demands) != nil)
        #expect(descriptor.refusal(at: descriptor.published - 43201, demands: demands) != nil)
        #expect(descriptor.refusal(at: descriptor.published, demands: .init())?.contains("Private") == true)
        var poor = descriptor
        poor.protocolsText = nil
        #expect(poor.refusal(at: poor.published, demands: demands)?.contains("proto") == true)
        poor = descriptor
        poor.onionKey = nil
        #expect(poor.refusal(at: poor.published, demands: demands) == "Missing TAP key in descriptor.")
        for (platform, isFine) in [("Tor 0.4.7.16 on Linux", false), ("Tor x on Linux", false), ("Tor 0.4.9.11 on Linux", true), ("dust-mote 0.1", true)] {
            poor = descriptor
            poor.platform = platform
            #expect((poor.refusal(at: poor.published, demands: demands) == nil) == isFine, "\(platform)")
        }
    }
}

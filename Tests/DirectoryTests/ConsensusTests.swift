import Ambience
import Bytes
import Sealing
import Testing

@testable import Directory

@Suite struct ConsensusTests {
    private let now = WallTime(secondsSinceEpoch: 946_684_900)

    private func certificates() throws -> [KeyCertificate] {
        try DocumentBundle.certificates(Vectors.bytes("testnet-4auth/cached-certs")).map { try KeyCertificate($0) }
    }

    @Test("Both flavours of a real consensus verify with the authorities' certificates", arguments: ["cached-consensus", "cached-microdesc-consensus"])
    func verifies(_ name: String) throws {
        let consensus = try Consensus(Vectors.bytes("testnet-4auth/" + name))
        let authorities = Set(try certificates().map(\.identity))
        #expect(authorities.count == 4)
        let result = consensus.verify(certificates: try certificates(), authorities: authorities, now: now)
        #expect(result.valid == authorities && result.isSufficient && result.missing.isEmpty && result.bad.isEmpty)
        #expect(result.needed == 3)
    }

    @Test("A consensus says all it should")
    func content() throws {
        let ns = try Consensus(Vectors.bytes("testnet-4auth/cached-consensus"))
        let microdesc = try Consensus(Vectors.bytes("testnet-4auth/cached-microdesc-consensus"))
        #expect(ns.flavour == .ns && microdesc.flavour == .microdesc)
        #expect(ns.method == 35 && ns.entries.count == 7 && ns.sources.count == 4)
        #expect(ns.weights["Wgg"] == 10000)
        #expect(ns.requiredRelayProtocols.supports("Relay", 4))
        #expect(ns.entries.map(\.rsa) == microdesc.entries.map(\.rsa))
        #expect(ns.entries.allSatisfy { $0.policy != nil && $0.descriptorDigest != nil && $0.microdescriptorDigest == nil })
        #expect(microdesc.entries.allSatisfy { $0.policy == nil && $0.descriptorDigest == nil && $0.microdescriptorDigest?.count == 32 })
        let entry = try #require(ns.entries.last)
        #expect(entry.nickname == "test001a" && entry.isUnmeasured && entry.bandwidth == 73 && entry.version == "Tor 0.4.9.6")
        #expect(entry.flags.sortedNames == ["Authority", "Exit", "Fast", "Guard", "HSDir", "Running", "Stable", "V2Dir", "Valid"])
        #expect(entry.protocols.supports("Conflux", 1) && entry.expires == nil)
    }

    @Test("The certificate of the network's first authority is a consensus signer's")
    func certificate() throws {
        let certificate = try KeyCertificate(Vectors.bytes("testnet-4auth/keys-authority_certificate"))
        #expect(certificate.identity.description == "D190BF3B00E311A9AEB6D62B51980E9B2109BAD1")
        #expect(certificate.signingKeyDigest.hex == "BCBEAE4B72FB9562CD97C7C3C51F6266951E9917")
    }

    @Test("One wrong byte, one missing certificate or an unknown authority takes a signature away")
    func signaturesCount() throws {
        let bytes = try Vectors.bytes("testnet-4auth/cached-consensus")
        let known = try certificates()
        let authorities = Set(known.map(\.identity))
        let changed = String(decoding: bytes, as: UTF8.self).replacing("Bandwidth=73", with: "Bandwidth=74")
        let forged = try Consensus(changed.bytes).verify(certificates: known, authorities: authorities, now: now)
        #expect(forged.valid.isEmpty && forged.bad == authorities && !forged.isSufficient && !forged.isHopeful)
        let consensus = try Consensus(bytes)
        let partial = consensus.verify(certificates: Array(known.prefix(2)), authorities: authorities, now: now)
        #expect(partial.valid.count == 2 && partial.missing.count == 2 && !partial.isSufficient && partial.isHopeful)
        let strangers = consensus.verify(certificates: known, authorities: [], now: now)
        #expect(!strangers.isSufficient && strangers.valid.isEmpty)
        let expired = consensus.verify(certificates: known, authorities: authorities, now: now + 2 * 366 * 86400)
        #expect(expired.missing.count == 4)
    }

    @Test("An expiry after the w line is carried, and a broken one refused")
    func expiry() throws {
        let text = String(decoding: try Vectors.bytes("testnet-4auth/cached-microdesc-consensus"), as: UTF8.self)
        let line = "w Bandwidth=73 Unmeasured=1\n"
        let consensus = try Consensus(text.replacing(line, with: line + "dust-expires 2027-01-31 12:00:00\n").bytes)
        #expect(consensus.entries.compactMap(\.expires) == [WallTime("2027-01-31 12:00:00")])
        #expect(throws: DocumentError.self) { _ = try Consensus(text.replacing(line, with: line + "dust-expires soon\n").bytes) }
    }

    @Test("A relay is found by its identity, a stranger is not")
    func lookup() throws {
        let consensus = try Consensus(Vectors.bytes("testnet-4auth/cached-consensus"))
        for entry in consensus.entries { #expect(consensus.entry(of: entry.rsa) == entry) }
        for byte: UInt8 in [0, 0x30, 0x80, 0xFF] { #expect(consensus.entry(of: try #require(RSAIdentity([UInt8](repeating: byte, count: 20)))) == nil) }
    }

    @Test("Broken consensuses are refused")
    func broken() throws {
        _ = try Consensus(Vectors.bytes("netdoc/mdconsensus1.txt"))
        for name in try Vectors.names(in: "netdoc/bad-mdconsensus") {
            #expect(throws: DocumentError.self, "\(name)") { _ = try Consensus(Vectors.bytes("netdoc/bad-mdconsensus/" + name)) }
        }
    }
}

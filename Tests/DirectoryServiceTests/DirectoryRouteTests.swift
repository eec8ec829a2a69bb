import Bytes
import DirectoryService
import Sealing
import Testing

@Suite("Directory routes")
struct DirectoryRouteTests {
    private static let hex = "0B8997614EC647C1C6B6A044E2B5408F0B823FB0"
    private static let digest = Digest20(Hex.decode(hex)!)!
    private static let identity = RSAIdentity(hex: hex)!

    @Test("a consensus is asked for by flavour and signers")
    func consensus() {
        #expect(DirectoryRoute(path: "/tor/status-vote/current/consensus") == .consensus(isMicrodesc: false, signers: []))
        #expect(DirectoryRoute(path: "/tor/status-vote/current/consensus.z") == .consensus(isMicrodesc: false, signers: []))
        #expect(
            DirectoryRoute(path: "/tor/status-vote/current/consensus-microdesc/0B8997+5B591A.z")
                == .consensus(isMicrodesc: true, signers: [[0x0B, 0x89, 0x97], [0x5B, 0x59, 0x1A]]))
        #expect(DirectoryRoute(path: "/tor/status-vote/current/consensus-other") == .other("/tor/status-vote/current/consensus-other"))
        #expect(DirectoryRoute(path: "/tor/status-vote/next/consensus") == .other("/tor/status-vote/next/consensus"))
    }

    @Test("documents are asked for by digest, fingerprint or all at once")
    func documents() {
        let micro = Base64.encode([UInt8](repeating: 0xFB, count: 32), padded: false)
        #expect(DirectoryRoute(path: "/tor/micro/d/\(micro)-\(micro)") == .microdescriptors([[UInt8]](repeating: [UInt8](repeating: 0xFB, count: 32), count: 2)))
        #expect(DirectoryRoute(path: "/tor/server/all") == .descriptors(.all))
        #expect(DirectoryRoute(path: "/tor/server/authority.z") == .descriptors(.own))
        #expect(DirectoryRoute(path: "/tor/server/fp/\(Self.hex)") == .descriptors(.fingerprints([Self.identity])))
        #expect(DirectoryRoute(path: "/tor/server/d/\(Self.hex)+\(Self.hex)") == .descriptors(.digests([Self.digest, Self.digest])))
        #expect(DirectoryRoute(path: "/tor/extra/d/\(Self.hex)") == .extraInfos(.digests([Self.digest])))
        #expect(DirectoryRoute(path: "/tor/keys/all") == .certificates(.all))
        #expect(DirectoryRoute(path: "/tor/keys/authority") == .certificates(.own))
        #expect(DirectoryRoute(path: "/tor/keys/fp/\(Self.hex)") == .certificates(.identities([Self.identity])))
        #expect(DirectoryRoute(path: "/tor/keys/sk/\(Self.hex)") == .certificates(.signingKeys([Self.digest])))
        #expect(
            DirectoryRoute(path: "/tor/keys/fp-sk/\(Self.hex)-\(Self.hex)")
                == .certificates(.pairs([CertificateName(identity: Self.identity, signingKey: Self.digest)])))
    }

    @Test("malformed names are left out, unknown paths stay as they are")
    func malformed() {
        #expect(DirectoryRoute(path: "/tor/micro/d/abc-!!-") == .microdescriptors([]))
        #expect(DirectoryRoute(path: "/tor/server/d/zz+\(Self.hex)+0") == .descriptors(.digests([Self.digest])))
        #expect(DirectoryRoute(path: "/tor/keys/fp-sk/\(Self.hex)") == .certificates(.pairs([])))
        #expect(DirectoryRoute(path: "/tor/status-vote/current/consensus/\(Self.hex)00") == .consensus(isMicrodesc: false, signers: []))
        for path in ["/tor/server/", "/tor/server/none", "/tor/hs/3/x"] { #expect(DirectoryRoute(path: path) == .other(path)) }
        for path in ["/tor/keys/", "/tor/keys/none"] { #expect(DirectoryRoute(path: path) == .malformed) }
        #expect(DirectoryRoute(path: "/tor/status-vote/current/consensus/diff/00/\(Self.hex)") == .other("/tor/status-vote/current/consensus/diff/00/\(Self.hex)"))
    }

    @Test("a path outside /tor/ is one inside; at the root are pages for browsers")
    func pages() {
        #expect(DirectoryRoute(path: "/server/all") == .descriptors(.all))
        for path in ["", "/", ".z", "/tor/"] { #expect(DirectoryRoute(path: path) == .frontPage) }
        #expect(DirectoryRoute(path: "/tor") == .other("/tor/tor"))
        #expect(DirectoryRoute(path: "/robots.txt") == .robots)
    }

    @Test("a diff is asked for by the digest of its base, before the signers")
    func diffs() {
        let base = [UInt8](repeating: 0xAB, count: 32)
        #expect(
            DirectoryRoute(path: "/tor/status-vote/current/consensus-microdesc/diff/\(Hex.upper(base))/0B8997+5B591A")
                == .consensus(isMicrodesc: true, base: base, signers: [[0x0B, 0x89, 0x97], [0x5B, 0x59, 0x1A]]))
        #expect(DirectoryRoute(path: "/tor/status-vote/current/consensus/diff/\(Hex.upper(base))") == .consensus(isMicrodesc: false, base: base, signers: []))
    }

    @Test("a fetch asks for what the server understands")
    func fetchPaths() {
        let pair = CertificateName(identity: Self.identity, signingKey: Self.digest)
        let cases: [(FetchRequest, DirectoryRoute)] = [
            (.consensus(isMicrodesc: true), .consensus(isMicrodesc: true, signers: [[0x0B, 0x89, 0x97]])),
            (.documents(.certificate, [DocumentName(pair)]), .certificates(.pairs([pair]))),
            (.documents(.microdescriptor, [DocumentName(.microdescriptor, [UInt8](repeating: 7, count: 32))]), .microdescriptors([[UInt8](repeating: 7, count: 32)])),
            (.documents(.descriptor, [DocumentName(.descriptor, Self.digest.bytes)]), .descriptors(.digests([Self.digest]))),
            (.documents(.extraInfo, [DocumentName(.extraInfo, Self.digest.bytes)]), .extraInfos(.digests([Self.digest]))),
        ]
        for (request, route) in cases { #expect(DirectoryRoute(path: request.path(signers: [Self.digest.bytes])) == route) }
    }
}

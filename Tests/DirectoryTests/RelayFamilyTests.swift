import Sealing
import Testing

@testable import Directory

@Suite struct RelayFamilyTests {
    private let hex = "0123456789abcdef0123456789ABCDEF01234567"

    @Test("Members have one canonical form each, sorted, the relay itself among them")
    func canonical() throws {
        let own = try #require(RSAIdentity(hex: String(repeating: "F", count: 40)))
        let members = ["$\(hex)=Nick", "Zebra", hex, "$\(hex)~x", "apple", "$" + String(repeating: "f", count: 40)]
        #expect(RelayFamily.canonical(members, own: own) == "$\(hex.uppercased()) $\(own) apple zebra")
    }

    @Test("What is neither a nickname nor an identity is no member", arguments: ["", "$", "$12", "bad-name", "averyveryverylongname", "$0123456789abcdef0123456789ABCDEF01234567=", "$0123456789abcdef0123456789ABCDEF01234567!x", "$0123456789abcdef0123456789ABCDEF0123456Z"])
    func illegal(_ text: String) { #expect(FamilyMember(text) == nil) }
}

@Suite struct TorVersionTests {
    @Test("Versions are ordered by number, then by status")
    func order() throws {
        let versions = try ["0.4.8.0-alpha-dev", "0.4.8.1-alpha", "0.4.8.9", "0.4.8.10", "0.4.9.1-alpha", "0.4.9.11", "0.5.0.0-alpha-dev"].map { try #require(TorVersion($0)) }
        #expect(versions == versions.sorted() && Set(versions).count == versions.count)
        #expect(TorVersion("0.4.9") == TorVersion("0.4.9.0"))
    }

    @Test("What is no version is none", arguments: ["", "0.4", "0.4.9.1.1", "0.4.x.1", "-alpha", "0.4.9.-1", "0..4.9"])
    func malformed(_ text: String) { #expect(TorVersion(text) == nil) }
}

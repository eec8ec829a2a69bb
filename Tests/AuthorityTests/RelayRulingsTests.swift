import Authority
import Sealing
import Testing

struct RelayRulingsTests {
    @Test("Rulings name relays by either identity; other lines say nothing")
    func parsing() throws {
        let rsa = try #require(RSAIdentity([UInt8](repeating: 1, count: 20)))
        let other = try #require(RSAIdentity([UInt8](repeating: 2, count: 20)))
        let ed25519 = try #require(Ed25519Identity([UInt8](repeating: 3, count: 32)))
        let none = try #require(Ed25519Identity([UInt8](repeating: 4, count: 32)))
        let rulings = RelayRulings("# a comment\n!reject \(rsa)\r\n!BadExit 0101 \("\(rsa)".dropFirst(4))\n!middleonly \(ed25519)\n!nonsense \(other)\n!reject zz\nnickname \(other)\n")
        #expect(rulings.rulings(about: rsa, none) == [.reject, .badExit])
        #expect(rulings.rulings(about: other, ed25519) == [.middleOnly])
        #expect(rulings.rulings(about: other, none) == [])
        #expect(rulings.kinds == [.reject, .badExit, .middleOnly])
        #expect(RelayRulings.load("/nonexistent/approved-routers") == RelayRulings())
    }
}

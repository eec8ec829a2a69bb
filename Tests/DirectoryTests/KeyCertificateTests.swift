import Ambience
import Sealing
import Testing

@testable import Directory

@Suite struct KeyCertificateTests {
    @Test("Certificates of real authorities verify, broken ones are refused")
    func samples() throws {
        for text in try DocumentBundle.certificates(Vectors.bytes("netdoc/authcerts2.txt")) + [Vectors.bytes("netdoc/authcert1.txt")] { _ = try KeyCertificate(text) }
        for name in try Vectors.names(in: "netdoc/bad-certs") {
            #expect(throws: DocumentError.self, "\(name)") { _ = try KeyCertificate(Vectors.bytes("netdoc/bad-certs/" + name)) }
        }
    }

    @Test("A certificate that we make says what we asked for")
    func making() throws {
        let identity = RSAKey.generate(bits: 3072)
        let signing = RSAKey.generate(bits: 2048)
        let published = try #require(WallTime("2026-11-21 08:00:00"))
        let address = try #require(SocketAddress("127.0.0.1:7100"))
        let made = try KeyCertificate.make(identityKey: identity, signingKey: signing, address: address, published: published, expires: published + 86400 * 365)
        #expect(made.identity.bytes == identity.publicKey.fingerprint)
        #expect(made.signingKeyDigest.bytes == signing.publicKey.fingerprint)
        #expect(made.address == address && made.published == published && made.expires == published + 86400 * 365)
        #expect(try KeyCertificate(made.text) == made)
    }
}

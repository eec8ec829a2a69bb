import Ambience
import Bytes
import Sealing
import Testing

@Suite("Certificates")
struct CertificateTests {
    private static let then = WallTime("2020-09-25 02:13:20")!

    @Test("of a real relay verify, and stop when they expire")
    func published() throws {
        let file = try Vectors.load("certs")
        let master = try file.bytes("type4_identity_key")
        let signing = try TorCertificate(try file.bytes("type4_signing_cert"))
        #expect(signing.kind == TorCertificate.Kind.signingKey && signing.signingKey == master)
        #expect(signing.subject == (try file.bytes("type4_subject_signing_key")))
        #expect(signing.expires == WallTime("2020-10-26 18:00:00"))
        try signing.verify(signer: master, now: Self.then)
        #expect(throws: TorCertificateError.expired) { try signing.verify(signer: master, now: signing.expires) }
        #expect(throws: TorCertificateError.wrongSigner) { try signing.verify(signer: signing.subject, now: Self.then) }

        let link = try TorCertificate(try file.bytes("type5_link_cert"))
        try link.verify(signer: signing.subject, now: Self.then)
        #expect(link.kind == TorCertificate.Kind.tlsLink && link.keyType == 3)
        #expect(link.subject == (try file.bytes("type5_tls_cert_sha256")))
        #expect(throws: TorCertificateError.badSignature) { try link.verify(signer: master, now: Self.then) }
    }

    @Test("by which an RSA identity vouches for an Ed25519 identity verify for that RSA key only")
    func cross() throws {
        let file = try Vectors.load("certs").object("crosscert")
        let certificate = try #require(RSACrossCertificate(try file.bytes("cert")))
        let key = try #require(RSAPublicKey(der: try file.bytes("rsa_public_key_der")))
        let wrong = try #require(RSAPublicKey(der: try file.bytes("wrong_rsa_public_key_der")))
        #expect(certificate.ed25519Key == (try file.bytes("ed25519_identity")))
        #expect(certificate.isValid(signer: key, now: Self.then) && !certificate.isValid(signer: wrong, now: Self.then))
        #expect(!certificate.isValid(signer: key, now: WallTime("2036-01-01 00:00:00")!))
    }

    @Test("that we make are those that we read")
    func made() throws {
        let (signer, rsa) = (Ed25519Key(), RSAKey.generate(bits: 1024))
        for includesSigner in [true, false] {
            let made = TorCertificate.make(
                kind: 4, subject: Ed25519Key().publicKey, expires: Self.then + 100, signer: signer, includeSigner: includesSigner)
            #expect(try TorCertificate(made.encoded) == made)
            try made.verify(signer: signer.publicKey, now: Self.then + 99)
        }
        let cross = RSACrossCertificate.make(ed25519Key: signer.publicKey, expires: Self.then + 100, signer: rsa)
        #expect(RSACrossCertificate(cross.encoded) == cross && cross.isValid(signer: rsa.publicKey, now: Self.then))
    }

    @Test("with any byte changed or missing are refused or do not verify")
    func damaged() throws {
        let file = try Vectors.load("certs")
        let (bytes, master) = (try file.bytes("type4_signing_cert"), try file.bytes("type4_identity_key"))
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x41
            #expect(throws: TorCertificateError.self) { try TorCertificate(damaged).verify(signer: master, now: Self.then) }
            #expect(throws: TorCertificateError.self) { try TorCertificate(Array(bytes[..<index])) }
        }
        #expect(throws: TorCertificateError.self) { try TorCertificate(bytes + [0]) }
        let cross = try file.object("crosscert").bytes("cert")
        for index in cross.indices { #expect(RSACrossCertificate(Array(cross[..<index])) == nil) }
    }

    @Test("for TLS are self-signed X.509 with our key in them")
    func x509() throws {
        let key = RSAKey.generate(bits: 1024)
        let der = X509Certificate.selfSigned(key, commonName: "www.example.net", notBefore: 1_600_000_000, notAfter: 1_700_000_000)
        let certificate = try #require(X509Certificate(der: der))
        #expect(certificate.isSelfSigned && certificate.rsaKey?.der == key.publicKey.der)
        #expect(certificate.notBefore == 1_600_000_000 && certificate.notAfter == 1_700_000_000)
        for index in stride(from: 0, to: der.count, by: 7) { #expect(X509Certificate(der: Array(der[..<index])) == nil) }
        var random = SeededRandom(seed: 31)
        for _ in 0..<300 {
            var damaged = der
            damaged[Int.random(in: der.indices, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            #expect(X509Certificate(der: damaged)?.isSelfSigned != true, "seed 31")
        }
    }
}

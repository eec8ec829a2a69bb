import Ambience
import Bytes
import Sealing
import Testing

@Suite("Digests and ciphers")
struct DigestTests {
    @Test("give the values of their standards")
    func standards() throws {
        let abc = Array("abc".utf8)
        #expect(Hex.lower(Digest.sha1(abc)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(Hex.lower(Digest.sha256(abc)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Hex.lower(Digest.sha512(abc)).hasPrefix("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2"))
        #expect(Hex.lower(Digest.sha3_256(abc)) == "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532")
        #expect(Hex.lower(Digest.sha512_256(abc)) == "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23")
        // RFC 4231, case 2.
        let long = Digest.hmacSHA256(key: [UInt8](repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        #expect(Hex.lower(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        let mac = Digest.hmacSHA256(key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8))
        #expect(Hex.lower(mac) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test("derive keys as the published vectors do")
    func keyDerivation() throws {
        let file = try Vectors.load("kdf")
        for vector in try file.list("kdf_tor_sha1") {
            #expect(Digest.kdfTor(secret: Array(try vector.text("input_ascii").utf8), count: 100) == (try vector.bytes("output")))
        }
        let ntor = try file.object("kdf_ntor_hkdf_sha256")
        for vector in try ntor.list("vectors") {
            let out = Digest.hkdfSHA256(
                secret: Array(try vector.text("ikm_ascii").utf8), salt: Array(try ntor.text("salt_ascii").utf8),
                info: Array(try ntor.text("info_ascii").utf8), count: 100)
            #expect(out == (try vector.bytes("output")))
        }
    }

    @Test("stretch a secret without extracting from it first (RFC 5869, appendix A.1)")
    func expansion() throws {
        let secret = try #require(Hex.decode("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"))
        let wanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        #expect(Hex.lower(Digest.expandSHA256(secret: secret, info: Array(0xf0...0xf9), count: 42)) == wanted)
    }

    @Test("ChaCha20's stream is that of the published zero key (draft-agl-tls-chacha20poly1305-04, section 7)")
    func chaCha() {
        let stream = ChaCha20.stream(key: [UInt8](repeating: 0, count: 32), count: 40)
        #expect(Hex.lower(stream) == "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d")
    }

    @Test("run on without being disturbed by a look at them, and can be copied and rolled back")
    func running() {
        let pieces = (0..<20).map { [UInt8](repeating: UInt8($0), count: $0 * 7) }
        var sha1 = RunningSHA1(seed: [1, 2, 3])
        var sha256 = RunningSHA256()
        var all: [UInt8] = []
        for piece in pieces {
            var spoiled = sha1
            spoiled.update([9])
            sha1.update(piece)
            sha256.update(piece)
            all += piece
            #expect(sha1.digest().bytes == Digest.sha1([1, 2, 3] + all))
            #expect(sha256.digest() == Digest.sha256(all))
        }
    }

    @Test("AES in counter mode runs on over pieces (NIST SP 800-38A, F.5.1)")
    func counterMode() throws {
        let key = try #require(Hex.decode("2b7e151628aed2a6abf7158809cf4f3c"))
        let iv = try #require(Hex.decode("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"))
        let plain = try #require(Hex.decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"))
        let cipher = AESCounter(key: key, iv: iv)
        var (head, tail) = (Array(plain[..<5]), Array(plain[5...]))
        cipher.apply(&head)
        cipher.apply(&tail)
        #expect(Hex.lower(head + tail) == "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff")
    }

    @Test("comparison sees every byte and the length")
    func equality() {
        #expect(Digest.equal([1, 2, 3], [1, 2, 3]))
        #expect(!Digest.equal([1, 2, 3], [1, 2, 4]) && !Digest.equal([1, 2], [1, 2, 3]) && !Digest.equal([0, 2, 3], [1, 2, 3]))
        let bytes: [UInt8] = [9, 1, 2, 3, 2]
        #expect(Digest.equal(bytes[1..<4], [1, 2, 3]) && Digest.equal(bytes[4...], bytes[2..<3]) && !Digest.equal(bytes[1..<4], bytes[2...]))
        #expect(Digest.equal(bytes.reversed()[1...], [3, 2, 1, 9]) && !Digest.equal([3, 2, 1, 8], bytes.reversed()[1...]) && Digest.equal([], bytes[5...]))
    }
}

@Suite("Keys")
struct KeyTests {
    @Test("Ed25519 keys, signatures and their curve25519 twins match tor's vectors")
    func ed25519Vectors() throws {
        for vector in try Vectors.list("ed25519_tor") {
            let key = Ed25519Key(seed: try vector.bytes("seed"))
            let publicKey = try vector.bytes("public")
            #expect(key.expanded.copy == (try vector.bytes("expanded_secret")))
            #expect(key.publicKey == publicKey)
            #expect(key.sign(publicKey) == (try vector.bytes("self_signature")))
            #expect(Ed25519.verify(try vector.bytes("self_signature"), of: publicKey, by: publicKey))
            #expect(Ed25519.isValidPoint(publicKey))
            let twin = try vector.bytes("curve25519_public")
            #expect(Ed25519.publicKey(fromCurve25519: twin, signBit: key.signBit) == publicKey)
            let agreement = try #require(Curve25519Key(secret: Array(key.expanded.copy[..<32])))
            #expect(agreement.publicKey == twin)
            #expect(Ed25519Key(fromCurve25519: agreement).publicKey == publicKey)
        }
    }

    @Test("a signature fails when anything about it changes")
    func signatures() {
        let key = Ed25519Key()
        let signature = key.sign([1, 2, 3])
        #expect(Ed25519.verify(signature, of: [1, 2, 3], by: key.publicKey))
        #expect(!Ed25519.verify(signature, of: [1, 2], by: key.publicKey))
        #expect(!Ed25519.verify(signature, of: [1, 2, 3], by: Ed25519Key().publicKey))
        #expect(!Ed25519.verify(signature.dropLast(), of: [1, 2, 3], by: key.publicKey))
        for index in 0..<64 {
            var wrong = signature
            wrong[index] ^= 1
            #expect(!Ed25519.verify(wrong, of: [1, 2, 3], by: key.publicKey))
        }
    }

    @Test("curve25519 agrees as RFC 7748 says, and refuses points of small order")
    func agreement() throws {
        let (alice, bob) = (Curve25519Key(), Curve25519Key())
        #expect(alice.agree(with: bob.publicKey) == bob.agree(with: alice.publicKey))
        let scalar = try #require(Curve25519Key(secret: Hex.decode("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")!))
        let point = try #require(Hex.decode("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
        #expect(scalar.agree(with: point).map { Hex.lower($0) } == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
        #expect(bob.agree(with: [UInt8](repeating: 0, count: 32)) == nil)
        #expect(bob.agree(with: [1] + [UInt8](repeating: 0, count: 31)) == nil)
        #expect(bob.agree(with: [1, 2, 3]) == nil && Curve25519Key(secret: [1]) == nil)
    }

    @Test("RSA keys sign bare digests and come back from their files")
    func rsa() throws {
        let key = RSAKey.generate(bits: 1024)
        let digest = Digest.sha256([7])
        let signature = key.sign(digest)
        #expect(key.publicKey.verify(signature, of: digest) && !key.publicKey.verify(signature, of: Digest.sha256([8])))
        #expect(!key.publicKey.verify([], of: digest) && !key.publicKey.verify(signature + [0], of: digest))
        let copy = try #require(RSAKey(pem: key.pem))
        #expect(copy.publicKey.der == key.publicKey.der && key.publicKey.bits == 1024 && key.publicKey.exponent == 65537)
        #expect(RSAPublicKey(der: key.publicKey.der)?.fingerprint == Digest.sha1(key.publicKey.der))
        #expect(RSAPublicKey(der: key.publicKey.der + [0]) == nil && RSAPublicKey(der: []) == nil && RSAKey(pem: [1]) == nil)
    }

    @Test("identities are read from the texts that people and documents use")
    func identities() throws {
        let text = "2F1FB49BB332A9EEC617E41E911C33FB3890AEF3"
        let identity = try #require(RSAIdentity(hex: text))
        #expect(identity.description == text)
        #expect(RSAIdentity(hex: "$" + text.lowercased()) == identity)
        #expect(RSAIdentity(hex: "2F1F B49B B332 A9EE C617 E41E 911C 33FB 3890 AEF3") == identity)
        #expect(RSAIdentity(hex: String(text.dropLast(2))) == nil && RSAIdentity([1]) == nil && Ed25519Identity([1]) == nil)
        #expect(RSAIdentity([UInt8](repeating: 0, count: 20))?.isZero == true && !identity.isZero)
    }

    @Test("secret bytes are kept and copied whole")
    func secrets() {
        let secret = SecretBytes([1, 2, 3])
        var copy = secret.copy
        #expect(copy == [1, 2, 3])
        copy.wipe()
        #expect(copy == [0, 0, 0] && secret.copy == [1, 2, 3])
        #expect(SecretBytes.random(32).copy != SecretBytes.random(32).copy)
        // More than one page of them, and one that is longer than a slot.
        let many = (0..<200).map { SecretBytes([UInt8](repeating: UInt8($0), count: $0 % 65)) } + [SecretBytes([UInt8](repeating: 9, count: 500))]
        #expect(many.dropLast().enumerated().allSatisfy { $0.element.copy == [UInt8](repeating: UInt8($0.offset), count: $0.offset % 65) })
        #expect(many[200].copy == [UInt8](repeating: 9, count: 500))
    }

    @Test("a box from a seed is the same each time, opens like any other, and shares nothing with the box of another message, key or seed")
    func seededBox() throws {
        let key = Curve25519Key(), other = Curve25519Key(), seed = [UInt8](repeating: 7, count: 32)
        let box = try #require(SealedBox.seal([1, 2, 3], to: key.publicKey, seed: seed))
        #expect(box.count == 3 + SealedBox.overheadBytes && SealedBox.seal([1, 2, 3], to: key.publicKey, seed: seed) == box)
        #expect(SealedBox.open(box, with: key) == [1, 2, 3] && SealedBox.open(box, with: other) == nil)
        let others = [SealedBox.seal([1, 2, 4], to: key.publicKey, seed: seed), SealedBox.seal([1, 2, 3], to: other.publicKey, seed: seed), SealedBox.seal([1, 2, 3], to: key.publicKey, seed: [8] + seed.dropFirst())]
        #expect(Set(others.compactMap { $0?.prefix(32) } + [box.prefix(32)]).count == 4)
        #expect(SealedBox.seal([1], to: [UInt8](repeating: 0, count: 32), seed: seed) == nil && SealedBox.seal([1], to: [1], seed: seed) == nil)
    }
}

internal import Bytes
internal import Sealing

/// The two signatures under a server descriptor or an extra-info document, and what they are over (dir-spec.txt 2.1.1).
struct RelaySignatures: Equatable, Sendable {
    static let prefix = Array("Tor router descriptor signature v1".utf8)

    let ed25519: [UInt8]
    let rsa: [UInt8]
    /// SHA-256 that the Ed25519 signature is over.
    let ed25519Digest: [UInt8]
    /// SHA-1 that the RSA signature is over.
    let rsaDigest: Digest20

    /// Finds both at the end of `document`, where they must be.
    init(_ document: NetDocument) throws(DocumentError) {
        let edItem = try document.one("router-sig-ed25519")
        let rsaItem = try document.one("router-signature")
        guard let first = document.items.first, document.items.count >= 3 else { throw .missing("router-signature") }
        guard document.items[document.items.count - 1].span == rsaItem.span else { throw .misplaced("router-signature") }
        guard document.items[document.items.count - 2].span == edItem.span else { throw .misplaced("router-sig-ed25519") }
        guard let signature = edItem.words.first.flatMap({ Base64.decode($0) }), signature.count == 64 else { throw .invalid("router-sig-ed25519", "no signature") }
        ed25519 = signature
        rsa = try rsaItem.data("SIGNATURE")
        let edText = try document.span(from: first, throughKeywordOf: edItem, and: 0x20)
        ed25519Digest = Digest.sha256(Self.prefix + edText)
        guard let digest = Digest20(Digest.sha1(try document.span(from: first, throughKeywordOf: rsaItem, and: 0x0A))) else {
            throw .invalid("router-signature", "no digest")
        }
        rsaDigest = digest
    }

    func verify(ed25519Key: [UInt8]) throws(DocumentError) {
        guard Ed25519.verify(ed25519, of: ed25519Digest, by: ed25519Key) else { throw .badSignature("router-sig-ed25519") }
    }

    func verify(rsaKey: RSAPublicKey) throws(DocumentError) {
        guard rsaKey.verify(rsa, of: rsaDigest.bytes) else { throw .badSignature("router-signature") }
    }

    /// The document with both signatures added; `body` ends with a newline.
    static func sign(_ body: String, keys: RelayKeys) -> [UInt8] {
        var text = Array((body + "router-sig-ed25519 ").utf8)
        let ed25519 = keys.signingKey.sign(Digest.sha256(prefix + text))
        text += Array("\(Base64.encode(ed25519, padded: false))\nrouter-signature\n".utf8)
        let rsa = keys.rsaIdentity.sign(Digest.sha1(text))
        return text + Array(DocumentText.object("SIGNATURE", rsa).utf8)
    }
}

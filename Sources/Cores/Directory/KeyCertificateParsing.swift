package import Ambience
package import Sealing

extension KeyCertificate {
    private static let version = "3"
    private static let keyBits = 1024...16_384

    /// Parses one certificate and checks that both keys agree to it.
    package init(_ bytes: [UInt8]) throws(DocumentError) {
        let document = try NetDocument(bytes, limitBytes: Self.limitBytes)
        let opening = try document.one("dir-key-certificate-version")
        let certification = try document.one("dir-key-certification")
        guard let first = document.items.first, first.span == opening.span else { throw .misplaced("dir-key-certificate-version") }
        guard document.items[document.items.count - 1].span == certification.span else { throw .misplaced("dir-key-certification") }
        guard opening.words.first == Substring(Self.version) else { throw .invalid("dir-key-certificate-version", "unknown version") }
        let identityKey = try document.one("dir-identity-key").rsaKey(bits: Self.keyBits)
        let signingKey = try document.one("dir-signing-key").rsaKey(bits: Self.keyBits)
        guard let identity = RSAIdentity(identityKey.fingerprint), let signingDigest = Digest20(signingKey.fingerprint) else { throw .invalid("dir-identity-key", "no digest") }
        try Self.verify(document, identityKey: identityKey, signingKey: signingKey, certification: certification)
        self.identity = identity
        self.identityKey = identityKey.der
        self.signingKey = signingKey.der
        signingKeyDigest = signingDigest
        text = Array(bytes[first.span.lowerBound..<certification.span.upperBound])
        address = try Self.address(document)
        published = try document.one("dir-key-published").time()
        expires = try document.one("dir-key-expires").time()
    }

    private static func verify(_ document: NetDocument, identityKey: RSAPublicKey, signingKey: RSAPublicKey, certification: NetDocument.Item) throws(DocumentError) {
        let fingerprint = try document.one("fingerprint").words.joined()
        guard RSAIdentity(hex: fingerprint)?.bytes == identityKey.fingerprint else { throw .invalid("fingerprint", "does not match dir-identity-key") }
        let cross = try document.one("dir-key-crosscert")
        guard let object = cross.object, object.tag == "ID SIGNATURE" || object.tag == "SIGNATURE" else { throw .invalid("dir-key-crosscert", "no signature") }
        guard signingKey.verify(object.data, of: identityKey.fingerprint) else { throw .badSignature("dir-key-crosscert") }
        let signed = try document.span(from: document.items[0], throughKeywordOf: certification, and: 0x0A)
        guard identityKey.verify(try certification.data("SIGNATURE"), of: Digest.sha1(signed)) else { throw .badSignature("dir-key-certification") }
    }

    private static func address(_ document: NetDocument) throws(DocumentError) -> SocketAddress? {
        guard let item = try document.optional("dir-address") else { return nil }
        guard let address = item.words.first.flatMap({ SocketAddress($0) }) else { throw .invalid("dir-address", "no address") }
        return address
    }

    /// Makes a certificate as tor-gencert does; the keys have 3072 and 2048 bits there.
    package static func make(
        identityKey: RSAKey, signingKey: RSAKey, address: SocketAddress?, published: WallTime, expires: WallTime
    ) throws(DocumentError) -> KeyCertificate {
        let fingerprint = identityKey.publicKey.fingerprint
        guard let identity = RSAIdentity(fingerprint) else { throw .invalid("fingerprint", "no digest") }
        var text = "dir-key-certificate-version \(version)\n"
        if let address { text += "dir-address \(address)\n" }
        text += "fingerprint \(identity)\ndir-key-published \(published)\ndir-key-expires \(expires)\n"
        text += "dir-identity-key\n" + DocumentText.object("RSA PUBLIC KEY", identityKey.publicKey.der)
        text += "dir-signing-key\n" + DocumentText.object("RSA PUBLIC KEY", signingKey.publicKey.der)
        text += "dir-key-crosscert\n" + DocumentText.object("ID SIGNATURE", signingKey.sign(fingerprint))
        text += "dir-key-certification\n"
        let signature = identityKey.sign(Digest.sha1(text.utf8))
        return try KeyCertificate(Array((text + DocumentText.object("SIGNATURE", signature)).utf8))
    }
}

internal import Bytes
internal import Sealing

extension ExtraInfo {
    /// Parses one document and checks its Ed25519 side.
    package init(_ bytes: [UInt8]) throws(DocumentError) {
        let document = try NetDocument(bytes, limitBytes: Self.limitBytes)
        let item = try document.one("extra-info")
        guard document.items.first?.span == item.span else { throw .misplaced("extra-info") }
        let words = try item.words(atLeast: 2)
        guard Nickname.isLegal(words[0]) else { throw .invalid("extra-info", "illegal nickname") }
        guard words[1].utf8.count == 40, let rsa = RSAIdentity(hex: words[1]) else { throw .invalid("extra-info", "no fingerprint") }
        signatures = try RelaySignatures(document)
        let (master, signing) = try DescriptorKeys.master(document)
        try signatures.verify(ed25519Key: signing.subject)
        text = Array(document.bytes[item.span.lowerBound..<document.items[document.items.count - 1].span.upperBound])
        sha1 = signatures.rsaDigest
        sha256 = Digest.sha256(text)
        nickname = String(words[0])
        self.rsa = rsa
        ed25519 = master
        published = try document.one("published").time()
    }

    /// Checks the RSA signature by the identity key whose PKCS#1 DER this is.
    package func verify(rsaKey der: [UInt8]) throws(DocumentError) {
        guard let key = RSAPublicKey(der: der), key.fingerprint == rsa.bytes else { throw .invalid("extra-info", "fingerprint of another key") }
        try signatures.verify(rsaKey: key)
    }

    /// Checks that this is the very document the descriptor announces.
    package func verify(for descriptor: RouterDescriptor) throws(DocumentError) {
        guard rsa == descriptor.rsa, ed25519 == descriptor.ed25519, nickname == descriptor.nickname else { throw .invalid("extra-info", "of another relay") }
        guard published == descriptor.published else { throw .invalid("published", "differs from the descriptor's") }
        guard let announced = descriptor.extraInfoSHA1, announced == sha1, descriptor.extraInfoSHA256 ?? sha256 == sha256 else {
            throw .invalid("extra-info-digest", "differs from the document's")
        }
        try verify(rsaKey: descriptor.rsaKey)
    }
}

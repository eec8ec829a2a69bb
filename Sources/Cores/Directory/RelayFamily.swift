internal import Ambience
internal import Bytes
internal import Sealing

/// Which other relays the same people run: the `family` line and family certificates (dir-spec.txt 2.1.1, proposal 321).
struct RelayFamily {
    private static let certificateKind: UInt8 = 12
    /// What stock gives a certificate.
    private static let lifetimeSeconds: Int64 = 30 * 86400
    /// More certificates than this are refused.
    private static let certificateLimit = 64

    let members: [String]
    /// `ed25519:BASE64`.
    let ids: [String]
    /// The earliest end of the certificates.
    let expires: WallTime?

    init(_ document: NetDocument, master: Ed25519Identity) throws(DocumentError) {
        members = try document.optional("family")?.words.map(String.init) ?? []
        guard members.allSatisfy({ FamilyMember($0) != nil }) else { throw .invalid("family", "illegal member") }
        let items = document.all("family-cert")
        guard items.count <= Self.certificateLimit else { throw .oversized(limit: Self.certificateLimit) }
        var certificates: [TorCertificate] = []
        for item in items { certificates.append(try Self.certificate(item, master: master)) }
        ids = certificates.compactMap { $0.signingKey.map { "ed25519:" + Base64.encode($0, padded: false) } }
        expires = certificates.map(\.expires).min()
    }

    private static func certificate(_ item: NetDocument.Item, master: Ed25519Identity) throws(DocumentError) -> TorCertificate {
        let certificate = try item.certificate("FAMILY CERT", kind: certificateKind)
        guard let key = certificate.signingKey else { throw .invalid("family-cert", "no family key") }
        guard certificate.subject == master.bytes else { throw .invalid("family-cert", "is not about the master key") }
        try certificate.verifySignature(signer: key, of: "family-cert")
        return certificate
    }

    /// The lines by which family keys vouch for a relay.
    static func certificateLines(_ keys: RelayKeys, published: WallTime) -> String {
        keys.familyKeys.map { key in
            let certificate = TorCertificate.make(
                kind: certificateKind, subject: keys.ed25519Identity.bytes, expires: published + lifetimeSeconds, signer: key, includeSigner: true)
            return "family-cert\n" + DocumentText.object("FAMILY CERT", certificate.encoded)
        }.joined()
    }

    /// A microdescriptor's `family` value: the relay itself added, every member in its canonical form, sorted, each once.
    static func canonical(_ members: [String], own: RSAIdentity) -> String {
        let forms = members.map { FamilyMember($0)?.canonical ?? $0 } + ["$\(own)"]
        return Set(forms).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.joined(separator: " ")
    }
}

/// `nick`, `$HEX`, `$HEX=nick` or `$HEX~nick`; the dollar may be missing before 40 hex digits.
struct FamilyMember {
    let canonical: String

    init?(_ text: String) {
        if Nickname.isLegal(text) {
            canonical = text.lowercased()
            return
        }
        let hex = text.hasPrefix("$") ? text.dropFirst() : text[...]
        let digits = hex.prefix(40)
        guard digits.utf8.count == 40, let bytes = Hex.decode(digits) else { return nil }
        let tail = hex.dropFirst(40)
        guard tail.isEmpty || (tail.hasPrefix("=") || tail.hasPrefix("~")) && Nickname.isLegal(tail.dropFirst()) else { return nil }
        canonical = "$" + Hex.upper(bytes)
    }
}

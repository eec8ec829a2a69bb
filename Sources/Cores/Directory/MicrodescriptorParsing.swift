internal import Bytes
internal import Sealing

extension Microdescriptor {
    /// Parses one microdescriptor; it carries no signature of its own: its digest in a signed consensus vouches for it.
    package init(_ bytes: [UInt8]) throws(DocumentError) {
        let document = try NetDocument(bytes, limitBytes: Self.limitBytes)
        let onion = try document.one("onion-key")
        guard let first = document.items.first, let last = document.items.last, first.span == onion.span else { throw .misplaced("onion-key") }
        text = Array(document.bytes[first.span.lowerBound..<last.span.upperBound])
        digest = Digest.sha256(text)
        onionKey = onion.object == nil ? nil : try onion.rsaKey(bits: 1024...1024).der
        ntorKey = try document.one("ntor-onion-key").key32()
        family = try document.optional("family")?.words.map(String.init) ?? []
        familyIDs = try document.optional("family-ids")?.words.map(String.init) ?? []
        policy = try Self.policy(document, "p")
        ipv6Policy = try Self.policy(document, "p6")
        ed25519 = try Self.identity(document)
    }

    private static func policy(_ document: NetDocument, _ keyword: String) throws(DocumentError) -> PolicySummary {
        guard let item = try document.optional(keyword) else { return .rejectAll }
        guard let policy = PolicySummary(item.rest) else { throw .invalid(keyword, "no policy summary") }
        return policy
    }

    private static func identity(_ document: NetDocument) throws(DocumentError) -> Ed25519Identity? {
        let items = document.all("id").filter { $0.words.first == "ed25519" }
        guard items.count <= 1 else { throw .repeated("id ed25519") }
        guard let item = items.first else { return nil }
        guard let key = Base64.decode(try item.words(atLeast: 2)[1]), let identity = Ed25519Identity(key) else { throw .invalid("id", "no Ed25519 key") }
        return identity
    }
}

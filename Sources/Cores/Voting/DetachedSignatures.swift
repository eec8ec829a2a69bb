package import Ambience
internal import Bytes
package import Directory
internal import Sealing

/// Signatures without their consensus, as authorities send them to each other (dir-spec 3.10).
package struct DetachedSignatures: Equatable, Sendable {
    package static let limitBytes = 1 << 20
    private static let signatureLimit = 256

    package let validAfter: WallTime
    package let freshUntil: WallTime
    package let validUntil: WallTime
    /// What was signed, by flavour.
    package private(set) var digests: [ConsensusFlavour: [UInt8]] = [:]
    package private(set) var signatures: [ConsensusFlavour: [ConsensusSignature]] = [:]

    package init(_ consensuses: [PendingConsensus], validAfter: WallTime, freshUntil: WallTime, validUntil: WallTime) {
        self.validAfter = validAfter
        self.freshUntil = freshUntil
        self.validUntil = validUntil
        for consensus in consensuses {
            digests[consensus.flavour] = consensus.digest
            signatures[consensus.flavour] = consensus.signatures
        }
    }

    package var text: [UInt8] {
        var lines = TextLines()
        lines.add("consensus-digest \(Hex.upper(digests[.ns] ?? []))")
        lines.add("valid-after \(validAfter)")
        lines.add("fresh-until \(freshUntil)")
        lines.add("valid-until \(validUntil)")
        if let digest = digests[.microdesc] { lines.add("additional-digest microdesc sha256 \(Hex.upper(digest))") }
        for signature in signatures[.microdesc] ?? [] {
            lines.begin("additional-signature microdesc ")
            signature.write(to: &lines, algorithm: "sha256")
        }
        for signature in signatures[.ns] ?? [] {
            lines.begin("directory-signature ")
            signature.write(to: &lines, algorithm: nil)
        }
        return lines.bytes
    }

    /// Parses; the signatures themselves are checked by `PendingConsensus.add`.
    package init(_ bytes: [UInt8]) throws(DocumentError) {
        let document = try NetDocument(bytes, limitBytes: Self.limitBytes)
        func time(_ keyword: String) throws(DocumentError) -> WallTime {
            guard let time = WallTime(try document.one(keyword).rest) else { throw .invalid(keyword, "no time") }
            return time
        }
        validAfter = try time("valid-after")
        freshUntil = try time("fresh-until")
        validUntil = try time("valid-until")
        guard let digest = Hex.decode(try document.one("consensus-digest").rest), digest.count == 20 else { throw .invalid("consensus-digest", "no SHA-1") }
        digests[.ns] = digest
        guard document.items.count <= Self.signatureLimit else { throw .oversized(limit: Self.signatureLimit) }
        for item in document.items { try read(item) }
    }

    private mutating func read(_ item: NetDocument.Item) throws(DocumentError) {
        let words = item.words
        switch item.keyword {
        case "additional-digest" where words.count == 3 && words[0] == "microdesc" && words[1] == "sha256":
            guard let digest = Hex.decode(words[2]), digest.count == 32 else { throw .invalid(item.keyword, "no SHA-256") }
            digests[.microdesc] = digest
        case "additional-signature" where words.count == 4 && words[0] == "microdesc" && words[1] == "sha256":
            signatures[.microdesc, default: []].append(try Self.signature(item, words.suffix(2)))
        case "directory-signature" where words.count == 2 || words.count == 3 && words[0] == "sha1":
            signatures[.ns, default: []].append(try Self.signature(item, words.suffix(2)))
        default: break
        }
    }

    private static func signature(_ item: NetDocument.Item, _ digests: ArraySlice<Substring>) throws(DocumentError) -> ConsensusSignature {
        guard let first = digests.first, let last = digests.last, let identity = RSAIdentity(hex: first), let key = RSAIdentity(hex: last) else {
            throw .invalid(item.keyword, "no digests")
        }
        return ConsensusSignature(identity: identity, signingKeyDigest: key, signature: try item.data("SIGNATURE"))
    }
}

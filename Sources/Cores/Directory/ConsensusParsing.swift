internal import Ambience
internal import Bytes
internal import Sealing

// A consensus is read once from the top: header, authorities, entries, footer, signatures.

extension Consensus {
    /// Parses a consensus of either flavour; its first line says which.
    package init(_ bytes: [UInt8]) throws(DocumentError) {
        let document = try NetDocument(bytes, limitBytes: Self.limitBytes)
        let parts = try ConsensusParts(document)
        let head = try ConsensusHead(parts.head)
        flavour = head.flavour
        method = head.method
        (validAfter, freshUntil, validUntil) = head.times
        (voteDelaySeconds, distributionDelaySeconds) = head.delays
        clientVersions = parts.head.list("client-versions", separator: ",")
        serverVersions = parts.head.list("server-versions", separator: ",")
        knownFlags = parts.head.list("known-flags", separator: " ")
        recommendedClientProtocols = try parts.head.protocols("recommended-client-protocols")
        recommendedRelayProtocols = try parts.head.protocols("recommended-relay-protocols")
        requiredClientProtocols = try parts.head.protocols("required-client-protocols")
        requiredRelayProtocols = try parts.head.protocols("required-relay-protocols")
        params = try parts.head.numbers("params")
        sharedRandomPrevious = try SharedRandom(parts.head.optional("shared-rand-previous-value"))
        sharedRandomCurrent = try SharedRandom(parts.head.optional("shared-rand-current-value"))
        sources = try parts.sources.parse(Source.init)
        entries = try Self.entries(parts.entries, flavour: head.flavour, knownFlags: Set(knownFlags))
        weights = try parts.footer.numbers("bandwidth-weights")
        signatures = try Array(parts.signatures.prefix(Self.signatureLimit)).compactMapItems(Signature.parse)
        signedCount = parts.signedCount
        text = bytes
    }

    private static func entries(_ groups: [ItemGroup], flavour: ConsensusFlavour, knownFlags: Set<String>) throws(DocumentError) -> [ConsensusEntry] {
        guard groups.count <= entryLimit else { throw .oversized(limit: entryLimit) }
        var entries: [ConsensusEntry] = []
        entries.reserveCapacity(groups.count)
        for group in groups {
            let entry = try ConsensusEntry(group, flavour: flavour, knownFlags: knownFlags)
            if let last = entries.last, !(last.rsa < entry.rsa) { throw .misplaced("r \(entry.nickname)") }
            entries.append(entry)
        }
        return entries
    }
}

/// The document's items, sorted into its sections.
private struct ConsensusParts {
    var head = ItemGroup(items: [])
    var sources: [ItemGroup] = []
    var entries: [ItemGroup] = []
    var footer = ItemGroup(items: [])
    var signatures: [ItemGroup] = []
    var signedCount = 0

    init(_ document: NetDocument) throws(DocumentError) {
        enum Section: Int { case head, sources, entries, footer, signatures }
        var section = Section.head
        for item in document.items {
            let next: Section = switch item.keyword {
            case "dir-source": .sources
            case "r": .entries
            case "directory-footer": .footer
            case "directory-signature": .signatures
            default: section
            }
            guard next.rawValue >= section.rawValue else { throw .misplaced(item.keyword) }
            let isOpening = item.keyword == "dir-source" || item.keyword == "r" || item.keyword == "directory-signature"
            if next == .signatures, signedCount == 0 { signedCount = item.span.lowerBound + "directory-signature ".utf8.count }
            section = next
            switch section {
            case .head: head.items.append(item)
            case .sources: Self.add(item, to: &sources, isOpening)
            case .entries: Self.add(item, to: &entries, isOpening)
            case .footer: footer.items.append(item)
            case .signatures: Self.add(item, to: &signatures, isOpening)
            }
        }
        guard signedCount > 0, signedCount < document.bytes.count, document.bytes[signedCount - 1] == 0x20 else { throw .missing("directory-signature") }
        guard footer.items.first?.keyword == "directory-footer" else { throw .missing("directory-footer") }
    }

    private static func add(_ item: NetDocument.Item, to groups: inout [ItemGroup], _ isOpening: Bool) {
        if isOpening { groups.append(ItemGroup(items: [item])) } else if !groups.isEmpty { groups[groups.count - 1].items.append(item) }
    }
}

/// Version, flavour, method and times.
private struct ConsensusHead {
    let flavour: ConsensusFlavour
    let method: Int
    let times: (WallTime, WallTime, WallTime)
    let delays: (Int64, Int64)

    init(_ group: ItemGroup) throws(DocumentError) {
        let version = try group.one("network-status-version")
        guard group.items.first?.span == version.span else { throw .misplaced("network-status-version") }
        let words = try version.words(atLeast: 1)
        guard words[0] == "3", let flavour = words.count > 1 ? ConsensusFlavour(rawValue: String(words[1])) : .ns else { throw .invalid("network-status-version", "unknown") }
        guard try group.one("vote-status").words.first == "consensus" else { throw .invalid("vote-status", "no consensus") }
        let methodWords = try group.optional("consensus-method")?.words(atLeast: 1) ?? ["1"]
        guard let method = Decimal.parse(methodWords[0], in: 1...1000) else { throw .invalid("consensus-method", "no number") }
        let delayWords = try group.one("voting-delay").words(atLeast: 2)
        guard let vote = Decimal.parse(delayWords[0], in: 0...Int64(86400)), let distribution = Decimal.parse(delayWords[1], in: 0...Int64(86400)) else {
            throw .invalid("voting-delay", "no numbers")
        }
        self.flavour = flavour
        self.method = method
        times = (try group.one("valid-after").time(), try group.one("fresh-until").time(), try group.one("valid-until").time())
        delays = (vote, distribution)
        guard times.0 < times.1, times.1 <= times.2 else { throw .invalid("fresh-until", "times out of order") }
    }
}

extension Consensus.SharedRandom {
    fileprivate init?(_ item: NetDocument.Item?) throws(DocumentError) {
        guard let item else { return nil }
        let words = try item.words(atLeast: 2)
        guard let reveals = Decimal.parse(words[0], in: 0...Int(Int32.max)), let value = Base64.decode(words[1]), value.count == 32 else {
            throw .invalid(item.keyword, "no value")
        }
        self.reveals = reveals
        self.value = value
    }
}

extension Consensus.Source {
    fileprivate init(_ group: ItemGroup) throws(DocumentError) {
        let words = try group.one("dir-source").words(atLeast: 6)
        guard let identity = RSAIdentity(hex: words[1]), let address = IPAddress(words[3]), let dirPort = Decimal.port(words[4]), let orPort = Decimal.port(words[5]),
            let digest = Digest20(hex: try group.one("vote-digest").words(atLeast: 1)[0])
        else { throw .invalid("dir-source", "malformed") }
        nickname = String(words[0])
        self.identity = identity
        hostname = String(words[2])
        self.address = address
        self.dirPort = dirPort
        self.orPort = orPort
        contact = try group.optional("contact")?.rest ?? ""
        voteDigest = digest
    }
}

extension Consensus.Signature {
    /// `nil` for an algorithm that we do not know, which must be skipped.
    fileprivate static func parse(_ group: ItemGroup) throws(DocumentError) -> Self? {
        let item = try group.one("directory-signature")
        var words = try item.words(atLeast: 2)
        let algorithm = words.count > 2 ? words.removeFirst() : "sha1"
        guard algorithm == "sha1" || algorithm == "sha256" else { return nil }
        guard let identity = RSAIdentity(hex: words[0]), let key = Digest20(hex: words[1]) else { throw .invalid("directory-signature", "no digests") }
        return Self(identity: identity, signingKeyDigest: key, isSHA256: algorithm == "sha256", bytes: try item.data("SIGNATURE"))
    }
}

internal import Ambience
internal import Bytes
internal import Sealing

extension RouterDescriptor {
    /// Parses one descriptor and checks everything that is signed in it.
    package init(_ bytes: [UInt8]) throws(DocumentError) {
        let document = try NetDocument(bytes, limitBytes: Self.limitBytes)
        let signatures = try RelaySignatures(document)
        let keys = try DescriptorKeys(document)
        try signatures.verify(ed25519Key: keys.signing.subject)
        try signatures.verify(rsaKey: keys.rsa)
        try self.init(document, keys: keys, digest: signatures.rsaDigest)
    }

    private init(_ document: NetDocument, keys: DescriptorKeys, digest: Digest20) throws(DocumentError) {
        let line = try RouterLine(document)
        let family = try RelayFamily(document, master: keys.master)
        let protocolsText = try document.optional("proto")?.rest
        let digests = try Self.extraInfoDigests(document)
        text = Array(document.bytes[document.items[0].span.lowerBound..<document.items[document.items.count - 1].span.upperBound])
        self.digest = digest
        nickname = line.nickname
        address = line.address
        orPort = line.orPort
        dirPort = line.dirPort
        ipv6 = document.all("or-address").lazy.compactMap { $0.words.first.flatMap { SocketAddress($0) } }.first { !$0.ip.isIPv4 }
        rsa = keys.identity
        ed25519 = keys.master
        rsaKey = keys.rsa.der
        onionKey = keys.onion?.der
        ntorKey = keys.ntor
        certificatesExpire = min(keys.expires, family.expires ?? keys.expires)
        platform = try document.optional("platform")?.rest
        self.protocolsText = protocolsText
        protocols = ProtocolVersions(protocolsText ?? "") ?? ProtocolVersions()
        published = try document.one("published").time()
        uptimeSeconds = try Self.uptime(document)
        bandwidth = try Self.bandwidth(document)
        extraInfoSHA1 = digests.sha1
        extraInfoSHA256 = digests.sha256
        self.family = family.members
        familyIDs = family.ids
        policy = try Self.policy(document)
        ipv6Policy = try Self.ipv6Policy(document)
        isHibernating = try document.optional("hibernating")?.words.first == "1"
        isHiddenServiceDirectory = try document.optional("hidden-service-dir").map { $0.words.isEmpty || $0.words.contains("2") } ?? false
        isTunnelledDirectory = try document.optional("tunnelled-dir-server") != nil
        cachesExtraInfo = try document.optional("caches-extra-info") != nil
        contact = try document.optional("contact")?.rest
        expires = try document.optional("dust-expires")?.time()
        market = try document.optional("dust-market").map { item throws(DocumentError) in
            guard let key = Hex.decode(try item.words(atLeast: 1)[0]), key.count == 32 else { throw .invalid("dust-market", "no key") }
            return key
        }
        mix = try document.optional("dust-mix").map { item throws(DocumentError) in try MixLine(item.words(atLeast: 1)) }
    }

    private static func uptime(_ document: NetDocument) throws(DocumentError) -> UInt64 {
        guard let item = try document.optional("uptime") else { return 0 }
        guard let seconds = Decimal.parse(try item.words(atLeast: 1)[0], in: 0...UInt64(Int64.max)) else { throw .invalid("uptime", "no number") }
        return seconds
    }

    private static func bandwidth(_ document: NetDocument) throws(DocumentError) -> Bandwidth {
        let numbers = try document.one("bandwidth").words(atLeast: 3).prefix(3).compactMap { Decimal.parse($0, in: 0...UInt32(Int32.max)) }
        guard numbers.count == 3 else { throw .invalid("bandwidth", "no numbers") }
        guard numbers[0] > 0 else { throw .invalid("bandwidth", "rate 0") }
        return Bandwidth(rate: numbers[0], burst: numbers[1], observed: numbers[2])
    }

    private static func extraInfoDigests(_ document: NetDocument) throws(DocumentError) -> (sha1: Digest20?, sha256: [UInt8]?) {
        guard let item = try document.optional("extra-info-digest") else { return (nil, nil) }
        let words = try item.words(atLeast: 1)
        guard let sha1 = Digest20(hex: words[0]) else { throw .invalid("extra-info-digest", "no SHA-1 digest") }
        guard words.count >= 2 else { return (sha1, nil) }
        guard let sha256 = Base64.decode(words[1]), sha256.count == 32 else { throw .invalid("extra-info-digest", "no SHA-256 digest") }
        return (sha1, sha256)
    }

    private static func policy(_ document: NetDocument) throws(DocumentError) -> ExitPolicy {
        guard !document.has("accept6"), !document.has("reject6") else { throw .invalid("accept6 or reject6", "not allowed in a descriptor") }
        let items = document.items.filter { $0.keyword == "accept" || $0.keyword == "reject" }
        guard !items.isEmpty else { throw .missing("exit policy") }
        return try ExitPolicy(descriptorItems: items)
    }

    private static func ipv6Policy(_ document: NetDocument) throws(DocumentError) -> PolicySummary? {
        guard let item = try document.optional("ipv6-policy") else { return nil }
        guard let policy = PolicySummary(item.rest) else { throw .invalid("ipv6-policy", "no policy summary") }
        return policy
    }
}

/// `router NICK ADDRESS ORPORT 0 DIRPORT`.
private struct RouterLine {
    let nickname: String
    let address: IPAddress
    let orPort: UInt16
    let dirPort: UInt16

    init(_ document: NetDocument) throws(DocumentError) {
        let item = try document.one("router")
        guard document.items.first?.span == item.span else { throw .misplaced("router") }
        let words = try item.words(atLeast: 5)
        guard Nickname.isLegal(words[0]) else { throw .invalid("router", "illegal nickname") }
        guard let address = IPAddress(words[1]), address.isIPv4 else { throw .invalid("router", "no IPv4 address") }
        guard let orPort = Decimal.port(words[2]), Decimal.port(words[3]) != nil, let dirPort = Decimal.port(words[4]) else { throw .invalid("router", "bad port") }
        guard orPort != 0 else { throw .invalid("router", "ORPort 0") }
        nickname = String(words[0])
        self.address = address
        self.orPort = orPort
        self.dirPort = dirPort
    }
}

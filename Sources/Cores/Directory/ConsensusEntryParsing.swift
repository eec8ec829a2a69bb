internal import Ambience
internal import Bytes
internal import Sealing

extension ConsensusEntry {
    /// More `a` lines than this are refused.
    private static let addressLimit = 8

    init(_ group: ItemGroup, flavour: ConsensusFlavour, knownFlags: Set<String>) throws(DocumentError) {
        let router = try RouterStatusLine(try group.one("r"), flavour: flavour)
        let weight = try Weight(group.optional("w"))
        self.init(
            nickname: router.nickname, rsa: router.rsa, descriptorDigest: router.digest, microdescriptorDigest: try Self.microdescriptor(group, flavour),
            published: router.published, address: router.address, orPort: router.orPort, dirPort: router.dirPort, otherAddresses: try Self.addresses(group),
            flags: try Self.flags(group, known: knownFlags), version: try group.optional("v")?.rest,
            protocols: ProtocolVersions(try group.optional("pr")?.rest ?? "") ?? ProtocolVersions(), bandwidth: weight.bandwidth, isUnmeasured: weight.isUnmeasured,
            policy: try Self.policy(group), ed25519: try Self.identity(group), expires: try group.optional("dust-expires")?.time())
    }

    /// Flags that we do not know are skipped, but the document must have announced them.
    private static func flags(_ group: ItemGroup, known: Set<String>) throws(DocumentError) -> RelayFlags {
        let names = try group.one("s").words
        if let stranger = names.first(where: { !known.contains(String($0)) }) { throw .invalid("s", "\(stranger) is no known flag") }
        return RelayFlags(names.compactMap { RelayFlags(name: $0) })
    }

    private static func addresses(_ group: ItemGroup) throws(DocumentError) -> [SocketAddress] {
        let items = group.all("a")
        guard items.count <= addressLimit else { throw .oversized(limit: addressLimit) }
        return items.compactMap { $0.words.first.flatMap { SocketAddress($0) } }
    }

    private static func microdescriptor(_ group: ItemGroup, _ flavour: ConsensusFlavour) throws(DocumentError) -> [UInt8]? {
        guard flavour == .microdesc else { return nil }
        guard let digest = Base64.decode(try group.one("m").words(atLeast: 1)[0]), digest.count == 32 else { throw .invalid("m", "no digest") }
        return digest
    }

    private static func policy(_ group: ItemGroup) throws(DocumentError) -> PolicySummary? {
        guard let item = try group.optional("p") else { return nil }
        guard let policy = PolicySummary(item.rest) else { throw .invalid("p", "no policy summary") }
        return policy
    }

    private static func identity(_ group: ItemGroup) throws(DocumentError) -> Ed25519Identity? {
        guard let item = group.all("id").first(where: { $0.words.first == "ed25519" }), item.words.count >= 2, item.words[1] != "none" else { return nil }
        guard let key = Base64.decode(item.words[1]), let identity = Ed25519Identity(key) else { throw .invalid("id", "no Ed25519 key") }
        return identity
    }
}

/// `r NICK IDENTITY [DIGEST] DATE TIME ADDRESS ORPORT DIRPORT`; the microdesc flavour leaves the digest out.
private struct RouterStatusLine {
    let nickname: String
    let rsa: RSAIdentity
    let digest: Digest20?
    let published: WallTime
    let address: IPAddress
    let orPort: UInt16
    let dirPort: UInt16

    init(_ item: NetDocument.Item, flavour: ConsensusFlavour) throws(DocumentError) {
        var words = try item.words(atLeast: flavour == .ns ? 8 : 7)
        guard Nickname.isLegal(words[0]), let rsa = Base64.decode(words[1]).flatMap({ RSAIdentity($0) }) else { throw .invalid("r", "no relay") }
        digest = flavour == .ns ? Base64.decode(words.remove(at: 2)).flatMap { Digest20($0) } : nil
        guard flavour == .microdesc || digest != nil else { throw .invalid("r", "no descriptor digest") }
        guard let published = WallTime("\(words[2]) \(words[3])"), let address = IPAddress(words[4]), address.isIPv4, let orPort = Decimal.port(words[5]),
            let dirPort = Decimal.port(words[6])
        else { throw .invalid("r", "malformed") }
        nickname = String(words[0])
        self.rsa = rsa
        self.published = published
        self.address = address
        self.orPort = orPort
        self.dirPort = dirPort
    }
}

/// `w Bandwidth=N [Unmeasured=1]`.
private struct Weight {
    var bandwidth: UInt32 = 0
    var isUnmeasured = false

    init(_ item: NetDocument.Item?) throws(DocumentError) {
        for word in item?.words ?? [] {
            if word.hasPrefix("Bandwidth=") {
                guard let value = Decimal.parse(word.dropFirst(10), in: 0...UInt32.max) else { throw .invalid("w", "no bandwidth") }
                bandwidth = value
            }
            if word == "Unmeasured=1" { isUnmeasured = true }
        }
    }
}

internal import Ambience
internal import Bytes
internal import Directory
internal import Sealing

/// Reads one relay of a vote.
extension VoteEntry {
    private static let versionLimitBytes = 128
    private static let microdescriptorLimit = 16

    init(routerLine item: NetDocument.Item) throws(DocumentError) {
        let words = item.words
        guard words.count >= 8, words[0].utf8.count <= 19, let rsa = Base64.decode(words[1]).flatMap({ RSAIdentity($0) }), let digest = Base64.decode(words[2]),
            digest.count == 20, let published = WallTime("\(words[3]) \(words[4])"), let address = IPAddress(words[5]), let orPort = UInt16(words[6]),
            let directoryPort = UInt16(words[7])
        else { throw .invalid("r", "malformed") }
        self.init(
            nickname: String(words[0]), rsa: rsa, descriptorDigest: digest, published: published, address: address, orPort: orPort, directoryPort: directoryPort)
    }

    /// Lines that are unknown, and microdescriptor lines that are odd, are passed over, as the format wants.
    mutating func read(_ item: NetDocument.Item, knownFlags: Set<String>) throws(DocumentError) {
        switch item.keyword {
        case "a": readAddress(item)
        case "s": try readFlags(item, known: knownFlags)
        case "v": version = item.rest.utf8.count <= Self.versionLimitBytes ? item.rest : nil
        case "pr": protocols = item.rest
        case "w": try readWeights(item)
        case "p": try readSummary(item)
        case "dust-expires": expires = WallTime(item.rest)
        case "id": readIdentity(item)
        case "stats": statistics = item.rest
        case "m": readMicrodescriptor(item)
        default: break
        }
    }

    private mutating func readAddress(_ item: NetDocument.Item) {
        guard ipv6 == nil, let address = SocketAddress(item.rest), !address.ip.isIPv4, address.port != 0 else { return }
        ipv6 = address
    }

    private mutating func readFlags(_ item: NetDocument.Item, known: Set<String>) throws(DocumentError) {
        let names = item.words.map(String.init)
        guard names.allSatisfy(known.contains), Set(names).count == names.count else { throw .invalid("s", "unknown or repeated flag") }
        flags = names.sorted(by: Tally.byBytes)
    }

    private mutating func readWeights(_ item: NetDocument.Item) throws(DocumentError) {
        for word in item.words {
            guard let equals = word.firstIndex(of: "=") else { continue }
            let value = UInt32(word[word.index(after: equals)...])
            switch word[..<equals] {
            case "Bandwidth": bandwidth = try Self.number(value)
            case "Measured": measuredBandwidth = try Self.number(value)
            case "GuardFraction": guardFraction = min(100, try Self.number(value))
            default: break
            }
        }
    }

    private static func number(_ value: UInt32?) throws(DocumentError) -> UInt32 {
        guard let value else { throw .invalid("w", "no number") }
        return value
    }

    private mutating func readSummary(_ item: NetDocument.Item) throws(DocumentError) {
        guard PolicySummary(item.rest) != nil else { throw .invalid("p", "no policy summary") }
        exitSummary = item.rest
    }

    private mutating func readIdentity(_ item: NetDocument.Item) {
        let words = item.words
        guard words.count >= 2, words[0] == "ed25519" else { return }
        if words[1] == "none" { ed25519 = .none } else if let key = Base64.decode(words[1]).flatMap({ Ed25519Identity($0) }) { ed25519 = .key(key) }
    }

    private mutating func readMicrodescriptor(_ item: NetDocument.Item) {
        let words = item.words
        guard microdescriptors.count < Self.microdescriptorLimit, words.count >= 2 else { return }
        let methods = words[0].split(separator: ",").compactMap { Int($0) }
        for word in words.dropFirst() where word.hasPrefix("sha256=") {
            if let digest = Base64.decode(word.dropFirst(7)), digest.count == 32 { microdescriptors.append(MicrodescriptorVote(methods: methods, digest: digest)) }
        }
    }
}

internal import Bytes
package import Sealing

/// What a path of the directory protocol asks for (dir-spec "General-use HTTP URLs").
///
/// A path that names documents which cannot exist (bad hex, wrong length) still is that route: the malformed names are left
/// out, and an empty list is answered as not found. How many names fit is bounded by the length of a request line.
package enum DirectoryRoute: Equatable, Sendable {
    /// The current consensus; `signers` are prefixes of the v3 identities of which more than half must have signed. With a `base` only
    /// the diff from the consensus with that digest is wanted.
    case consensus(isMicrodesc: Bool, base: [UInt8]? = nil, signers: [[UInt8]])
    /// SHA-256 digests.
    case microdescriptors([[UInt8]])
    case descriptors(DescriptorSelection)
    case extraInfos(DescriptorSelection)
    case certificates(CertificateSelection)
    /// For people who look with a browser.
    case frontPage
    case robots
    /// Below a path of ours, and none that there is.
    case malformed
    /// Not one of ours: an authority or a later service may know it.
    case other(String)

    package enum DescriptorSelection: Equatable, Sendable {
        case all
        /// The server's own.
        case own
        case fingerprints([RSAIdentity])
        /// SHA-1 digests.
        case digests([Digest20])
    }

    package enum CertificateSelection: Equatable, Sendable {
        case all
        case own
        case identities([RSAIdentity])
        case signingKeys([Digest20])
        case pairs([CertificateName])
    }

    /// A trailing `.z` asks for deflate and names the same document. A path outside `/tor/` is taken as one inside, as stock does.
    package init(path: String) {
        let plain = path.hasSuffix(".z") ? String(path.dropLast(2)) : path
        let inside = plain.hasPrefix("/tor/") ? plain : "/tor" + (plain.hasPrefix("/") ? "" : "/") + plain
        self = Self.page(inside) ?? Self.consensus(inside) ?? Self.microdescriptors(inside) ?? Self.descriptors(inside) ?? Self.certificates(inside) ?? .other(inside)
    }

    private static func page(_ path: String) -> DirectoryRoute? {
        switch path {
        case "/tor/": .frontPage
        case "/tor/robots.txt": .robots
        default: nil
        }
    }

    private static func consensus(_ path: String) -> DirectoryRoute? {
        guard let rest = path.after("/tor/status-vote/current/") else { return nil }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        let flavour = parts.removeFirst()
        let isMicrodesc = flavour == "consensus-microdesc"
        guard isMicrodesc || flavour == "consensus" || flavour == "consensus-ns" else { return nil }
        var base: [UInt8]?
        if parts.count >= 2, parts[0] == "diff" {
            guard let digest = Hex.decode(parts[1]), digest.count == 32 else { return .other(path) }
            base = digest
            parts.removeFirst(2)
        }
        let signers = parts.first.map { $0.split(separator: "+").compactMap { Hex.decode($0) } } ?? []
        return .consensus(isMicrodesc: isMicrodesc, base: base, signers: signers.filter { (1...20).contains($0.count) })
    }

    private static func microdescriptors(_ path: String) -> DirectoryRoute? {
        guard let rest = path.after("/tor/micro/d/") else { return nil }
        return .microdescriptors(rest.split(separator: "-").compactMap { Base64.decode($0) }.filter { $0.count == 32 })
    }

    private static func descriptors(_ path: String) -> DirectoryRoute? {
        if let rest = path.after("/tor/server/") { return selection(rest).map { .descriptors($0) } }
        if let rest = path.after("/tor/extra/") { return selection(rest).map { .extraInfos($0) } }
        return nil
    }

    private static func selection(_ rest: Substring) -> DescriptorSelection? {
        if rest == "all" { return .all }
        if rest == "authority" { return .own }
        if let list = String(rest).after("fp/") { return .fingerprints(identities(list)) }
        if let list = String(rest).after("d/") { return .digests(digests(list)) }
        return nil
    }

    private static func certificates(_ path: String) -> DirectoryRoute? {
        guard let rest = path.after("/tor/keys/").map(String.init) else { return nil }
        if rest == "all" { return .certificates(.all) }
        if rest == "authority" { return .certificates(.own) }
        if let list = rest.after("fp-sk/") { return .certificates(.pairs(list.split(separator: "+").compactMap { CertificateName($0) })) }
        if let list = rest.after("fp/") { return .certificates(.identities(identities(list))) }
        if let list = rest.after("sk/") { return .certificates(.signingKeys(digests(list))) }
        return .malformed
    }

    private static func identities(_ list: Substring) -> [RSAIdentity] { list.split(separator: "+").compactMap { RSAIdentity(hex: $0) } }

    private static func digests(_ list: Substring) -> [Digest20] {
        list.split(separator: "+").compactMap { Hex.decode($0) }.compactMap { Digest20($0) }
    }
}

/// Which key certificate: the authority's v3 identity and the signing key's digest, both SHA-1 of a PKCS#1 key.
package struct CertificateName: Hashable, Sendable, CustomStringConvertible {
    package let identity: RSAIdentity
    package let signingKey: Digest20

    package init(identity: RSAIdentity, signingKey: Digest20) {
        self.identity = identity
        self.signingKey = signingKey
    }

    /// `HEX-HEX`
    package init?(_ text: Substring) {
        let parts = text.split(separator: "-").compactMap { Hex.decode($0) }
        guard parts.count == 2, let identity = RSAIdentity(parts[0]), let signingKey = Digest20(parts[1]) else { return nil }
        self.init(identity: identity, signingKey: signingKey)
    }

    package var description: String { "\(identity)-\(Hex.upper(signingKey.bytes))" }
}

extension String {
    /// What follows `prefix`, or `nil`.
    func after(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}

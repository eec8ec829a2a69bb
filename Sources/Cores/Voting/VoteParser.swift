internal import Ambience
internal import Bytes
package import Directory
internal import Sealing

/// A vote that came from elsewhere (or is our own, read back): well formed and signed by the key its certificate names.
package struct SignedVote: Sendable {
    package let vote: Vote
    /// SHA-1 of the signed part, as `vote-digest` lines name it.
    package let digest: [UInt8]
    /// The certificate inside: both of its keys agree to it, its times are unchecked.
    package let certificate: KeyCertificate
    package let text: [UInt8]

    /// Largest vote that is looked at: about three times the largest of the public network.
    package static let limitBytes = 20 << 20
    static let knownFlagLimit = 64
    static let entryLimit = 60000

    /// Parses and checks the signature against the certificate inside. Whether that certificate belongs to an authority
    /// and is valid now is for the caller to say.
    package init(_ text: [UInt8]) throws(DocumentError) {
        let document = try NetDocument(text, limitBytes: Self.limitBytes)
        guard document.items.first?.keyword == "network-status-version" else { throw .misplaced("network-status-version") }
        guard try document.one("network-status-version").words.first == "3" else { throw .invalid("network-status-version", "not 3") }
        guard try document.one("vote-status").rest == "vote" else { throw .invalid("vote-status", "not a vote") }
        var reader = VoteReader(document)
        vote = try reader.vote()
        self.text = text
        certificate = try KeyCertificate(vote.certificate)
        guard certificate.identity == vote.source.identity else { throw .invalid("dir-source", "certificate of another authority") }
        digest = try reader.checkSignature(certificate)
    }
}

/// Reads the parts of one vote document.
private struct VoteReader {
    private let document: NetDocument
    /// Items before the first entry, and from it on.
    private let header: ArraySlice<NetDocument.Item>
    private let body: ArraySlice<NetDocument.Item>

    init(_ document: NetDocument) {
        self.document = document
        let items = document.items
        let start = items.firstIndex { $0.keyword == "r" || $0.keyword == "directory-footer" } ?? items.endIndex
        header = items[..<start]
        body = items[start...]
    }

    mutating func vote() throws(DocumentError) -> Vote {
        let flags = try one("known-flags").words.map(String.init)
        guard flags.count <= SignedVote.knownFlagLimit, flags.allSatisfy(\.isPlain), Set(flags).count == flags.count else { throw .invalid("known-flags", "too many or odd") }
        var vote = Vote(times: try times(), knownFlags: flags, source: try source(), certificate: try certificate())
        vote.methods = one(optional: "consensus-methods")?.words.compactMap { Int($0) } ?? [1]
        vote.clientVersions = one(optional: "client-versions")?.rest
        vote.serverVersions = one(optional: "server-versions")?.rest
        vote.flagThresholds = one(optional: "flag-thresholds")?.rest ?? ""
        vote.contact = try one("contact").rest
        vote.parameters = try parameters()
        readProtocols(&vote)
        readSharedRandom(&vote)
        vote.entries = try entries(flags: Set(flags))
        return vote
    }

    private func one(optional keyword: String) -> NetDocument.Item? { header.first { $0.keyword == keyword } }

    private func one(_ keyword: String) throws(DocumentError) -> NetDocument.Item {
        guard let item = one(optional: keyword) else { throw .missing(keyword) }
        return item
    }

    private func time(_ keyword: String) throws(DocumentError) -> WallTime {
        guard let time = WallTime(try one(keyword).rest) else { throw .invalid(keyword, "no time") }
        return time
    }

    private func times() throws(DocumentError) -> Vote.ParsedTimes {
        let delays = try one("voting-delay").words
        guard delays.count == 2, let vote = Int64(delays[0]), let dist = Int64(delays[1]), (2...86400).contains(vote), (2...86400).contains(dist) else {
            throw .invalid("voting-delay", "no two delays")
        }
        let times = Vote.ParsedTimes(
            published: try time("published"), validAfter: try time("valid-after"), freshUntil: try time("fresh-until"), validUntil: try time("valid-until"),
            voteDelaySeconds: vote, distDelaySeconds: dist)
        guard times.validAfter < times.freshUntil, times.freshUntil < times.validUntil else { throw .invalid("valid-until", "times out of order") }
        return times
    }

    private func source() throws(DocumentError) -> AuthoritySource {
        let words = try one("dir-source").words
        guard words.count >= 6, let identity = RSAIdentity(hex: words[1]), let address = IPAddress(words[3]), let directoryPort = UInt16(words[4]),
            let orPort = UInt16(words[5])
        else { throw .invalid("dir-source", "malformed") }
        return AuthoritySource(
            nickname: String(words[0]), identity: identity, hostname: String(words[2]), address: address, directoryPort: directoryPort, orPort: orPort)
    }

    private func certificate() throws(DocumentError) -> [UInt8] {
        let first = try one("dir-key-certificate-version")
        let last = try one("dir-key-certification")
        guard first.span.lowerBound < last.span.upperBound else { throw .misplaced("dir-key-certification") }
        return Array(document.bytes[first.span.lowerBound..<last.span.upperBound])
    }

    private func parameters() throws(DocumentError) -> [ConsensusParameter] {
        var parameters: [ConsensusParameter] = []
        for word in one(optional: "params")?.words ?? [] {
            guard let parameter = ConsensusParameter(word) else { throw .invalid("params", "no name and number") }
            if let last = parameters.last, last.name == parameter.name || !Tally.byBytes(last.description, parameter.description) {
                throw .invalid("params", "not sorted")
            }
            parameters.append(parameter)
        }
        return parameters
    }

    private func readProtocols(_ vote: inout Vote) {
        vote.protocols = ProtocolRecommendations(
            recommendedClient: one(optional: "recommended-client-protocols")?.rest ?? "", recommendedRelay: one(optional: "recommended-relay-protocols")?.rest ?? "",
            requiredClient: one(optional: "required-client-protocols")?.rest ?? "", requiredRelay: one(optional: "required-relay-protocols")?.rest ?? "")
    }

    private func readSharedRandom(_ vote: inout Vote) {
        vote.sharedRandom.participates = one(optional: "shared-rand-participate") != nil
        vote.sharedRandom.commits = header.filter { $0.keyword == "shared-rand-commit" }.map(\.rest)
        vote.sharedRandom.previous = one(optional: "shared-rand-previous-value")?.rest
        vote.sharedRandom.current = one(optional: "shared-rand-current-value")?.rest
    }

    private func entries(flags: Set<String>) throws(DocumentError) -> [VoteEntry] {
        var entries: [VoteEntry] = []
        for item in body {
            if item.keyword == "directory-footer" { break }
            if item.keyword == "r" {
                guard entries.count < SignedVote.entryLimit else { throw .oversized(limit: SignedVote.entryLimit) }
                let entry = try VoteEntry(routerLine: item)
                if let last = entries.last, !(last.rsa < entry.rsa) { throw .invalid("r", "not sorted by identity") }
                entries.append(entry)
            } else if !entries.isEmpty {
                try entries[entries.count - 1].read(item, knownFlags: flags)
            }
        }
        return entries
    }

    func checkSignature(_ certificate: KeyCertificate) throws(DocumentError) -> [UInt8] {
        guard let item = body.last(where: { $0.keyword == "directory-signature" }) else { throw .missing("directory-signature") }
        let words = item.words.first == "sha1" ? Array(item.words.dropFirst()) : item.words
        guard words.count == 2, RSAIdentity(hex: words[0]) == certificate.identity, RSAIdentity(hex: words[1])?.bytes == certificate.signingKeyDigest.bytes,
            let key = RSAPublicKey(der: certificate.signingKey)
        else { throw .invalid("directory-signature", "by another key than the certificate's") }
        let digest = Digest.sha1(document.bytes[..<(item.span.lowerBound + "directory-signature ".utf8.count)])
        guard key.verify(try item.data("SIGNATURE"), of: digest) else { throw .badSignature("directory-signature") }
        return digest
    }
}

extension String {
    /// Printable ASCII without spaces: what may be sorted by bytes and written back.
    fileprivate var isPlain: Bool { !isEmpty && utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
}

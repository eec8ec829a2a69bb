package import Ambience
package import Sealing

/// One authority's opinion of the network for one interval (dir-spec 3.4.1, `vote-status vote`).
package struct Vote: Sendable {
    /// Methods this room can compute. 33 hides publication times from microdesc consensuses, 35 adds family ids.
    package static let supportedMethods = 32...35
    /// Methods that make the same microdescriptor of every descriptor.
    static let microdescriptorForms = [32...34, 35...35]

    package var methods: [Int] = Array(supportedMethods)
    package var published: WallTime
    package var validAfter: WallTime
    package var freshUntil: WallTime
    package var validUntil: WallTime
    package var voteDelaySeconds: Int64
    package var distDelaySeconds: Int64
    /// Comma-separated Tor versions; `nil` is no opinion.
    package var clientVersions: String?
    package var serverVersions: String?
    package var protocols: ProtocolRecommendations = .current
    /// Sorted.
    package var knownFlags: [String]
    /// What follows `flag-thresholds`.
    package var flagThresholds: String = ""
    /// Sorted by name, each name once.
    package var parameters: [ConsensusParameter] = []
    package var source: AuthoritySource
    package var contact: String = "(none)"
    package var sharedRandom = SharedRandomOpinion()
    /// The authority's key certificate, as its file has it.
    package var certificate: [UInt8]
    /// Sorted by RSA identity, each identity once.
    package var entries: [VoteEntry] = []

    package init(published: WallTime, validAfter: WallTime, times: VotingTimes, knownFlags: [String], source: AuthoritySource, certificate: [UInt8]) {
        self.published = published
        self.validAfter = validAfter
        freshUntil = validAfter + times.regular.intervalSeconds
        validUntil = validAfter + times.regular.intervalSeconds * times.intervalsValid
        voteDelaySeconds = times.regular.voteDelaySeconds
        distDelaySeconds = times.regular.distDelaySeconds
        self.knownFlags = knownFlags
        self.source = source
        self.certificate = certificate
    }

    init(times: ParsedTimes, knownFlags: [String], source: AuthoritySource, certificate: [UInt8]) {
        published = times.published
        validAfter = times.validAfter
        freshUntil = times.freshUntil
        validUntil = times.validUntil
        voteDelaySeconds = times.voteDelaySeconds
        distDelaySeconds = times.distDelaySeconds
        self.knownFlags = knownFlags
        self.source = source
        self.certificate = certificate
    }

    struct ParsedTimes {
        let published: WallTime, validAfter: WallTime, freshUntil: WallTime, validUntil: WallTime
        let voteDelaySeconds: Int64, distDelaySeconds: Int64
    }
}

/// A `KEY=value` of the `params` line.
package struct ConsensusParameter: Equatable, Sendable, CustomStringConvertible {
    package let name: String
    package let value: Int32

    package init(name: String, value: Int32) {
        self.name = name
        self.value = value
    }

    /// `nil` unless the text is a name, `=` and a decimal number of 32 bits.
    package init?(_ text: some StringProtocol) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex, let value = Int32(text[text.index(after: equals)...]),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        self.init(name: String(text[..<equals]), value: value)
    }

    package var description: String { "\(name)=\(value)" }
}

/// The `dir-source` line: who votes, and where it listens.
package struct AuthoritySource: Equatable, Sendable, CustomStringConvertible {
    package var nickname: String
    /// SHA-1 of the v3 identity key.
    package var identity: RSAIdentity
    package var hostname: String
    package var address: IPAddress
    package var directoryPort: UInt16
    package var orPort: UInt16

    package init(nickname: String, identity: RSAIdentity, hostname: String? = nil, address: IPAddress, directoryPort: UInt16, orPort: UInt16) {
        self.nickname = nickname
        self.identity = identity
        self.hostname = hostname ?? address.description
        self.address = address
        self.directoryPort = directoryPort
        self.orPort = orPort
    }

    package var description: String { "dir-source \(nickname) \(identity) \(hostname) \(address) \(directoryPort) \(orPort)" }
}

/// What a vote says about shared randomness (srv-spec).
package struct SharedRandomOpinion: Equatable, Sendable {
    /// `NUMBER-OF-REVEALS BASE64`, as it stands on the line.
    package var previous: String?
    package var current: String?
    package var participates = false
    /// `shared-rand-commit` lines without their keyword.
    package var commits: [String] = []

    package init() {}
}

/// The network that all nodes of one cloud belong to. Made once per cloud and then fixed: the authority's keys and ports are in every torrc.
package struct NetworkPlan: Equatable, Codable, Sendable {
    package var authorityORPort: UInt16
    package var authorityDirPort: UInt16
    /// The authority's v3 identity, 40 hex digits.
    package var authorityIdentity: String
    /// The fingerprint of the authority as a relay, 40 hex digits.
    package var authorityFingerprint: String
    package var votingIntervalSeconds: Int64
    /// Whether exits connect to private addresses, this machine's own among them.
    package var isExitToPrivateAllowed: Bool
    /// Where the client listens, such as `127.0.0.1:9150`.
    package var socks: String
    package var streamLifeSeconds: Int64

    package init(
        authorityORPort: UInt16, authorityDirPort: UInt16, authorityIdentity: String, authorityFingerprint: String, votingIntervalSeconds: Int64,
        isExitToPrivateAllowed: Bool, socks: String, streamLifeSeconds: Int64
    ) {
        self.authorityORPort = authorityORPort
        self.authorityDirPort = authorityDirPort
        self.authorityIdentity = authorityIdentity
        self.authorityFingerprint = authorityFingerprint
        self.votingIntervalSeconds = votingIntervalSeconds
        self.isExitToPrivateAllowed = isExitToPrivateAllowed
        self.socks = socks
        self.streamLifeSeconds = streamLifeSeconds
    }

    /// The line by which everybody knows the authority.
    package var authorityLine: String {
        "DirAuthority \(Self.authorityNickname) orport=\(authorityORPort) no-v2 v3ident=\(authorityIdentity) 127.0.0.1:\(authorityDirPort) \(authorityFingerprint)"
    }

    package static let authorityNickname = "dustauthority"
    package static let clientNickname = "dustclient"
}

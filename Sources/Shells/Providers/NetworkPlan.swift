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
    /// How long motes of this machine hold packets of the mix on average; `nil`: they carry no mail.
    package var mailHoldSeconds: Int64?
    /// How letters for addresses outside leave; `nil`: they do not. This alone may change: motes that are made later go by it.
    package var mailExit: MailExit?
    /// Where the authority listens, if not on loopback.
    private var outerAddress: String?
    /// Whether authority and client run in the yard, a network of their own on this machine, with `address` as theirs; see `Yard`.
    private var yard: Bool?

    /// `address` is an IPv4 address at which all motes reach the authority.
    package init(
        authorityORPort: UInt16, authorityDirPort: UInt16, authorityIdentity: String, authorityFingerprint: String, votingIntervalSeconds: Int64,
        isExitToPrivateAllowed: Bool, socks: String, streamLifeSeconds: Int64,
        mailHoldSeconds: Int64? = nil, address: String = loopback, isInYard: Bool = false
    ) {
        self.authorityORPort = authorityORPort
        self.authorityDirPort = authorityDirPort
        self.authorityIdentity = authorityIdentity
        self.authorityFingerprint = authorityFingerprint
        self.votingIntervalSeconds = votingIntervalSeconds
        self.isExitToPrivateAllowed = isExitToPrivateAllowed
        self.socks = socks
        self.streamLifeSeconds = streamLifeSeconds
        self.mailHoldSeconds = mailHoldSeconds
        outerAddress = address == Self.loopback ? nil : address
        yard = isInYard ? true : nil
    }

    /// Where all nodes reach the authority: loopback for motes that are processes of this machine.
    package var address: String { outerAddress ?? Self.loopback }
    package var isInYard: Bool { yard ?? false }
    /// Where the client's process listens for SOCKS. From the yard it is forwarded to `socks`.
    var innerSocks: String { isInYard ? "\(address):\(NetworkPlan.yardSocksPort)" : socks }

    /// The line by which everybody knows the authority.
    package var authorityLine: String {
        "DirAuthority \(Self.authorityNickname) orport=\(authorityORPort) no-v2 v3ident=\(authorityIdentity) \(address):\(authorityDirPort) \(authorityFingerprint)"
    }

    package static let loopback = "127.0.0.1"
    static let yardSocksPort: UInt16 = 9150
    package static let authorityNickname = "dustauthority"
    package static let clientNickname = "dustclient"
}

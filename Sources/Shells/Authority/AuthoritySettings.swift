package import Ambience
package import Sealing
package import Voting

/// What an authority's configuration says.
package struct AuthoritySettings {
    /// DataDirectory: where pins of relay keys are kept.
    package var dataFolder: String
    package var nickname: String
    /// ContactInfo.
    package var contact: String
    package var address: IPAddress
    package var directoryPort: UInt16
    package var orPort: UInt16
    /// The RSA identity of this node as a relay.
    package var ownRelay: RSAIdentity
    /// All authorities of the network that vote, this one included.
    package var authorities: [VotingAuthority]
    package var times: VotingTimes
    package var rules: FlagRules
    /// ConsensusParams.
    package var parameters: [ConsensusParameter] = []
    /// Comma-separated; only of versioning authorities.
    package var clientVersions: String?
    package var serverVersions: String?
    package var protocols = ProtocolRecommendations.current
    /// DirAllowPrivateAddresses, or TestingTorNetwork.
    package var allowsPrivateAddresses = false
    /// AuthDirPinKeys.
    package var pinsKeys = true
    /// AuthDirHasIPv6Connectivity: relays are tested over IPv6 too, and must be reached there.
    package var testsIPv6 = false
    /// AuthDirSharedRandomness.
    package var sharesRandomness = true
    /// How long a link test that passed is not repeated, seconds.
    package var linkTestPeriodSeconds: Int64 = 1280

    package init(
        dataFolder: String, nickname: String, contact: String, address: IPAddress, directoryPort: UInt16, orPort: UInt16, ownRelay: RSAIdentity,
        authorities: [VotingAuthority], times: VotingTimes, rules: FlagRules
    ) {
        self.dataFolder = dataFolder
        self.nickname = nickname
        self.contact = contact
        self.address = address
        self.directoryPort = directoryPort
        self.orPort = orPort
        self.ownRelay = ownRelay
        self.authorities = authorities
        self.times = times
        self.rules = rules
        hurryLinkTests()
    }

    /// Intervals after which a relay that went away without notice is out of the consensus, where they are shorter than stock's times.
    private static let intervalsUntilGone: Int64 = 18
    /// Tests that must fail before that.
    private static let testsUntilGone: Int64 = 3

    /// A network that votes every few seconds has relays that live for minutes: stock's 45 minutes would list dead ones most of the time.
    private mutating func hurryLinkTests() {
        rules.reachableSeconds = min(rules.reachableSeconds, Self.intervalsUntilGone * times.regular.intervalSeconds)
        linkTestPeriodSeconds = min(linkTestPeriodSeconds, rules.reachableSeconds / Self.testsUntilGone)
    }
}

/// One voting authority, as its DirAuthority line has it.
package struct VotingAuthority: Equatable, Sendable {
    package var nickname: String
    /// `v3ident`.
    package var identity: RSAIdentity
    /// Its RSA identity as a relay.
    package var relay: RSAIdentity
    package var orAddress: SocketAddress

    package init(nickname: String, identity: RSAIdentity, relay: RSAIdentity, orAddress: SocketAddress) {
        self.nickname = nickname
        self.identity = identity
        self.relay = relay
        self.orAddress = orAddress
    }
}

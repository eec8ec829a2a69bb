package import Ambience
package import Directory

/// What a node is told to be, read from torrc and command line, with defaults filled in.
package struct NodeConfiguration: Sendable {
    package var general = GeneralOptions()
    package var relay = RelayOptions()
    package var limits = LimitOptions()
    package var bridge = BridgeOptions()
    package var exit = ExitOptions()
    package var services = ServiceOptions()
    package var padding = PaddingOptions()
    package var client = ClientOptions()
    package var authority = AuthorityOptions()
    package var operating = OperatingOptions()
    package var mote = MoteOptions()
    package var mail = MailOptions()

    /// - Parameter isTesting: starts from the defaults of `TestingTorNetwork 1` (tor(1), "TESTING NETWORK OPTIONS").
    package init(isTesting: Bool = false) {
        general.isTestingNetwork = isTesting
        if isTesting { applyTestingDefaults() }
    }

    private mutating func applyTestingDefaults() {
        relay.isExtendToPrivateAllowed = true
        relay.isExitToPrivateRejected = false
        client.isDistinctSubnetsEnforced = false
        client.isRejectInternalAddresses = false
        authority.isPrivateAddressAllowed = true
        authority.maxServersPerAddress = 0
        authority.minHSDirUptime = .seconds(Int64(0))
        authority.votingInterval = .seconds(Int64(300))
        authority.voteDelay = .seconds(Int64(20))
        authority.distributionDelay = .seconds(Int64(20))
        authority.initialVotingInterval = .seconds(Int64(150))
        authority.initialVoteDelay = .seconds(Int64(20))
        authority.initialDistributionDelay = .seconds(Int64(20))
    }

    /// Whether the node runs an ORPort.
    package var isRelay: Bool { !relay.orPorts.isEmpty && !client.isClientOnly }
    /// Whether the node serves SOCKS.
    package var isClient: Bool { !client.socksPorts.isEmpty }
}

/// Yes, no, or what the consensus or the circumstances say.
package enum Choice: Equatable, Sendable { case automatic, yes, no }

/// Options that every kind of node has.
package struct GeneralOptions: Sendable {
    package var isTestingNetwork = false
    /// `nil`: the program's default folder.
    package var dataDirectory: String?
    /// `nil`: `keys` in the data directory.
    package var keyDirectory: String?
    /// `nil`: the data directory.
    package var cacheDirectory: String?
    package var pidFile: String?
    /// Empty: notices to standard output.
    package var logs: [LogLine] = []
    package var authorities: [AuthorityLine] = []
    package var shutdownWait = Instant.Span.seconds(Int64(30))
}

/// Options of relays.
package struct RelayOptions: Sendable {
    package var nickname: String?
    package var contact: String?
    /// Numeric addresses of `Address` lines; names are kept apart in `addressNames`.
    package var addresses: [IPAddress] = []
    package var addressNames: [String] = []
    package var isIPv6Disabled = false
    package var orPorts: [PortLine] = []
    package var dirPorts: [PortLine] = []
    package var isAssumedReachable = false
    /// `automatic`: as `isAssumedReachable` says.
    package var isAssumedReachableOverIPv6: Choice = .automatic
    package var isPublishing = true
    package var isDirectoryCache = true
    /// What a DirPort shows to a browser; `nil`: nothing.
    package var frontPageFile: String?
    package var isExtraInfoWanted = false
    package var family: [String] = []
    package var exit: Choice = .automatic
    /// The rules of all `ExitPolicy` lines, in order.
    package var exitRules = ExitPolicy()
    package var isReducedExitPolicy = false
    package var isExitToPrivateRejected = true
    package var isIPv6Exit = false
    package var refuseUnknownExits: Choice = .automatic
    package var isExtendToPrivateAllowed = false
    /// Bytes per second.
    package var bandwidthRate: UInt64 = 1 << 30
    package var bandwidthBurst: UInt64 = 1 << 30
    /// 0: the same as `bandwidthRate`.
    package var relayBandwidthRate: UInt64 = 0
    package var relayBandwidthBurst: UInt64 = 0
    package var maxAdvertisedBandwidth: UInt64 = 1 << 30
    package var resolvConfFile: String?
    package var isMasterKeyOffline = false
    package var families = FamilyOptions()
    package var signingKeyLifetime = Instant.Span.seconds(Int64(30 * 86400))
    /// How many loops and how many handshake threads; `nil`: as many as the machine has processors.
    package var processors: Int?
    /// 0: what the consensus says.
    package var maxOnionQueueDelay = Instant.Span.seconds(Int64(0))
    package var linkCertificateLifetime = Instant.Span.seconds(Int64(2 * 86400))
}

/// Families that a relay proves to belong to by keys.
package struct FamilyOptions: Equatable, Sendable {
    package init() {}

    /// Unpadded base64 of public keys.
    package var ids: [String] = []
    /// `FamilyId *`: every key that is there.
    package var takesAll = false
    /// `nil`: the key directory.
    package var folder: String?
    package var isAny: Bool { takesAll || !ids.isEmpty }
}

/// Options of clients.
package struct ClientOptions: Sendable {
    package var isClientOnly = false
    package var socksPorts: [PortLine] = []
    /// Whether a torrc said anything about SocksPort; if not, 9050 on loopback is the default.
    package var isSocksPortGiven = false
    /// Who may use them; whom no rule names may.
    package var socksPolicy = ExitPolicy()
    package var entryNodes = NodeSet()
    package var middleNodes = NodeSet()
    package var exitNodes = NodeSet()
    package var excludedNodes = NodeSet()
    package var excludedExitNodes = NodeSet()
    package var isStrict = false
    package var isUsingEntryGuards = true
    /// 0: what the consensus says.
    package var entryGuards = 0
    package var isDistinctSubnetsEnforced = true
    package var isRejectInternalAddresses = true
    /// Fraction of paths by weight; `nil`: what the consensus says.
    package var pathsNeeded: Double?
    package var circuitBuildTimeout = Instant.Span.seconds(Int64(60))
    package var maxCircuitDirtiness = Instant.Span.seconds(Int64(600))
    /// Zero: the built-in schedule.
    package var circuitStreamTimeout = Instant.Span.seconds(Int64(0))
    package var socksTimeout = Instant.Span.seconds(Int64(120))
    package var maxCircuitsPending = 32
    package var longLivedPorts: Set<UInt16> = [21, 22, 706, 1863, 5050, 5190, 5222, 5223, 6523, 6667, 6697, 8300]
    package var isSafeSocks = false
}

/// Options of directory authorities.
package struct AuthorityOptions: Sendable {
    package var isAuthoritative = false
    package var isV3 = false
    package var votingInterval = Instant.Span.seconds(Int64(3600))
    package var voteDelay = Instant.Span.seconds(Int64(300))
    package var distributionDelay = Instant.Span.seconds(Int64(300))
    package var initialVotingInterval = Instant.Span.seconds(Int64(1800))
    package var initialVoteDelay = Instant.Span.seconds(Int64(300))
    package var initialDistributionDelay = Instant.Span.seconds(Int64(300))
    package var votingStartOffset = Instant.Span.seconds(Int64(0))
    package var intervalsValid = 3
    package var consensusParameters: [ConsensusParameter] = []
    package var isTestingReachability = true
    package var isTestingIPv6 = false
    package var isSharingRandomness = true
    package var isPinningKeys = true
    package var maxServersPerAddress = 2
    package var isPrivateAddressAllowed = false
    package var minHSDirUptime = Instant.Span.seconds(Int64(96 * 3600))
    package var voteExit = NodeSet()
    package var isVoteExitStrict = false
    package var voteGuard = NodeSet()
    package var isVoteGuardStrict = false
    package var voteHSDir = NodeSet()
    package var isVoteHSDirStrict = false
    /// Bytes per second.
    package var minExitThreshold: UInt64 = 0
    package var minFastThreshold: UInt64 = 0
    package var recommendedVersions: [String] = []
    package var recommendedClientVersions: [String] = []
    package var recommendedServerVersions: [String] = []
}

/// A `KEY=VALUE` of ConsensusParams.
package struct ConsensusParameter: Equatable, Sendable {
    package let name: String
    package let value: Int32
}

/// Options that only motes have.
package struct MoteOptions: Equatable, Sendable {
    package init() {}

    /// When the node must be gone, if that is fixed.
    package var expires: WallTime?
    /// How long the node runs from its start, if that is fixed.
    package var lifetime: Instant.Span?
    /// How long before its end a node takes no new circuits.
    package var drainWindow = Instant.Span.seconds(Int64(600))
    /// How long the client expects a stream to live.
    package var streamLife = Instant.Span.seconds(Int64(600))
    /// What the node is on the exchange as; without it, it is not.
    package var marketFolder: String?
    /// What lets our client into motes that are sold.
    package var ticketsFolder: String?
}

internal import Ambience
internal import Authority
internal import Sealing
internal import Torrc
internal import Voting

extension AuthoritySettings {
    /// The authority's part of a configuration.
    init(_ configuration: NodeConfiguration, folder: String, address: OwnAddress, own: RSAIdentity) {
        self.init(
            dataFolder: folder, nickname: configuration.relay.nickname ?? "Unnamed", contact: configuration.relay.contact ?? "",
            address: address.ip, directoryPort: address.dirPort, orPort: address.orPort, ownRelay: own,
            authorities: configuration.general.authorities.compactMap(VotingAuthority.init), times: VotingTimes(configuration.authority),
            rules: FlagRules(configuration))
        parameters = configuration.authority.consensusParameters.map { Voting.ConsensusParameter(name: $0.name, value: $0.value) }
        let common = configuration.authority.recommendedVersions
        clientVersions = Self.versions(common + configuration.authority.recommendedClientVersions)
        serverVersions = Self.versions(common + configuration.authority.recommendedServerVersions)
        allowsPrivateAddresses = configuration.authority.isPrivateAddressAllowed || configuration.general.isTestingNetwork
        testsIPv6 = configuration.authority.isTestingIPv6
        sharesRandomness = configuration.authority.isSharingRandomness
        pinsKeys = configuration.authority.isPinningKeys
    }

    private static func versions(_ list: [String]) -> String? { list.isEmpty ? nil : list.joined(separator: ",") }
}

extension VotingAuthority {
    /// `nil` for an authority that does not vote or has no ORPort.
    init?(_ line: AuthorityLine) {
        guard let identity = line.v3Identity, let address = line.relay else { return nil }
        self.init(nickname: line.nickname ?? "unnamed", identity: identity, relay: line.rsa, orAddress: address)
    }
}

extension VotingTimes {
    init(_ options: AuthorityOptions) {
        func seconds(_ span: Instant.Span) -> Int64 { span.inMilliseconds / 1000 }
        self.init(
            regular: VotingIntervals(
                intervalSeconds: seconds(options.votingInterval), voteDelaySeconds: seconds(options.voteDelay), distDelaySeconds: seconds(options.distributionDelay)),
            initial: VotingIntervals(
                intervalSeconds: seconds(options.initialVotingInterval), voteDelaySeconds: seconds(options.initialVoteDelay),
                distDelaySeconds: seconds(options.initialDistributionDelay)),
            intervalsValid: Int64(options.intervalsValid), startOffsetSeconds: seconds(options.votingStartOffset))
    }
}

extension FlagRules {
    init(_ configuration: NodeConfiguration) {
        let options = configuration.authority
        self = configuration.general.isTestingNetwork ? .testingNetwork : FlagRules()
        testsReachability = options.isTestingReachability
        minimumHSDirUptimeSeconds = options.minHSDirUptime.inMilliseconds / 1000
        maximumRelaysPerAddress = options.maxServersPerAddress
        testingMinimumExitBytes = options.minExitThreshold
        testingMinimumFastBytes = options.minFastThreshold
        exitGrant = Self.grant(options.voteExit, isStrict: options.isVoteExitStrict)
        guardGrant = Self.grant(options.voteGuard, isStrict: options.isVoteGuardStrict)
        hsDirGrant = Self.grant(options.voteHSDir, isStrict: options.isVoteHSDirStrict)
    }

    private static func grant(_ relays: NodeSet, isStrict: Bool) -> Grant? {
        guard !relays.isEmpty || isStrict else { return nil }
        return Grant(isStrict: isStrict) { relays.contains($0.rsa, nickname: $0.nickname, addresses: [$0.address]) }
    }
}

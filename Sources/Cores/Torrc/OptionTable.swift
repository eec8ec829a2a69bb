internal import Ambience
internal import Bytes
internal import Directory
internal import Sealing

/// Every option that this node implements.
enum OptionTable {
    static let rows: [OptionRow] = general + relay + services + padding + bridge + limits + exit + client + authority + operating + mote + mail

    static let byName: [String: OptionRow] = Dictionary(uniqueKeysWithValues: rows.map { ($0.name.lowercased(), $0) })

    private static let general: [OptionRow] = [
        .flag("TestingTorNetwork", \.general.isTestingNetwork),
        .text("DataDirectory", \.general.dataDirectory),
        .text("KeyDirectory", \.general.keyDirectory),
        .text("CacheDirectory", \.general.cacheDirectory),
        .text("PidFile", \.general.pidFile),
        OptionRow(name: "DisableNetwork") { _, text throws(ValueError) in
            guard try !OptionRow.flag(text) else { throw ValueError("0: a node without a network is not supported") }
        },
        .span("ShutdownWaitLength", \.general.shutdownWait),
        OptionRow(name: "Log", isList: true) { configuration, text throws(ValueError) in configuration.general.logs.append(try LogLine.parse(text)) },
        OptionRow(name: "DirAuthority", isList: true, apply: addAuthority),
        OptionRow(name: "AlternateDirAuthority", isList: true, apply: addAuthority),
    ]

    private static let relay: [OptionRow] = [
        OptionRow(name: "Nickname") { configuration, text throws(ValueError) in
            guard Nickname.isLegal(text) else { throw ValueError("1 to 19 letters and digits") }
            configuration.relay.nickname = text
        },
        OptionRow(name: "ContactInfo") { configuration, text throws(ValueError) in
            guard !text.utf8.contains(where: { $0 < 0x20 }) else { throw ValueError("one line of text") }
            configuration.relay.contact = text
        },
        OptionRow(name: "Address", isList: true) { configuration, text throws(ValueError) in
            let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
            if let ip = IPAddress(bare) { configuration.relay.addresses.append(ip) } else { configuration.relay.addressNames.append(bare) }
        },
        OptionRow(name: "PublishServerDescriptor") { configuration, text throws(ValueError) in
            let words = OptionRow.items(text.lowercased())
            guard words.allSatisfy(["0", "1", "v3", "bridge"].contains) else { throw ValueError("0, 1, v3 or bridge") }
            configuration.relay.isPublishing = words.contains("1") || words.contains("v3")
            configuration.bridge.isPublishing = words.contains("1") || words.contains("bridge")
        },
        .flag("AddressDisableIPv6", \.relay.isIPv6Disabled),
        .ports("ORPort", \.relay.orPorts, flags: PortLine.relayFlags),
        .ports("DirPort", \.relay.dirPorts, flags: PortLine.relayFlags),
        .flag("AssumeReachable", \.relay.isAssumedReachable),
        .choice("AssumeReachableIPv6", \.relay.isAssumedReachableOverIPv6),
        .flag("DirCache", \.relay.isDirectoryCache),
        .text("DirPortFrontPage", \.relay.frontPageFile),
        .flag("DownloadExtraInfo", \.relay.isExtraInfoWanted),
        OptionRow(name: "MyFamily", isList: true) { configuration, text throws(ValueError) in
            configuration.relay.family += try OptionRow.items(text).map { item throws(ValueError) in try Self.member(item) }
        },
        .choice("ExitRelay", \.relay.exit),
        OptionRow(name: "ExitPolicy", isList: true) { configuration, text throws(ValueError) in
            do throws(PolicyError) {
                configuration.relay.exitRules.rules += try ExitPolicy(torrc: text).rules
            } catch {
                throw ValueError("accept or reject ADDRESS[/MASK][:PORTS] between commas, but \(error)")
            }
        },
        .flag("ReducedExitPolicy", \.relay.isReducedExitPolicy),
        .flag("ExitPolicyRejectPrivate", \.relay.isExitToPrivateRejected),
        .flag("IPv6Exit", \.relay.isIPv6Exit),
        .choice("RefuseUnknownExits", \.relay.refuseUnknownExits),
        .flag("ExtendAllowPrivateAddresses", \.relay.isExtendToPrivateAllowed),
        .bytes("BandwidthRate", \.relay.bandwidthRate),
        .bytes("BandwidthBurst", \.relay.bandwidthBurst),
        .bytes("RelayBandwidthRate", \.relay.relayBandwidthRate),
        .bytes("RelayBandwidthBurst", \.relay.relayBandwidthBurst),
        .bytes("MaxAdvertisedBandwidth", \.relay.maxAdvertisedBandwidth),
        OptionRow(name: "NumCPUs") { configuration, text throws(ValueError) in
            guard let value = Int(text), (0...128).contains(value) else { throw ValueError("a whole number from 0 to 128") }
            configuration.relay.processors = value == 0 ? nil : value
        },
        OptionRow(name: "MaxOnionQueueDelay") { configuration, text throws(ValueError) in
            configuration.relay.maxOnionQueueDelay = try Units.span(text, unit: "msec")
        },
        .text("ServerDNSResolvConfFile", \.relay.resolvConfFile),
        .flag("OfflineMasterKey", \.relay.isMasterKeyOffline),
        OptionRow(name: "FamilyId", isList: true) { configuration, text throws(ValueError) in
            if text == "*" { return configuration.relay.families.takesAll = true }
            guard let key = Base64.decode(text), key.count == 32 else { throw ValueError("* or what NAME.public_family_id holds") }
            configuration.relay.families.ids.append(Base64.encode(key, padded: false))
        },
        .text("FamilyKeyDirectory", \.relay.families.folder),
        .span("SigningKeyLifetime", \.relay.signingKeyLifetime),
        .span("TestingLinkCertLifetime", \.relay.linkCertificateLifetime, testing: true),
    ]

    private static let client: [OptionRow] = [
        .flag("ClientOnly", \.client.isClientOnly),
        OptionRow(name: "SocksPort", isList: true) { configuration, text throws(ValueError) in
            configuration.client.isSocksPortGiven = true
            if let port = try PortLine.parse(text, allowing: PortLine.socksFlags) { configuration.client.socksPorts.append(port) }
        },
        .policy("SocksPolicy", \.client.socksPolicy),
        .nodes("EntryNodes", \.client.entryNodes),
        .nodes("MiddleNodes", \.client.middleNodes),
        .nodes("ExitNodes", \.client.exitNodes),
        .nodes("ExcludeNodes", \.client.excludedNodes),
        .nodes("ExcludeExitNodes", \.client.excludedExitNodes),
        .flag("StrictNodes", \.client.isStrict),
        .flag("UseEntryGuards", \.client.isUsingEntryGuards),
        .count("NumEntryGuards", \.client.entryGuards, 0...100),
        .flag("EnforceDistinctSubnets", \.client.isDistinctSubnetsEnforced),
        .flag("ClientRejectInternalAddresses", \.client.isRejectInternalAddresses),
        OptionRow(name: "PathsNeededToBuildCircuits") { configuration, text throws(ValueError) in
            guard let value = Double(text), value <= 1 else { throw ValueError("a fraction such as 0.67") }
            configuration.client.pathsNeeded = value < 0 ? nil : value
        },
        .span("CircuitBuildTimeout", \.client.circuitBuildTimeout),
        .span("MaxCircuitDirtiness", \.client.maxCircuitDirtiness),
        .span("CircuitStreamTimeout", \.client.circuitStreamTimeout),
        .span("SocksTimeout", \.client.socksTimeout),
        .count("MaxClientCircuitsPending", \.client.maxCircuitsPending, 1...1024),
        OptionRow(name: "LongLivedPorts") { configuration, text throws(ValueError) in
            let ports = OptionRow.items(text).map { UInt16($0) }
            guard !ports.contains(nil) else { throw ValueError("ports separated by commas") }
            configuration.client.longLivedPorts = Set(ports.compactMap(\.self))
        },
        .flag("SafeSocks", \.client.isSafeSocks),
    ]

    private static let authority: [OptionRow] = [
        .flag("AuthoritativeDirectory", \.authority.isAuthoritative),
        .flag("V3AuthoritativeDirectory", \.authority.isV3),
        .span("V3AuthVotingInterval", \.authority.votingInterval),
        .span("V3AuthVoteDelay", \.authority.voteDelay),
        .span("V3AuthDistDelay", \.authority.distributionDelay),
        .count("V3AuthNIntervalsValid", \.authority.intervalsValid, 2...1000),
        .span("TestingV3AuthInitialVotingInterval", \.authority.initialVotingInterval, testing: true),
        .span("TestingV3AuthInitialVoteDelay", \.authority.initialVoteDelay, testing: true),
        .span("TestingV3AuthInitialDistDelay", \.authority.initialDistributionDelay, testing: true),
        .span("TestingV3AuthVotingStartOffset", \.authority.votingStartOffset, testing: true),
        OptionRow(name: "ConsensusParams", isList: true, apply: addParameters),
        .flag("AuthDirTestReachability", \.authority.isTestingReachability),
        .flag("AuthDirHasIPv6Connectivity", \.authority.isTestingIPv6),
        .flag("AuthDirSharedRandomness", \.authority.isSharingRandomness),
        .flag("AuthDirPinKeys", \.authority.isPinningKeys),
        .count("AuthDirMaxServersPerAddr", \.authority.maxServersPerAddress, 0...1_000_000),
        .flag("DirAllowPrivateAddresses", \.authority.isPrivateAddressAllowed),
        .span("MinUptimeHidServDirectoryV2", \.authority.minHSDirUptime),
        .nodes("TestingDirAuthVoteExit", \.authority.voteExit, testing: true),
        .flag("TestingDirAuthVoteExitIsStrict", \.authority.isVoteExitStrict, testing: true),
        .nodes("TestingDirAuthVoteGuard", \.authority.voteGuard, testing: true),
        .flag("TestingDirAuthVoteGuardIsStrict", \.authority.isVoteGuardStrict, testing: true),
        .nodes("TestingDirAuthVoteHSDir", \.authority.voteHSDir, testing: true),
        .flag("TestingDirAuthVoteHSDirIsStrict", \.authority.isVoteHSDirStrict, testing: true),
        .bytes("TestingMinExitFlagThreshold", \.authority.minExitThreshold, testing: true),
        .bytes("TestingMinFastFlagThreshold", \.authority.minFastThreshold, testing: true),
        .words("RecommendedVersions", \.authority.recommendedVersions),
        .words("RecommendedClientVersions", \.authority.recommendedClientVersions),
        .words("RecommendedServerVersions", \.authority.recommendedServerVersions),
    ]

    private static let mote: [OptionRow] = [
        OptionRow(name: "MoteExpires", isOurs: true) { configuration, text throws(ValueError) in
            guard let time = RFC3339.time(text) else { throw ValueError("a time such as 2027-01-31T12:00:00Z") }
            configuration.mote.expires = time
        },
        OptionRow(name: "MoteLifetime", isOurs: true) { configuration, text throws(ValueError) in
            let span = try Units.span(text)
            guard span > .seconds(Int64(0)) else { throw ValueError("more than no time") }
            configuration.mote.lifetime = span
        },
        ours(.span("MoteDrainWindow", \.mote.drainWindow)),
        ours(.span("MoteStreamLife", \.mote.streamLife)),
        ours(.text("MoteMarket", \.mote.marketFolder)),
        ours(.text("MoteTickets", \.mote.ticketsFolder)),
    ]

    @Sendable static func ours(_ row: OptionRow) -> OptionRow {
        var row = row
        row.isOurs = true
        return row
    }

    /// A member of a family as descriptors have it: `$` and 40 hex digits, or a nickname.
    private static func member(_ item: String) throws(ValueError) -> String {
        if let identity = RSAIdentity(hex: item.prefix { $0 != "~" && $0 != "=" }) { return "$\(identity)" }
        guard Nickname.isLegal(item) else { throw ValueError("fingerprints (or nicknames) separated by commas") }
        return item
    }

    @Sendable private static func addAuthority(_ configuration: inout NodeConfiguration, _ text: String) throws(ValueError) {
        configuration.general.authorities.append(try AuthorityLine.parse(text))
    }

    @Sendable private static func addParameters(_ configuration: inout NodeConfiguration, _ text: String) throws(ValueError) {
        for word in text.split(whereSeparator: { $0 == " " || $0 == "\t" }) {
            let parts = word.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let value = Int32(parts[1]) else { throw ValueError("NAME=NUMBER pairs separated by spaces") }
            configuration.authority.consensusParameters.append(ConsensusParameter(name: String(parts[0]), value: value))
        }
    }
}

internal import Ambience
internal import Directory
internal import Loops
internal import Relaying
internal import Torrc

/// What the relay says of itself, from its options and its state.
struct RelayContent {
    let configuration: NodeConfiguration
    let address: OwnAddress

    /// A relay that nobody has measured yet claims what every machine with a network has. Motes live too short to be found out slowly.
    private static let initialBandwidth: UInt64 = 128 << 10
    /// Rates beyond this do not fit the document.
    private static let bandwidthLimit = UInt64(Int32.max)

    var nickname: String { configuration.relay.nickname ?? "Unnamed" }

    var policy: ExitPolicy {
        let relay = configuration.relay
        return ExitPolicy(
            ExitPolicyOptions(
                isExit: isExit, rules: relay.exitRules, rejectsPrivate: relay.isExitToPrivateRejected, isReduced: relay.isReducedExitPolicy,
                allowsIPv6: relay.isIPv6Exit, ownAddresses: ownAddresses))
    }

    private var ownAddresses: [IPAddress] {
        let exit = configuration.exit
        guard exit.areOwnInterfacesRejected else { return address.all + exit.outbound + exit.outboundExit }
        let bound = (configuration.relay.orPorts + configuration.relay.dirPorts).compactMap(\.ip)
        return address.all + exit.outbound + exit.outboundExit + exit.outboundLink + bound + Sockets.interfaceAddresses()
    }

    /// `ExitRelay auto` is an exit when the operator wrote a policy.
    private var isExit: Bool {
        switch configuration.relay.exit {
        case .yes: true
        case .no: false
        case .automatic: !configuration.relay.exitRules.rules.isEmpty || configuration.relay.isReducedExitPolicy || configuration.relay.isIPv6Exit
        }
    }

    /// - Parameters:
    ///   - seen: bytes per second, from `RelayRecords`.
    ///   - isMeasured: whether that says what the relay can carry.
    func observed(_ seen: UInt64, isMeasured: Bool) -> UInt64 { min(isMeasured ? seen : max(seen, Self.initialBandwidth), rates.rate) }

    var rates: (rate: UInt64, burst: UInt64) {
        let relay = configuration.relay
        let ownRate = relay.relayBandwidthRate > 0 ? relay.relayBandwidthRate : relay.bandwidthRate
        let ownBurst = relay.relayBandwidthBurst > 0 ? relay.relayBandwidthBurst : relay.bandwidthBurst
        return (min(ownRate, relay.bandwidthRate, relay.maxAdvertisedBandwidth, Self.bandwidthLimit), min(ownBurst, relay.bandwidthBurst, Self.bandwidthLimit))
    }

    /// - Parameter observed: bytes per second.
    func descriptor(at now: WallTime, upSince started: WallTime, observed: UInt64, isHibernating: Bool, life: LifeSpan?) -> DescriptorContent {
        let bandwidth = RouterDescriptor.Bandwidth(rate: UInt32(clamping: rates.rate), burst: UInt32(clamping: rates.burst), observed: UInt32(clamping: observed))
        var content = DescriptorContent(
            nickname: nickname, address: address.ip, orPort: address.orPort, platform: ProductVersion.platform, published: now, bandwidth: bandwidth)
        content.dirPort = configuration.relay.isDirectoryCache ? address.dirPort : 0
        content.ipv6 = address.ipv6
        content.uptimeSeconds = UInt64(max(0, now - started))
        content.family = configuration.relay.family
        content.contact = configuration.relay.contact
        content.bridgeDistribution = configuration.bridge.isBridge ? configuration.bridge.distribution : nil
        content.policy = policy
        content.isHibernating = isHibernating
        content.isTunnelledDirectory = configuration.relay.isDirectoryCache
        content.cachesExtraInfo = configuration.relay.isDirectoryCache && configuration.relay.isExtraInfoWanted
        if !configuration.relay.isDirectoryCache { content.protocols = content.protocols.removing("DirCache").removing("HSDir") }
        content.isHiddenServiceDirectory = configuration.relay.isDirectoryCache
        content.expires = life?.expires
        return content
    }
}

internal import Ambience
internal import Client
internal import Paths
internal import Torrc

extension ClientSettings {
    /// The client's part of a configuration.
    init(_ configuration: NodeConfiguration, stateFile: String) {
        let options = configuration.client
        self.init()
        ports = options.socksPorts.map { SocksPortSettings(address: $0.socksAddress, flags: $0.flags) }
        socksPolicy = options.socksPolicy
        paths = PathPolicy(configuration)
        pool.buildTimeout = options.circuitBuildTimeout
        pool.maxDirtiness = options.maxCircuitDirtiness
        pool.streamTimeout = options.socksTimeout
        if options.circuitStreamTimeout > .seconds(Int64(0)) { pool.connectTimeouts = [options.circuitStreamTimeout] }
        pool.pendingLimit = options.maxCircuitsPending
        pathsNeeded = options.pathsNeeded
        rejectsInternalAddresses = options.isRejectInternalAddresses
        isSafeSocks = options.isSafeSocks
        self.stateFile = stateFile
        ticketsFolder = configuration.mote.ticketsFolder
    }
}

extension PortLine {
    /// Loopback unless the line names an address; port 0 lets the system choose.
    fileprivate var socksAddress: SocketAddress {
        let number: UInt16 = if case .fixed(let fixed) = port { fixed } else { 0 }
        return SocketAddress(ip: ip ?? .v4(0x7F00_0001), port: number)
    }
}

extension PathPolicy {
    fileprivate init(_ configuration: NodeConfiguration) {
        let options = configuration.client
        self.init()
        entryNodes = RelaySet(options.entryNodes)
        middleNodes = RelaySet(options.middleNodes)
        exitNodes = RelaySet(options.exitNodes)
        excludeNodes = RelaySet(options.excludedNodes)
        excludeExitNodes = RelaySet(options.excludedExitNodes)
        enforceDistinctSubnets = options.isDistinctSubnetsEnforced
        useEntryGuards = options.isUsingEntryGuards
        numEntryGuards = options.entryGuards
        longLivedPorts = options.longLivedPorts
        streamLifeSeconds = configuration.mote.streamLife.inMilliseconds / 1000
    }
}

extension RelaySet {
    fileprivate init(_ set: NodeSet) {
        self.init(
            isEverything: set.containsAll, identities: set.fingerprints, nicknames: set.nicknames, networks: set.networks.map { ($0.ip, $0.prefixBits) })
    }
}

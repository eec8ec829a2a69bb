internal import Ambience
internal import Directory

/// What can only be judged when all options are read.
enum Soundness {
    static func check(_ configuration: inout NodeConfiguration, _ assignments: [Assignment], _ warnings: inout [String]) throws(TorrcError) {
        let report = { (option: String, problem: String) in
            TorrcError(origin: assignments.last { $0.option == option }?.origin, option: option, problem: problem)
        }
        do throws(Finding) {
            try checkMote(configuration)
            try checkAuthority(configuration)
            try checkRelay(configuration)
            try checkSurroundings(configuration)
            try checkBridge(configuration, assignments)
        } catch {
            throw report(error.option, error.problem)
        }
        settle(&configuration, &warnings)
        configuration.operating.settle(&warnings)
    }

    private struct Finding: Error {
        let option: String
        let problem: String
    }

    private static func checkMote(_ configuration: NodeConfiguration) throws(Finding) {
        guard configuration.mote.expires == nil || configuration.mote.lifetime == nil else {
            throw Finding(option: "MoteLifetime", problem: "and MoteExpires exclude each other: give one")
        }
        guard configuration.mote.marketFolder == nil || !configuration.relay.orPorts.isEmpty else {
            throw Finding(option: "MoteMarket", problem: "needs an ORPort: only a relay can be sold")
        }
        if let (option, problem) = configuration.mail.trouble(isRelay: configuration.isRelay, isCache: configuration.relay.isDirectoryCache) {
            throw Finding(option: option, problem: problem)
        }
    }

    private static func checkAuthority(_ configuration: NodeConfiguration) throws(Finding) {
        let authority = configuration.authority
        guard authority.isAuthoritative else { return }
        guard authority.isV3 else { throw Finding(option: "AuthoritativeDirectory", problem: "needs V3AuthoritativeDirectory 1: there is no other kind here") }
        guard !configuration.relay.orPorts.isEmpty else { throw Finding(option: "AuthoritativeDirectory", problem: "needs an ORPort") }
        guard !configuration.relay.dirPorts.isEmpty else { throw Finding(option: "AuthoritativeDirectory", problem: "needs a DirPort") }
        guard configuration.relay.contact != nil else { throw Finding(option: "AuthoritativeDirectory", problem: "needs ContactInfo") }
        try checkSchedule(configuration)
    }

    /// dir-spec.txt 1.4 and the limits stock enforces on the schedule.
    private static func checkSchedule(_ configuration: NodeConfiguration) throws(Finding) {
        let authority = configuration.authority
        let isTesting = configuration.general.isTestingNetwork
        let interval = authority.votingInterval.inMilliseconds / 1000
        let least: Int64 = isTesting ? 10 : 300
        guard interval >= least, 86400 % interval == 0 else {
            throw Finding(option: "V3AuthVotingInterval", problem: "expected at least \(least) seconds, dividing 24 hours evenly")
        }
        for (option, delay) in [("V3AuthVoteDelay", authority.voteDelay), ("V3AuthDistDelay", authority.distributionDelay)]
        where delay.inMilliseconds < (isTesting ? 2000 : 20_000) {
            throw Finding(option: option, problem: "expected at least \(isTesting ? 2 : 20) seconds")
        }
        guard (authority.voteDelay + authority.distributionDelay).inMilliseconds * 2 < authority.votingInterval.inMilliseconds else {
            throw Finding(option: "V3AuthVoteDelay", problem: "and V3AuthDistDelay together must be less than half of V3AuthVotingInterval")
        }
        if isTesting { try checkInitialSchedule(authority) }
    }

    private static func checkInitialSchedule(_ authority: AuthorityOptions) throws(Finding) {
        let interval = authority.initialVotingInterval.inMilliseconds / 1000
        guard interval >= 5, 1800 % interval == 0 else {
            throw Finding(option: "TestingV3AuthInitialVotingInterval", problem: "expected at least 5 seconds, dividing 30 minutes evenly")
        }
        guard authority.initialVoteDelay + authority.initialDistributionDelay < authority.initialVotingInterval else {
            throw Finding(option: "TestingV3AuthInitialVoteDelay", problem: "and TestingV3AuthInitialDistDelay together must be less than the interval")
        }
    }

    /// A transport's proxy is a program, and has to be started again when it dies.
    private static func checkSurroundings(_ configuration: NodeConfiguration) throws(Finding) {
        guard configuration.operating.isSandboxed, !configuration.bridge.plugins.isEmpty else { return }
        throw Finding(option: "Sandbox", problem: "excludes ServerTransportPlugin, which starts programs")
    }

    private static func checkRelay(_ configuration: NodeConfiguration) throws(Finding) {
        guard configuration.relay.orPorts.count <= portLimit, configuration.relay.dirPorts.count <= portLimit else {
            throw Finding(option: "ORPort", problem: "expected at most \(portLimit) lines")
        }
        guard configuration.relay.addresses.filter(\.isIPv4).count <= 1 else { throw Finding(option: "Address", problem: "expected at most one IPv4 address") }
        guard configuration.general.isTestingNetwork ? !configuration.general.authorities.isEmpty : true else {
            throw Finding(option: "TestingTorNetwork", problem: "needs DirAuthority lines")
        }
    }

    private static let portLimit = 16

    private static func checkBridge(_ configuration: NodeConfiguration, _ assignments: [Assignment]) throws(Finding) {
        let bridge = configuration.bridge
        guard bridge.extORPorts.count <= 1 else { throw Finding(option: "ExtORPort", problem: "expected at most one line") }
        guard bridge.isBridge else {
            guard !assignments.contains(where: { $0.option == "BridgeDistribution" }) else { throw Finding(option: "BridgeDistribution", problem: "needs BridgeRelay 1") }
            return
        }
        guard configuration.isRelay else { throw Finding(option: "BridgeRelay", problem: "needs an ORPort") }
        guard configuration.relay.isDirectoryCache else { throw Finding(option: "DirCache", problem: "a bridge's clients fetch everything through it: expected 1") }
        guard !configuration.authority.isAuthoritative else { throw Finding(option: "BridgeRelay", problem: "and AuthoritativeDirectory exclude each other") }
    }

    private static func settleBridge(_ configuration: inout NodeConfiguration, _ warnings: inout [String]) {
        if configuration.bridge.isExecutionForbidden, !configuration.bridge.plugins.isEmpty {
            warnings.append("NoExec: no transport proxy will be started")
            configuration.bridge.plugins = []
        }
        guard configuration.bridge.isBridge else { return }
        configuration.relay.isPublishing = configuration.bridge.isPublishing
        if !configuration.relay.dirPorts.isEmpty { warnings.append("DirPort: a bridge has none, it is ignored") }
        configuration.relay.dirPorts = []
        if !configuration.relay.family.isEmpty || configuration.relay.families.isAny {
            warnings.append("MyFamily, FamilyId: belonging to a family would tell censors of the bridge, it is ignored; do not list the bridge in other relays' MyFamily either")
        }
        configuration.relay.family = []
        configuration.relay.families = FamilyOptions()
        if configuration.relay.exit == .yes || configuration.relay.isReducedExitPolicy || !configuration.relay.exitRules.isRejectAll && !configuration.relay.exitRules.rules.isEmpty {
            warnings.append("ExitRelay: a bridge is no exit, no stream will leave here")
        }
        configuration.relay.exit = .no
    }

    private static func settle(_ configuration: inout NodeConfiguration, _ warnings: inout [String]) {
        if !configuration.client.isSocksPortGiven, !configuration.isRelay {
            configuration.client.socksPorts = [PortLine(port: .fixed(9050))]
        }
        settleBridge(&configuration, &warnings)
        if configuration.relay.families.isAny, configuration.relay.family.isEmpty {
            warnings.append("FamilyId: until all clients go by family keys MyFamily is needed too")
        }
        for name in configuration.relay.addressNames { warnings.append("Address: \"\(name)\" is no IP address; names are not looked up and it is ignored") }
    }
}

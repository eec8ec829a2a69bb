internal import Ambience
internal import Loops
internal import Relaying
internal import Torrc

extension RouterSettings {
    /// What a torrc says that holds for the life of the process.
    mutating func adopt(_ configuration: NodeConfiguration) {
        let exit = configuration.exit
        if let file = configuration.relay.resolvConfFile { resolver.resolvConf = file }
        resolver.isCaseRandom = exit.isCaseRandom
        resolver.isSearching = exit.isSearching
        areOddNamesAllowed = exit.areOddNamesAllowed
        outbound.any = exit.outbound
        outbound.exit = exit.outboundExit
        outbound.link = exit.outboundLink
    }
}

package import Ambience
package import Directory
package import Paths

/// What a client is told by its configuration.
package struct ClientSettings: Sendable {
    package var ports: [SocksPortSettings] = []
    /// `SocksPolicy`: who may use the ports. Whom no rule names may.
    package var socksPolicy = ExitPolicy()
    /// `NumEntryGuards` 0 means what the consensus says.
    package var paths = PathPolicy()
    package var pool = PoolSettings()
    /// `PathsNeededToBuildCircuits`, from 0 to 1; `nil` means what the consensus says.
    package var pathsNeeded: Double?
    /// `ClientRejectInternalAddresses`: no private addresses, neither asked for nor answered.
    package var rejectsInternalAddresses = true
    /// `SafeSocks`: refuse applications that resolve names by themselves.
    package var isSafeSocks = false
    /// Stock's state file, whose `Guard` lines are ours; `nil` keeps guards in memory only.
    package var stateFile: String?
    /// `MoteTickets`: what lets us into motes that are sold.
    package var ticketsFolder: String?
    /// Applications' connections at once, over all ports.
    package var sessionLimit = 4096

    package init() {}

    func admits(_ peer: IPAddress) -> Bool { socksPolicy.rules.first { $0.network.contains(peer) }?.isAccept ?? true }
}

/// One SocksPort and what it isolates streams by.
package struct SocksPortSettings: Sendable {
    package var address: SocketAddress
    package var isolatesClientAddress = true
    package var isolatesAuthentication = true
    package var isolatesProtocol = false
    package var isolatesDestinationPort = false
    package var isolatesDestinationAddress = false
    package var keepsAuthenticatedAlive = false
    /// Ports of one session group may share circuits; `nil` is a group of its own.
    package var sessionGroup: Int?
    package var allowsIPv6 = true
    package var prefersIPv6 = false

    package init(address: SocketAddress) { self.address = address }

    /// - Parameter flags: those of a SocksPort line, in any case; unknown ones are ignored here.
    package init(address: SocketAddress, flags: [String]) {
        self.init(address: address)
        for flag in flags { set(flag.lowercased()) }
    }

    private mutating func set(_ flag: String) {
        let isOn = !flag.hasPrefix("no")
        switch isOn ? flag[...] : flag.dropFirst(2) {
        case "isolateclientaddr": isolatesClientAddress = isOn
        case "isolatesocksauth": isolatesAuthentication = isOn
        case "isolateclientprotocol": isolatesProtocol = isOn
        case "isolatedestport": isolatesDestinationPort = isOn
        case "isolatedestaddr": isolatesDestinationAddress = isOn
        case "keepaliveisolatesocksauth": keepsAuthenticatedAlive = isOn
        case "ipv6traffic": allowsIPv6 = isOn
        case "preferipv6": prefersIPv6 = isOn
        default: if flag.hasPrefix("sessiongroup=") { sessionGroup = Int(flag.dropFirst(13)) }
        }
    }
}

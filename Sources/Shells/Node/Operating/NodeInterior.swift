internal import Ambience
internal import Client
internal import ControlProtocol
internal import Loops
internal import Relaying
internal import Torrc

/// What the operator's side (`ControlRole`) sees of a node, and what it may ask of it.
struct NodeInterior {
    let loop: EventLoop
    let router: OnionRouter
    let documents: DirectoryRole
    let directory: DataDirectory
    let source: TorrcSource
    let started: WallTime
    let relay: () -> RelayRole?
    let client: () -> Client?
    let accounting: () -> AccountingRole?
    let reading: () -> Torrc.Reading
    /// Takes a new configuration as a reload does; why not, if it cannot.
    let adopt: (Torrc.Reading) throws(ControlRefusal) -> Void
    let signal: (ControlSignal) throws(ControlRefusal) -> Void

    /// What was done since the start, by all loops.
    var statistics: RouterStatistics { router.totals.statistics }
    var circuitCount: Int { router.totals.circuits }
    /// The links that stand.
    var links: [LinkView] { router.links }
}

/// Where a relay's ports have been opened.
struct OpenPorts {
    var or: [SocketAddress] = []
    var directory: [SocketAddress] = []
    /// The extended ORPort, for transport proxies.
    var extended: SocketAddress?
}

package import Ambience
package import Limits
package import Onion
package import Sealing

/// What the node decides about links, circuits and streams: one value that every loop of the relay has a copy of.
///
/// By default it serves nobody and only lets circuits of our own be built. The closures run on every loop's thread, on data they
/// alone hold.
package struct RouterPolicy: Sendable {
    /// New links use this context and `identity`; old links keep theirs. The two belong together: set both with `useLink`.
    package private(set) var tls: TLSContext
    /// Our keys; `nil` for a pure client, which then cannot be dialled or extended to.
    package var identity: LinkIdentity?
    /// ntor onion keys that we answer to, newest first.
    package var onionKeys: [Curve25519Key] = []
    /// The addresses we advertise, told to peers in NETINFO.
    package var ownAddresses: [IPAddress] = []
    /// Whether the exit policy allows anything; if not, no name is looked up for anybody.
    package var isExit = false
    /// The exit policy.
    package var isExitAllowed: @Sendable (IPAddress, UInt16) -> Bool = { _, _ in false }
    /// Whether the exit policy accepts any IPv6 address.
    package var isIPv6Exit = false
    /// Whether this is a door of the network itself: an exit stream to it would be a way to hide where a circuit begins.
    package var isReentry: @Sendable (IPAddress, UInt16) -> Bool = { _, _ in false }
    /// How long an exit waits for its name server.
    package var patience = NamePatience()
    /// Whether circuits may be extended to this address.
    package var isExtendAllowed: @Sendable (SocketAddress) -> Bool = { !$0.ip.isPrivate }
    /// Whether exit streams may come over a link from this peer at this time (RefuseUnknownExits).
    package var isRelayKnown: @Sendable (LinkPeer, WallTime) -> Bool = { _, _ in true }
    /// Whether we are a directory: BEGIN_DIR is served.
    package var isDirectory = false
    /// What the newest consensus says about congestion control; circuits made from now on follow it.
    package var flow = FlowParameters()
    /// What it says about cells that wait for a channel.
    package var queues = QueueParameters()
    /// What the newest consensus and the operator say about onion services.
    package var services = ServicePolicy()
    package var padding = PaddingPolicy()
    /// A controller wants to know of links.
    package var tellsLinks = false
    /// Whether the relay serves, or has used up what it may move.
    package var wakefulness = Wakefulness.awake
    /// How fast links may be.
    package var bandwidth = BandwidthPolicy()
    /// What it and the operator say about clients that ask for too much.
    package var denial = DenialParameters()
    /// Addresses of relays: what comes from there is not counted as a client's.
    package var relayAddresses: Set<IPAddress> = []

    /// Set while the mote is on the exchange: what clients are let in for. Links of clients that stand already are not asked.
    package var market: MarketEntry?

    /// What the operator wants counted for statistics.
    package var counted: CountedThings = []

    package init(tls: TLSContext) { self.tls = tls }

    /// For the rotation of link certificates.
    package mutating func useLink(tls: TLSContext, identity: LinkIdentity) {
        self.tls = tls
        self.identity = identity
    }
}

/// How much of its work a relay does (hibernation).
package enum Wakefulness: Sendable {
    case awake
    /// Nothing new for others: no links, no circuits, no streams.
    case tired
    /// No traffic at all, not even of our own.
    case asleep
}

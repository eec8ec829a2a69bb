package import Ambience
package import Loops
internal import Onion
package import Sealing

/// Whom a channel must lead to.
package struct LinkTarget: Sendable {
    package var rsa: RSAIdentity
    /// Demanded of the peer when present.
    package var ed25519: Ed25519Identity?
    /// Tried in order.
    package var addresses: [SocketAddress]

    package init(rsa: RSAIdentity, ed25519: Ed25519Identity?, addresses: [SocketAddress]) {
        self.rsa = rsa
        self.ed25519 = ed25519
        self.addresses = addresses
    }
}

/// One hop of a circuit that we build.
package struct HopTarget {
    package var rsa: RSAIdentity
    package var ed25519: Ed25519Identity?
    package var addresses: [SocketAddress]
    /// The relay's ntor onion key. `nil` means CREATE_FAST, which is for one-hop directory circuits only.
    package var ntorKey: [UInt8]?
    /// What the relay says it can do beyond ntor.
    package var abilities: Abilities

    package struct Abilities: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Relay=4.
        package static let ntorV3 = Abilities(rawValue: 1)
        /// FlowCtrl=2; asked of the last hop, in ntor v3.
        package static let congestionControl = Abilities(rawValue: 2)
        /// Relay=5 and 6: subprotocol requests, and the crypto that is requested with them.
        package static let counterGalois = Abilities(rawValue: 4)
    }

    package init(rsa: RSAIdentity, ed25519: Ed25519Identity?, addresses: [SocketAddress], ntorKey: [UInt8]?, abilities: Abilities = []) {
        self.rsa = rsa
        self.ed25519 = ed25519
        self.addresses = addresses
        self.ntorKey = ntorKey
        self.abilities = abilities
    }

    package var link: LinkTarget { LinkTarget(rsa: rsa, ed25519: ed25519, addresses: addresses) }
}

/// What a stream asks the last hop for.
package enum StreamTarget {
    /// A name or literal address, a port, and BEGIN's flags (1 IPv6 is fine, 2 no IPv4, 4 prefer IPv6).
    case host(String, port: UInt16, flags: UInt32)
    /// The relay's own directory service.
    case directory
    /// A name, or an address as its in-addr.arpa / ip6.arpa name.
    case resolve(String)
}

/// Bounds and waits of the router. Every table and queue has one.
package struct RouterSettings: Sendable {
    /// For a TCP connect, and once more for TLS and the link handshake together.
    package var linkTimeout: Instant.Span = .seconds(30)
    /// A channel without circuits is closed after this.
    package var idleChannelTimeout: Instant.Span = .seconds(180)
    /// How long an exit waits for a TCP connection.
    package var exitConnectTimeout: Instant.Span = .seconds(15)
    /// At the bound new connections are closed at once.
    package var channelLimit = 8192
    /// Handshakes under way on links that others opened; at the bound the oldest of them is closed for a new one.
    package var handshakeLimit = 2048
    /// Of those, from one address that is no relay's; at the bound its next connection is closed.
    package var handshakesPerAddressLimit = 64
    /// What clients asked for lately; all loops of a relay share it.
    package var clients = ClientGate()
    /// Who came lately, what exits carried, and where relays reached us; all loops of a relay share them.
    package var arrivals = ClientArrivals()
    package var exitTraffic = ExitTraffic()
    package var reached = ReachedAddresses()
    /// What links moved lately; all loops of a relay share it.
    package var bandwidth = BandwidthGate()
    /// What queues of all loops of a relay may hold; at the bound caches are emptied, then circuits end that have waited longest.
    package var memory = MemoryAccount()
    /// Relays being dialled; at the bound a further one fails at once.
    package var dialLimit = 1024
    /// At the bound CREATE is answered with DESTROY (resource limit).
    package var circuitLimit = 65_536
    /// Of those, on one link of a client or of a relay that we do not know; then likewise.
    package var circuitsPerClientLimit = 1024
    /// At the bound BEGIN is answered with END (resource limit).
    package var streamsPerCircuitLimit = 1024
    /// Unsent bytes on one channel: a circuit that would go over it is closed (resource limit).
    package var channelOutputLimitBytes = 32 << 20
    /// A channel whose peer takes nothing of what waits for it is closed after this.
    package var outputStallTimeout: Instant.Span = .seconds(120)
    /// Above this the streams at our end put no more than a few cells of each circuit into its queue.
    package var channelOutputHighBytes = 1 << 20
    /// How often idle memory, idle channels and channels that are stuck are looked for.
    package var housekeepingInterval: Instant.Span = .seconds(10)
    /// We are a bridge: links that we open look like those of a client, so that relays do not learn who we are.
    package var isBridge = false
    /// How an exit asks for names.
    package var resolver = Resolver.Settings()
    /// Names with letters that RFC 953 does not allow are asked for too.
    package var areOddNamesAllowed = false
    /// Of an exit's name server; all loops of a relay share it.
    package var nameWatch = NameWatch()
    package var outbound = OutboundAddresses()
    /// Streams of one circuit whose TCP connection is being made; at the bound BEGIN is answered with END (resource limit).
    package var connectingPerCircuitLimit = 256

    package init() {}

    /// The part of one of `count` loops.
    func share(of count: Int) -> RouterSettings {
        var share = self
        share.channelLimit = max(1, channelLimit / count)
        share.dialLimit = max(1, dialLimit / count)
        share.circuitLimit = max(1, circuitLimit / count)
        share.handshakeLimit = max(1, handshakeLimit / count)
        return share
    }
}

package import Ambience
package import Sealing

/// The keys by which a relay signs its own documents.
package struct RelayKeys {
    /// RSA 1024.
    package let rsaIdentity: RSAKey
    package let ed25519Identity: Ed25519Identity
    /// Medium-term key, certified by the master key.
    package let signingKey: Ed25519Key
    /// Type 4, with the master key in it (extension 04).
    package let signingCertificate: TorCertificate
    /// RSA 1024; the obsolete TAP key that authorities still demand.
    package let onionKey: RSAKey
    package let ntorKey: Curve25519Key
    /// Of the families that the relay belongs to (proposal 321).
    package let familyKeys: [Ed25519Key]

    package init(
        rsaIdentity: RSAKey, ed25519Identity: Ed25519Identity, signingKey: Ed25519Key, signingCertificate: TorCertificate, onionKey: RSAKey, ntorKey: Curve25519Key,
        familyKeys: [Ed25519Key] = []
    ) {
        self.rsaIdentity = rsaIdentity
        self.ed25519Identity = ed25519Identity
        self.signingKey = signingKey
        self.signingCertificate = signingCertificate
        self.onionKey = onionKey
        self.ntorKey = ntorKey
        self.familyKeys = familyKeys
    }
}

/// What a relay wants to say of itself in its next descriptor; defaults are those of a relay that is no exit.
package struct DescriptorContent: Equatable, Sendable {
    /// What works: ntor, ntor v3 and congestion control with both relay cryptos; every role for onion services.
    package static let defaultProtocols = ProtocolVersions("Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=4-5 LinkAuth=3 Microdesc=1-3 Padding=2 Relay=2-6") ?? ProtocolVersions()

    package var nickname: String
    package var address: IPAddress
    package var orPort: UInt16
    package var dirPort: UInt16 = 0
    package var ipv6: SocketAddress?
    package var platform: String
    package var protocols = DescriptorContent.defaultProtocols
    package var published: WallTime
    package var uptimeSeconds: UInt64 = 0
    package var bandwidth: RouterDescriptor.Bandwidth
    package var family: [String] = []
    package var contact: String?
    /// Of a bridge: how it may be handed out to people (dir-spec.txt 2.1.1, "bridge-distribution-request").
    package var bridgeDistribution: String?
    package var policy = ExitPolicy.rejectAll
    package var isHibernating = false
    /// The `overload-general` line, after an overload (proposal 328).
    package var overload: String?
    package var isHiddenServiceDirectory = false
    package var isTunnelledDirectory = true
    package var cachesExtraInfo = false
    /// Lines of statistics for the extra-info document, each without its newline.
    package var statistics: [String] = []
    package var expires: WallTime?
    /// The 32 bytes of its key on the exchange, if the mote is sold there.
    package var market: [UInt8]?
    package var mix: MixLine?
    /// How long the ntor key will be in use from `published`; stock says 28 days.
    package var ntorKeyLifetimeSeconds: Int64 = 28 * 86400

    package init(nickname: String, address: IPAddress, orPort: UInt16, platform: String, published: WallTime, bandwidth: RouterDescriptor.Bandwidth) {
        self.nickname = nickname
        self.address = address
        self.orPort = orPort
        self.platform = platform
        self.published = published
        self.bandwidth = bandwidth
    }
}

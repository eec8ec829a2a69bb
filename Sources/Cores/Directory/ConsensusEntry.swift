package import Ambience
package import Sealing

/// One relay in a consensus of either flavour (dir-spec.txt 3.4.1).
package struct ConsensusEntry: Equatable, Sendable {
    package var nickname: String
    package var rsa: RSAIdentity
    /// SHA-1 of the relay's descriptor; only in the `ns` flavour.
    package var descriptorDigest: Digest20?
    /// SHA-256 of its microdescriptor; only in the `microdesc` flavour.
    package var microdescriptorDigest: [UInt8]?
    /// Of the descriptor; since method 33 a fixed date in 2038 in the `microdesc` flavour.
    package var published: WallTime
    package var address: IPAddress
    package var orPort: UInt16
    package var dirPort: UInt16
    /// The `a` lines.
    package var otherAddresses: [SocketAddress]
    package var flags: RelayFlags
    /// As on the `v` line: `Tor 0.4.9.11`.
    package var version: String?
    package var protocols: ProtocolVersions
    /// Kilobytes per second, as authorities agreed; what path selection weighs by.
    package var bandwidth: UInt32
    /// Not measured by enough authorities.
    package var isUnmeasured: Bool
    /// The `p` line; only in the `ns` flavour.
    package var policy: PolicySummary?
    /// Only where an `id ed25519` line stands; consensuses have none today, microdescriptors do.
    package var ed25519: Ed25519Identity?
    /// When the relay says it will be gone: our authority's `dust-expires` line.
    package var expires: WallTime?

    package init(
        nickname: String, rsa: RSAIdentity, descriptorDigest: Digest20? = nil, microdescriptorDigest: [UInt8]? = nil, published: WallTime, address: IPAddress,
        orPort: UInt16, dirPort: UInt16 = 0, otherAddresses: [SocketAddress] = [], flags: RelayFlags = [], version: String? = nil,
        protocols: ProtocolVersions = ProtocolVersions(), bandwidth: UInt32 = 0, isUnmeasured: Bool = false, policy: PolicySummary? = nil,
        ed25519: Ed25519Identity? = nil, expires: WallTime? = nil
    ) {
        self.nickname = nickname
        self.rsa = rsa
        self.descriptorDigest = descriptorDigest
        self.microdescriptorDigest = microdescriptorDigest
        self.published = published
        self.address = address
        self.orPort = orPort
        self.dirPort = dirPort
        self.otherAddresses = otherAddresses
        self.flags = flags
        self.version = version
        self.protocols = protocols
        self.bandwidth = bandwidth
        self.isUnmeasured = isUnmeasured
        self.policy = policy
        self.ed25519 = ed25519
        self.expires = expires
    }

    /// Where its onion router listens over IPv4.
    package var socketAddress: SocketAddress { SocketAddress(ip: address, port: orPort) }
    /// All addresses of its onion router, IPv4 first.
    package var addresses: [SocketAddress] { [socketAddress] + otherAddresses }
}

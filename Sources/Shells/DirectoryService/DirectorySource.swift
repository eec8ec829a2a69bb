package import Ambience
internal import Relaying
package import Sealing

/// A relay that answers directory requests over its ORPort.
package struct DirectorySource: Hashable, Sendable {
    package var nickname: String
    /// The relay's own RSA identity (not the v3 identity of an authority).
    package var rsa: RSAIdentity
    package var ed25519: Ed25519Identity?
    /// Of its onion router, in the order to try.
    package var addresses: [SocketAddress]
    /// An authority's v3 identity; `nil` for a cache.
    package var v3Identity: RSAIdentity?

    package init(nickname: String, rsa: RSAIdentity, ed25519: Ed25519Identity? = nil, addresses: [SocketAddress], v3Identity: RSAIdentity? = nil) {
        self.nickname = nickname
        self.rsa = rsa
        self.ed25519 = ed25519
        self.addresses = addresses
        self.v3Identity = v3Identity
    }

    package var isAuthority: Bool { v3Identity != nil }

    /// A one-hop circuit with CREATE_FAST: the link proves who the relay is, and no onion key is needed.
    var hop: HopTarget { HopTarget(rsa: rsa, ed25519: ed25519, addresses: addresses, ntorKey: nil) }
}

package import Ambience
package import Sealing

/// What a finished link handshake says about the other side.
package struct LinkPeer: Equatable, Sendable {
    package let linkVersion: UInt16
    /// Proven identities; both or none. None for an initiator that did not authenticate.
    package let rsa: RSAIdentity?
    package let ed25519: Ed25519Identity?
    /// Always for responders that we dialled, only with AUTHENTICATE for initiators.
    package let isAuthenticated: Bool
    /// Where the peer sees us. It may lie.
    package let observedOwnAddress: IPAddress?
    /// Where the peer says it can be reached. It may lie.
    package let addresses: [IPAddress]
    /// The peer's clock minus ours; `nil` when it does not tell.
    package let clockSkewSeconds: Int64?
}

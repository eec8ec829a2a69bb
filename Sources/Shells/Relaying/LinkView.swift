package import Ambience
internal import Onion
package import Sealing

/// One open link, as an operator may see it.
package struct LinkView: Sendable {
    package let address: SocketAddress
    /// `nil` for a peer that proved none: a client.
    package let identity: RSAIdentity?
    package let isInitiator: Bool
}

extension OnionRouter {
    /// The links that stand; on loop 0 those of all loops, of others as they were within the last second in which something happened there.
    package var links: [LinkView] { index == 0 ? ownLinks + (loops?.otherLinks ?? []) : ownLinks }

    var ownLinks: [LinkView] {
        openChannels.map { channel in
            let peer = channel.peer
            return LinkView(address: channel.address, identity: peer?.isAuthenticated == true ? peer?.rsa : nil, isInitiator: channel.isInitiator)
        }
    }
}

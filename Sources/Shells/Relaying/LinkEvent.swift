package import Ambience
internal import Glibc
internal import Loops
internal import Onion
package import Sealing

/// What happened to one link, as controllers are told (control-spec.txt 4.1.3).
package struct LinkEvent: Sendable {
    package enum Status: Sendable { case launched, new, connected, failed, closed }
    package enum Reason: Sendable { case done, wrongIdentity, connectionRefused, connectionReset, timeout, noRoute, brokenIO, resourceLimit, misc }

    /// The same for all events of one link, and of no other of the node.
    package let link: UInt64
    package let status: Status
    package let address: SocketAddress
    /// Whom it leads to, or should lead to; `nil` for a client.
    package let identity: RSAIdentity?
    /// Of a link that failed or was closed.
    package let reason: Reason?
    /// Those that went with it.
    package let circuits: Int
}

extension OnionRouter {
    /// A number for a new link; those of several loops never meet.
    func nextLink() -> UInt64 {
        lastLink += 1
        return lastLink * UInt64(RelayLoops.countLimit) + UInt64(index)
    }

    /// Tells loop 0, if a controller asked for it.
    func tell(_ event: @autoclosure () -> LinkEvent) {
        guard policy.tellsLinks else { return }
        if index == 0 { onLinkEvent?(event()) } else { loops?.tell(event()) }
    }
}

extension Channel {
    func tell(_ status: LinkEvent.Status, _ reason: LinkEvent.Reason? = nil) {
        router.tell(LinkEvent(
            link: link, status: status, address: address, identity: peer.map { $0.isAuthenticated ? $0.rsa : nil } ?? expected, reason: reason,
            circuits: reason == nil ? 0 : circuits.count))
    }
}

extension FileError {
    /// Why no connection came about.
    var linkReason: LinkEvent.Reason {
        switch code {
        case ECONNREFUSED: .connectionRefused
        case ETIMEDOUT: .timeout
        case ENETUNREACH, EHOSTUNREACH: .noRoute
        case ECONNRESET: .connectionReset
        case EMFILE, ENFILE, ENOMEM, ENOBUFS: .resourceLimit
        default: .misc
        }
    }
}

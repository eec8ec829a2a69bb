internal import Ambience
internal import Onion

/// What a link is, to those who would use it or end it.
extension Channel {
    package var isOpen: Bool { if case .open = state { true } else { false } }
    var isClosed: Bool { if case .closed = state { true } else { false } }

    func isIdle(_ now: Instant) -> Bool { circuits.count == 0 && !isHeldOpen && idleSince + router.settings.idleChannelTimeout < now }

    /// Of an open link to a relay that proved who it is.
    var card: LinkCard? {
        guard let peer, peer.isAuthenticated else { return nil }
        return LinkCard(ed25519: peer.ed25519, isInitiator: isInitiator, address: address, claimed: peer.addresses)
    }
}

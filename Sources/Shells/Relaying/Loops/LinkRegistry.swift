internal import Ambience
internal import Sealing
internal import Synchronization

/// What must be known of an open link to say whether a circuit may go on over it.
struct LinkCard: Sendable {
    let ed25519: Ed25519Identity?
    let isInitiator: Bool
    let address: SocketAddress
    /// Where the peer says it can be reached.
    let claimed: [IPAddress]

    /// Whether the link is the target's and canonical: we dialled it at its address, or the address it comes from is one it claims.
    func leads(to target: LinkTarget) -> Bool {
        guard target.ed25519 == nil || ed25519 == target.ed25519 else { return false }
        return isInitiator ? target.addresses.contains(address) : claimed.contains(address.ip)
    }
}

/// The open links of all loops to relays that proved who they are, so that a circuit is extended over the one there is instead of a
/// second one. Asked once per EXTEND, written once per link.
final class LinkRegistry: Sendable {
    private struct Entry {
        let loop: Int
        let serial: ObjectIdentifier
        let card: LinkCard
    }

    private let entries = Mutex<[RSAIdentity: [Entry]]>([:])

    func add(_ relay: RSAIdentity, _ card: LinkCard, serial: ObjectIdentifier, loop: Int) {
        entries.withLock { $0[relay, default: []].append(Entry(loop: loop, serial: serial, card: card)) }
    }

    func remove(_ relay: RSAIdentity, serial: ObjectIdentifier) {
        entries.withLock { entries in
            entries[relay]?.removeAll { $0.serial == serial }
            if entries[relay]?.isEmpty == true { entries[relay] = nil }
        }
    }

    /// The loop that has a link to the target.
    func loop(with target: LinkTarget) -> Int? {
        entries.withLock { entries in entries[target.rsa]?.first { $0.card.leads(to: target) }?.loop }
    }
}

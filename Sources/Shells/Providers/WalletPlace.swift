internal import Ambience
package import Leasing

/// Where a cloud's wallet lies: what the nodes on this machine are told of it when they start, so that the client has what was bought and motes
/// can be sold.
package struct WalletPlace: Sendable {
    package let path: String

    package init(state: String) { path = state + "/wallet" }

    /// For `MoteTickets`.
    package var tickets: String { path + "/tickets" }
    /// For `MoteMarket`. It stays when the mote's own folder is erased, for it has what the mote earned.
    package func market(of mote: MoteKey) -> String { "\(motes)/\(mote)" }
    package var motes: String { path + "/motes" }

    /// Whether the cloud's owner has joined an exchange.
    package var exists: Bool { Files.exists(path + "/terms") }
}

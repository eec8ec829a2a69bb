internal import Ambience
package import Torrc

/// What a torrc says about a relay's keys.
package struct KeyPolicy: Sendable {
    package var signingLifetimeSeconds: Int64 = 30 * 86400
    /// `OfflineMasterKey`: the secret half of the master key is neither read nor made.
    package var isMasterOffline = false
    package var families = FamilyOptions()

    package init() {}

    package init(_ options: RelayOptions) {
        signingLifetimeSeconds = options.signingKeyLifetime.inMilliseconds / 1000
        isMasterOffline = options.isMasterKeyOffline
        families = options.families
    }
}

/// How long onion keys last: what the consensus says, within stock's limits.
package struct OnionKeyLives: Equatable, Sendable {
    package static let usual = OnionKeyLives(rotationDays: 28, graceDays: 7)

    /// A key is replaced when it is this old.
    package let rotationSeconds: Int64
    /// So long after that handshakes made with it are still answered.
    package let graceSeconds: Int64

    package init(rotationDays: Int32, graceDays: Int32) {
        let rotation = min(max(rotationDays, 1), 90)
        rotationSeconds = Int64(rotation) * 86400
        graceSeconds = Int64(min(max(graceDays, 1), rotation)) * 86400
    }
}

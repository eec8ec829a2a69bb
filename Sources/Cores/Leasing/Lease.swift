package import Ambience

/// How long a mote is meant to live: most live shortly; a few live long, for streams that must not break.
package enum LifetimeClass: String, CaseIterable, Codable, Sendable {
    case normal
    case longLived = "long-lived"
}

/// What was promised when a mote was intended. It never changes: a mote is never prolonged.
package struct Lease: Equatable, Codable, Sendable {
    package let key: MoteKey
    package let lifetimeClass: LifetimeClass
    package let intended: WallTime
    /// When the mote's process must be gone.
    package let expires: WallTime
    /// Seconds before `expires` at which the mote stops taking new circuits.
    package let drainSeconds: Int64

    package init(key: MoteKey, lifetimeClass: LifetimeClass, intended: WallTime, expires: WallTime, drainSeconds: Int64) {
        self.key = key
        self.lifetimeClass = lifetimeClass
        self.intended = intended
        self.expires = expires
        self.drainSeconds = drainSeconds
    }

    package var drains: WallTime { expires - drainSeconds }
}

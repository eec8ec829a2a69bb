package import Ambience
package import Prices

/// How long a mote is meant to live: most live shortly; a few live long, for streams that must not break.
package enum LifetimeClass: String, CaseIterable, Codable, Sendable {
    case normal
    case longLived = "long-lived"
}

/// What was promised when a mote was intended. It never changes: a mote is never prolonged. So one object serves all who look at it, and a pass over
/// many records copies none of their words.
package final class Lease: Codable, Sendable {
    package let key: MoteKey
    package let lifetimeClass: LifetimeClass
    package let intended: WallTime
    /// When the mote's process or machine must be gone.
    package let expires: WallTime
    /// Seconds before `expires` at which the mote stops taking new circuits.
    package let drainSeconds: Int64
    package let site: Site
    /// The most that it can cost; `nil`: nothing.
    package let ceiling: Money?
    /// Digest of what it was configured with, apart from what is its own; `nil` where nobody compares.
    package let config: String?

    package init(
        key: MoteKey, lifetimeClass: LifetimeClass, intended: WallTime, expires: WallTime, drainSeconds: Int64, site: Site = .local, ceiling: Money? = nil,
        config: String? = nil
    ) {
        self.key = key
        self.lifetimeClass = lifetimeClass
        self.intended = intended
        self.expires = expires
        self.drainSeconds = drainSeconds
        self.site = site
        self.ceiling = ceiling
        self.config = config
    }

    /// Records from before there were sites are of this machine's processes.
    package required init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        key = try fields.decode(MoteKey.self, forKey: .key)
        lifetimeClass = try fields.decode(LifetimeClass.self, forKey: .lifetimeClass)
        intended = try fields.decode(WallTime.self, forKey: .intended)
        expires = try fields.decode(WallTime.self, forKey: .expires)
        drainSeconds = try fields.decode(Int64.self, forKey: .drainSeconds)
        site = try fields.decodeIfPresent(Site.self, forKey: .site) ?? .local
        ceiling = try fields.decodeIfPresent(Money.self, forKey: .ceiling)
        config = try fields.decodeIfPresent(String.self, forKey: .config)
    }

    package var drains: WallTime { expires - drainSeconds }
}

extension Lease: Equatable {
    package static func == (a: Lease, b: Lease) -> Bool {
        a === b
            || (a.key, a.lifetimeClass, a.intended, a.expires, a.drainSeconds) == (b.key, b.lifetimeClass, b.intended, b.expires, b.drainSeconds)
                && (a.site, a.ceiling, a.config) == (b.site, b.ceiling, b.config)
    }
}

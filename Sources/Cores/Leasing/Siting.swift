package import Ambience
package import Prices

/// Says where new motes go. It lives as long as the coordinator, and what it must know after a restart it finds in the ledger.
package protocol Siting {
    /// Before the first `site` of each pass: everything that is recorded, also those gone within the last hour, with why they ended. Work that
    /// grows with the fleet belongs here and not into `site`, which is called once per new mote.
    /// `closed`: providers with which nothing is started now, because too much of late came to nothing there; a site with them would wait.
    mutating func begin(_ ledger: Ledger, closed: Set<String>, now: WallTime)

    /// Where a mote that lives so long goes, and the most that it can cost (`nil`: nothing); `nil` if there is no place for one now. A mote for
    /// which a site was given counts as one more there until the next `begin`. `last`: where the mote is whose place it takes.
    mutating func site(
        for lifetimeClass: LifetimeClass, living seconds: Int64, after last: Site?, now: WallTime, random: inout some RandomNumberGenerator
    ) -> (site: Site, ceiling: Money?)?
}

/// Everything at one site that costs nothing: processes or machines of this host.
package struct LocalSiting: Siting {
    private let only: Site
    private var isClosed = false

    package init(_ site: Site = .local) { only = site }

    package mutating func begin(_ ledger: Ledger, closed: Set<String>, now: WallTime) { isClosed = closed.contains(only.provider) }

    package mutating func site(
        for lifetimeClass: LifetimeClass, living seconds: Int64, after last: Site?, now: WallTime, random: inout some RandomNumberGenerator
    ) -> (site: Site, ceiling: Money?)? { isClosed ? nil : (only, nil) }
}

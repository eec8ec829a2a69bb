package import Ambience
package import Prices

/// Says where new motes go. It lives as long as the coordinator, and what it must know after a restart it finds in the ledger.
package protocol Siting {
    /// Before the first `site` of each pass, and in a pass that wants none if there is news: everything that is recorded, also those gone within the
    /// last hour, with why they ended. Work that
    /// grows with the fleet belongs here and not into `site`, which is called once per new mote.
    /// `closed`: providers with which nothing is started now, because too much of late came to nothing there; a site with them would wait.
    mutating func begin(_ ledger: Ledger, closed: Set<String>, now: WallTime)

    /// Where a mote that lives about so long goes, the most that it can cost (`nil`: nothing) and how long it lives there, within `range`: where time
    /// is sold by the hour, an end just after a full one is dear. `nil` if there is no place for one now. A mote for which a site was given counts
    /// as one more there until the next `begin`. `last`: where the mote is whose place it takes.
    mutating func site(
        for lifetimeClass: LifetimeClass, living seconds: Int64, within range: ClosedRange<Int64>, after last: Site?, now: WallTime,
        random: inout some RandomNumberGenerator
    ) -> (site: Site, ceiling: Money?, seconds: Int64)?

    /// Before each pass: limits that bind beside the ceilings that the fleet was brought up with, and what is left of them.
    mutating func allow(_ budget: Budget)

    /// Where a mote really is: its address, as soon as anybody has seen it. May be said again.
    mutating func learn(_ key: MoteKey, address: String)

    /// Whether something was learnt that the next `begin` has to weigh.
    var hasNews: Bool { get }

    /// Motes that must not be advertised where their addresses say that they are. They are to be replaced.
    var misplaced: Set<MoteKey> { get }

    /// Why the last mote that was wanted found no place, for people; `nil` if every one found a place since the last `begin`.
    var trouble: String? { get }
}

/// For a fleet whose motes may be anywhere at no price.
extension Siting {
    package mutating func allow(_ budget: Budget) {}
    package mutating func learn(_ key: MoteKey, address: String) {}
    package var hasNews: Bool { false }
    package var misplaced: Set<MoteKey> { [] }
    package var trouble: String? { nil }
}

/// Everything at one site that costs nothing: processes or machines of this host.
package struct LocalSiting: Siting {
    private let only: Site
    private var isClosed = false

    package init(_ site: Site = .local) { only = site }

    package mutating func begin(_ ledger: Ledger, closed: Set<String>, now: WallTime) { isClosed = closed.contains(only.provider) }

    package mutating func site(
        for lifetimeClass: LifetimeClass, living seconds: Int64, within range: ClosedRange<Int64>, after last: Site?, now: WallTime,
        random: inout some RandomNumberGenerator
    ) -> (site: Site, ceiling: Money?, seconds: Int64)? { isClosed ? nil : (only, nil, seconds) }
}

internal import Ambience
internal import Names
internal import Synchronization

/// What is known about lies of the name server, for all loops of a relay; asked once per answer.
package final class NameWatch: Sendable {
    private let detector = Mutex(HijackDetector())

    package init() {}

    func note(probe addresses: [IPAddress]) { detector.withLock { $0.note(probe: addresses) } }
    func note(site: String, _ addresses: [IPAddress]) { detector.withLock { $0.note(site: site, addresses) } }
    func honest(_ addresses: [IPAddress]) -> [IPAddress] { detector.withLock { detector in addresses.filter { !detector.isHijacked($0) } } }

    /// Whether the name server answers for names that do not exist.
    package var isHijacking: Bool { detector.withLock { $0.isHijacking } }
    /// Whether it answers wrongly even for most of those that exist.
    package var isBroken: Bool { detector.withLock { $0.isBroken } }
}

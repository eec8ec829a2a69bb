package import Ambience

/// Finds out whether our name server lies: whether it answers for names that cannot exist, and for everything.
package struct HijackDetector: Sendable {
    /// Names that do not exist, asked in one round: two below each ending, which nobody can have registered.
    package static let probeEndings = [".invalid", ".test", "", ".com", ".org", ".net"]
    package static let probesPerEnding = 2

    /// An address that came for more made-up names than this is the hijacker's.
    private static let tolerance = 5
    /// Questions before anything is concluded.
    private static let leastProbes = 10
    /// Addresses counted at most; further ones do not count.
    private static let addressLimit = 1024

    private var probes = 0
    private var counts: [IPAddress: Int] = [:]
    private var sitesAsked: Set<String> = []
    private var sitesHijacked: Set<String> = []

    package init() {}

    /// What came for a name that does not exist; nothing is the honest answer.
    package mutating func note(probe addresses: [IPAddress]) {
        probes += 1
        for address in Set(addresses) where counts[address] != nil || counts.count < Self.addressLimit { counts[address, default: 0] += 1 }
    }

    /// What came for a site that exists.
    package mutating func note(site: String, _ addresses: [IPAddress]) {
        sitesAsked.insert(site)
        if addresses.contains(where: isHijacked) { sitesHijacked.insert(site) } else { sitesHijacked.remove(site) }
    }

    /// Whether answers with this address mean that the name does not exist.
    package func isHijacked(_ address: IPAddress) -> Bool { probes > Self.leastProbes && (counts[address] ?? 0) > Self.tolerance }

    /// Whether names that do not exist are answered for.
    package var isHijacking: Bool { counts.keys.contains(where: isHijacked) }

    /// Whether even most sites that exist lead to the hijacker: then this is no exit.
    package var isBroken: Bool { sitesHijacked.count * 2 > sitesAsked.count }
}

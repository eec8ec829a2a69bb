package import Ambience

/// Who rents machines, where, to what rules of billing and at which price, as far as somebody has read it in a named place at a named time.
/// What is not known is not in it. Data: see `Policies/prices`.
package struct Catalogue: Equatable, Sendable, Codable {
    package var name: String
    package var why: String
    /// Jurisdictions that act together, as lists of countries. Policies refer to them by name.
    package var groups: [String: [Country]]
    package var providers: [Provider]
    package var services: Services?
    /// The autonomous systems that announce blocks of addresses, `"203.0.112.0/20": 64500`: what an address says about where a machine really is.
    package var networks: [String: UInt32]?
    /// When its prices were last looked at: `2026-11-21`.
    package var read: String?

    package struct Provider: Equatable, Sendable, Codable {
        package var id: String
        /// The company that owns it in the end: a reseller's machines are its supplier's.
        package var parent: String
        /// Where that company can be told what to do.
        package var seat: Country
        package var regions: [Region]
        package var offers: [Offer]
        /// What was read, where and when.
        package var sources: [String]
    }

    package struct Region: Equatable, Sendable, Codable {
        package var id: String
        package var country: Country
        /// The autonomous system that announces its addresses; absent where nobody looked.
        package var system: UInt32?
        /// The first two bytes of its addresses, `203.0`, where all of them are the same.
        package var network16: String?
    }

    /// A kind of machine at one price in some regions.
    package struct Offer: Equatable, Sendable, Codable {
        package var machine: String
        package var regions: [String]
        package var tariff: Tariff
        /// Why no mote can run on it; absent if one can.
        package var unfit: String?
        /// What a careful buyer should know about the price.
        package var note: String?
    }
}

/// A country by its two capital letters, ISO 3166.
package struct Country: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible, Codable {
    package let rawValue: String

    package init?(rawValue: String) {
        guard rawValue.utf8.count == 2, rawValue.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else { return nil }
        self.rawValue = rawValue
    }

    package static func < (a: Country, b: Country) -> Bool { a.rawValue < b.rawValue }

    package var description: String { rawValue }
}

/// What is wrong with a catalogue.
package struct CatalogueFault: Error, Equatable, CustomStringConvertible {
    package let place: String
    package let expected: String

    package var description: String { "\(place): \(expected)" }
}

extension Catalogue {
    /// The most that any number of seconds or bytes in it may be: far above any bill, far below any overflow.
    private static let longestSeconds: Int64 = 366 * 86400
    private static let callsLimit: Int64 = 1_000_000_000_000
    private static let largestBytes: Int64 = 1_000_000_000_000_000

    package func provider(_ id: String) -> Provider? { providers.first { $0.id == id } }

    /// Throws what the first mistake is.
    package func validate() throws(CatalogueFault) {
        try Self.require(!why.isEmpty, "why", "says why these prices and no others")
        try Self.require(Set(providers.map(\.id)).count == providers.count, "providers", "each has an id of its own")
        if let services { try Self.require((0...Self.callsLimit).contains(services.freeCalls), "services", "freeCalls is 0 to \(Self.callsLimit)") }
        if let odd = networks?.keys.filter({ AddressBlock($0) == nil }).min() { throw CatalogueFault(place: "networks", expected: "\(odd) is no block such as 203.0.112.0/20") }
        if let read { try Self.require(Self.day(read) != nil, "read", "is a day such as 2026-11-21") }
        for provider in providers {
            let place = "provider \(provider.id)"
            let regions = Set(provider.regions.map(\.id))
            try Self.require(regions.count == provider.regions.count, place, "each region has an id of its own")
            try Self.require(!provider.sources.isEmpty, place, "sources say where its prices were read, and when")
            for offer in provider.offers { try Self.check(offer, regions, "\(place), \(offer.machine)") }
        }
    }

    private static func day(_ text: String) -> WallTime? { text.utf8.count == 10 ? WallTime("\(text) 00:00:00") : nil }

    /// Prices change without notice; after so many days somebody should look again.
    package static let freshDays: Int64 = 90

    /// How many days ago somebody looked, if that is too long ago or nobody says.
    package func staleDays(_ now: WallTime) -> Int64? {
        guard let day = read.flatMap(Self.day) else { return .max }
        let days = (now - day) / 86400
        return days > Self.freshDays ? days : nil
    }

    private static func check(_ offer: Offer, _ regions: Set<String>, _ place: String) throws(CatalogueFault) {
        let tariff = offer.tariff
        if let odd = offer.regions.first(where: { !regions.contains($0) }) { throw CatalogueFault(place: place, expected: "there is no region \(odd)") }
        try require((1...longestSeconds).contains(tariff.perSeconds), place, "perSeconds is 1 to \(longestSeconds)")
        try require((1...86400).contains(tariff.grainSeconds), place, "grainSeconds is 1 to 86400")
        try require((0...longestSeconds).contains(tariff.minimumSeconds), place, "minimumSeconds is 0 to \(longestSeconds)")
        try require((1...largestBytes).contains(tariff.traffic.perBytes), place, "traffic.perBytes is 1 to \(largestBytes)")
        try require((0...largestBytes).contains(tariff.traffic.includedBytes), place, "traffic.includedBytes is 0 to \(largestBytes)")
    }

    private static func require(_ condition: Bool, _ place: String, _ expected: String) throws(CatalogueFault) {
        guard condition else { throw CatalogueFault(place: place, expected: expected) }
    }
}

@testable import Placement
@testable import Prices
import Testing

/// A small catalogue and a policy for it, to be changed by each test.
enum World {
    static func amount(_ text: String) throws -> Amount { try #require(Amount(text)) }

    static func tariff(_ price: String = "0.01", _ currency: String = "USD") throws -> Tariff {
        Tariff(
            currency: try #require(Currency(rawValue: currency)), price: try amount(price), perSeconds: 3600, grainSeconds: 1, minimumSeconds: 0, minimumCharge: .zero,
            addressPrice: nil, traffic: .init(price: .zero, perBytes: 1_000_000_000, includedBytes: 0))
    }

    /// `countries` are those of the provider's regions `r0`, `r1`, …
    static func provider(_ id: String, _ countries: [String], price: String = "0.01", currency: String = "USD", parent: String? = nil) throws -> Catalogue.Provider {
        let regions = try countries.enumerated().map { index, code in
            Catalogue.Region(id: "r\(index)", country: try #require(Country(rawValue: code)), system: nil, network16: nil)
        }
        let offer = Catalogue.Offer(machine: "small", regions: regions.map(\.id), tariff: try tariff(price, currency), unfit: nil, note: nil)
        return Catalogue.Provider(id: id, parent: parent ?? id, seat: try #require(Country(rawValue: "CH")), regions: regions, offers: [offer], sources: ["made up"])
    }

    static func catalogue(_ providers: [Catalogue.Provider]) throws -> Catalogue {
        let group = try ["DE", "FR"].map { try #require(Country(rawValue: $0)) }
        return Catalogue(name: "made up", why: "for tests", groups: ["pair": group], providers: providers, services: nil, networks: nil, read: nil)
    }

    static func policy(_ providers: [String], caps: [Dimension: Amount] = [:]) throws -> PlacementPolicy {
        PlacementPolicy(
            name: "test", why: "for tests", catalogue: "none", accounts: providers.map { .init(payer: "me", provider: $0, regions: nil, machines: nil) }, caps: caps,
            groupCaps: [:], denyPlaces: [], denySeats: [],
            targets: [.provider: .init(effective: 10, weight: 1), .country: .init(effective: 10, weight: 1)], costWeight: 0, hopTolerance: 0,
            sentBitsPerSecond: 0, ceilings: [try #require(Currency(rawValue: "USD")): Amount(1000)])
    }

    static func slots(_ count: Int, lifeSeconds: ClosedRange<Int64> = 3600...3600, overlapSeconds: Int64 = 0) -> [Forecast.Slot] {
        Array(repeating: Forecast.Slot(name: "normal", firstLifeSeconds: lifeSeconds, lifeSeconds: lifeSeconds, overlapSeconds: overlapSeconds), count: count)
    }
}

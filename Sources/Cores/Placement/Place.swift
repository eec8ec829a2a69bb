package import Prices

/// One way to rent one mote: whose account, which machine, where.
package struct Place: Equatable, Sendable {
    package let provider: String
    package let parent: String
    package let seat: Country
    package let region: String
    package let country: Country
    package let system: UInt32?
    package let network16: String?
    package let payer: String
    package let machine: String
    package let tariff: Tariff
    package let note: String?

    package init(_ provider: Catalogue.Provider, _ region: Catalogue.Region, _ offer: Catalogue.Offer, payer: String) {
        self.provider = provider.id
        parent = provider.parent
        seat = provider.seat
        self.region = region.id
        country = region.country
        system = region.system
        network16 = region.network16
        self.payer = payer
        machine = offer.machine
        tariff = offer.tariff
        note = offer.note
    }

    /// The class it falls into; `nil` where that is unknown until the machine has its address.
    package func label(_ dimension: Dimension) -> String? {
        switch dimension {
        case .provider: provider
        case .parent: parent
        case .country: country.rawValue
        case .region: "\(provider)/\(region)"
        case .payer: payer
        // Where nobody looked, all of a provider is taken for one: that can only be too careful.
        case .system: system.map { "AS\($0)" } ?? "the unknown AS of \(provider)"
        case .network16: network16
        }
    }
}

/// By what an adversary may hold many motes at once.
package enum Dimension: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
    case provider
    /// The company behind the provider.
    case parent
    case country
    case region
    /// Whose money it is: a bill links all that is on it.
    case payer
    /// The autonomous system that announces the address.
    case system
    /// The address's first 16 bits, as in tor's rule for paths.
    case network16
}

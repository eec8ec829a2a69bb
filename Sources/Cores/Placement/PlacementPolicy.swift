package import Prices

/// Where motes may be, how they are spread and what they may cost. Data with a stated reason: see `Policies/placement`.
package struct PlacementPolicy: Equatable, Sendable, Codable {
    package var name: String
    package var why: String
    /// The file of prices, beside this one or by its path.
    package var catalogue: String
    package var accounts: [Account]
    /// The largest share of the motes that one class may have, as decimals: `"0.34"`.
    package var caps: [Dimension: Amount]
    /// The same for the countries of a group together.
    package var groupCaps: [String: Amount]
    /// Countries and groups in which no machine stands.
    package var denyPlaces: [String]
    /// Countries and groups whose companies are not rented from.
    package var denySeats: [String]
    /// What a good spread is; the score says how much of it is reached.
    package var targets: [Dimension: Target]
    /// How much of the score a lease loses that would cost all of its currency's ceiling.
    package var costWeight: Double
    /// Places whose score is this close to the best are as good; chance picks among them.
    package var hopTolerance: Double
    /// What each mote sends on average.
    package var sentBitsPerSecond: Int64
    /// The most that may be spent in all; a currency that is not here is not spent.
    package var ceilings: [Currency: Amount]

    /// One payer's account with one provider.
    package struct Account: Equatable, Sendable, Codable {
        package var payer: String
        package var provider: String
        /// Absent: all of them.
        package var regions: [String]?
        package var machines: [String]?
    }

    package struct Target: Equatable, Sendable, Codable {
        /// The effective number (by collisions) that is enough.
        package var effective: Double
        package var weight: Double
    }
}

extension PlacementPolicy {
    private static let bitsLimit: Int64 = 100_000_000_000

    /// Throws what the first mistake is; whether its names exist, `places` finds.
    package func validate() throws(PlacementFault) {
        func require(_ condition: Bool, _ field: String, _ expected: String) throws(PlacementFault) {
            guard condition else { throw .policy(field: field, expected: expected) }
        }
        try require(!why.isEmpty, "why", "says why these limits and no others")
        try require(!accounts.isEmpty, "accounts", "names at least one payer and provider")
        for (name, cap) in caps.map({ ($0.rawValue, $1) }) + groupCaps.map({ ($0, $1) }) {
            try require(cap > .zero && cap <= Amount(1), "caps", "the cap on \(name) is above 0 and at most 1")
        }
        for (dimension, target) in targets {
            try require((1...1000).contains(target.effective), "targets.\(dimension.rawValue).effective", "is 1 to 1000")
            try require((0...10).contains(target.weight), "targets.\(dimension.rawValue).weight", "is 0 to 10")
        }
        try require((0...10).contains(costWeight), "costWeight", "is 0 to 10")
        try require((0...1).contains(hopTolerance), "hopTolerance", "is 0 to 1")
        try require((0...Self.bitsLimit).contains(sentBitsPerSecond), "sentBitsPerSecond", "is 0 to \(Self.bitsLimit)")
        try require(!ceilings.isEmpty, "ceilings", "names at least one currency and the most to spend in it")
    }

    /// Every place the policy allows by itself, and why each other one is out, in the catalogue's order.
    package func places(in catalogue: Catalogue) throws(PlacementFault) -> (allowed: [Place], refused: [Refused]) {
        let places = try countries(denyPlaces, catalogue), seats = try countries(denySeats, catalogue)
        for group in groupCaps.keys.sorted() { _ = try countries([group], catalogue) }
        var allowed: [Place] = [], refused: [Refused] = []
        for account in accounts {
            guard let provider = catalogue.provider(account.provider) else {
                throw .unknownProvider(account.provider, known: catalogue.providers.map(\.id))
            }
            try account.checkNames(provider)
            for offer in provider.offers where account.machines?.contains(offer.machine) ?? true {
                for region in provider.regions where offer.regions.contains(region.id) && account.regions?.contains(region.id) ?? true {
                    let place = Place(provider, region, offer, payer: account.payer)
                    if let reason = objection(place, offer, places, seats) { refused.append(Refused(place: place, reason: reason)) } else { allowed.append(place) }
                }
            }
        }
        guard !allowed.isEmpty else { throw .noPlace(refused) }
        return (allowed, refused)
    }

    package struct Refused: Equatable, Sendable {
        package let place: Place
        package let reason: String
    }

    private func objection(_ place: Place, _ offer: Catalogue.Offer, _ places: Set<Country>, _ seats: Set<Country>) -> String? {
        if let unfit = offer.unfit { return unfit }
        if places.contains(place.country) { return "machines in \(place.country) are denied" }
        if seats.contains(place.seat) { return "companies of \(place.seat) are denied" }
        return ceilings[place.tariff.currency] == nil ? "there is no ceiling in \(place.tariff.currency)" : nil
    }

    /// The countries that are meant by codes and names of groups.
    func countries(_ names: [String], _ catalogue: Catalogue) throws(PlacementFault) -> Set<Country> {
        var all: Set<Country> = []
        for name in names {
            if let group = catalogue.groups[name] { all.formUnion(group) } else if let country = Country(rawValue: name) { all.insert(country) } else {
                throw .unknownGroup(name, known: catalogue.groups.keys.sorted())
            }
        }
        return all
    }
}

extension PlacementPolicy.Account {
    fileprivate func checkNames(_ provider: Catalogue.Provider) throws(PlacementFault) {
        let regions = provider.regions.map(\.id), machines = provider.offers.map(\.machine)
        if let odd = self.regions?.first(where: { !regions.contains($0) }) { throw .unknownRegion(odd, provider: provider.id, known: regions) }
        if let odd = self.machines?.first(where: { !machines.contains($0) }) { throw .unknownMachine(odd, provider: provider.id, known: machines) }
    }
}

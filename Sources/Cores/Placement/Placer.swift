internal import Glibc
package import Prices

/// Chooses places one after the other and keeps count of them: hard caps first, then the spread and what it costs, then chance.
///
/// Every cap counts motes that take new circuits: whoever is replaced makes room for its successor.
package struct Placer: Sendable {
    package let policy: PlacementPolicy
    package let places: [Place]
    package let motes: Int
    private let groups: [String: Set<Country>]
    /// How many motes each class has, by dimension.
    private var tallies: [Dimension: [String: Int]] = [:]
    private var groupTallies: [String: Int] = [:]
    /// A cap that is looked away from, to find out whether it is in the way.
    private var ignored: String?

    package init(policy: PlacementPolicy, catalogue: Catalogue, places: [Place], motes: Int) throws(PlacementFault) {
        (self.policy, self.places, self.motes) = (policy, places, motes)
        var groups: [String: Set<Country>] = [:]
        for name in policy.groupCaps.keys { groups[name] = try policy.countries([name], catalogue) }
        self.groups = groups
    }

    /// A place that was chosen, with what led to it.
    package struct Choice: Equatable, Sendable {
        /// Its index among the places.
        package let index: Int
        package let score: Double
        /// How many places were as good; chance took this one.
        package let equals: Int
        /// What became of each place, in their order.
        package let considered: [Verdict]

        /// How many places each hard limit ruled out.
        package var ruledOut: [String: Int] {
            considered.reduce(into: [:]) { counts, verdict in if case .ruledOut(let limit) = verdict { counts[limit, default: 0] += 1 } }
        }
    }

    package enum Verdict: Equatable, Sendable {
        /// By the cap or ceiling of this name.
        case ruledOut(String)
        case scored(Double)
        /// Another machine there costs less.
        case dearer(Double)
    }

    /// The best place for one more mote, or `nil` if every one is ruled out. `costs` are the leases' charges, one for each place.
    package func choose(
        costs: [Amount], budget: Budget, after predecessor: Place? = nil, random: inout some RandomNumberGenerator
    ) -> Choice? {
        let considered = verdicts(costs, budget)
        let scores = considered.enumerated().compactMap { index, verdict in
            if case .scored(let score) = verdict { (index: index, score: score) } else { nil }
        }
        guard let best = scores.map(\.score).max() else { return nil }
        let near = scores.filter { $0.score >= best - policy.hopTolerance }
        let hops = Self.hops(near.map(\.index), places, from: predecessor)
        guard let index = hops.randomElement(using: &random), let chosen = near.first(where: { $0.index == index }) else { return nil }
        return Choice(index: index, score: chosen.score, equals: hops.count, considered: considered)
    }

    private func verdicts(_ costs: [Amount], _ budget: Budget) -> [Verdict] {
        var verdicts: [Verdict] = []
        /// Of machines in the same region for the same payer, the cheapest.
        var cheapest: [[String]: Int] = [:]
        for (index, place) in places.enumerated() {
            if let cap = objection(to: place) { verdicts.append(.ruledOut(cap)); continue }
            let currency = place.tariff.currency
            guard costs[index] <= budget.left(currency) else { verdicts.append(.ruledOut("ceiling in \(currency)")); continue }
            let site = [place.provider, place.region, place.payer, currency.rawValue]
            let score = score(adding: place, cost: costs[index])
            if let other = cheapest[site], costs[other] <= costs[index] { verdicts.append(.dearer(score)); continue }
            if let other = cheapest.updateValue(index, forKey: site), case .scored(let score) = verdicts[other] { verdicts[other] = .dearer(score) }
            verdicts.append(.scored(score))
        }
        return verdicts
    }

    /// Of places that are as good, those farthest from the last: another provider, else another region, else any.
    private static func hops(_ near: [Int], _ places: [Place], from last: Place?) -> [Int] {
        guard let last else { return near }
        let providers = near.filter { places[$0].provider != last.provider }
        if !providers.isEmpty { return providers }
        let regions = near.filter { places[$0].region != last.region }
        return regions.isEmpty ? near : regions
    }

    /// How many motes there are.
    private var taken: Int { (tallies[.provider] ?? [:]).values.reduce(0, +) }

    package mutating func add(_ place: Place) { count(place, 1) }
    package mutating func remove(_ place: Place) { count(place, -1) }

    private mutating func count(_ place: Place, _ change: Int) {
        for dimension in Dimension.allCases {
            if let label = place.label(dimension) { tallies[dimension, default: [:]][label, default: 0] += change }
        }
        for (name, countries) in groups where countries.contains(place.country) { groupTallies[name, default: 0] += change }
    }

    package func spread(_ dimension: Dimension) -> Spread { Spread(weights: (tallies[dimension] ?? [:]).values) }

    // MARK: Caps

    /// How many motes a share of the fleet is. Never more than the share, and so perhaps none.
    private func allowance(_ share: Amount) -> Int { Int((share * Int64(motes)).whole) }

    /// The name of the hard limit that one more mote here would break.
    private func objection(to place: Place) -> String? {
        for dimension in Dimension.allCases {
            guard let share = policy.caps[dimension], dimension.rawValue != ignored, let label = place.label(dimension) else { continue }
            if tallies[dimension]?[label] ?? 0 >= allowance(share) { return dimension.rawValue }
        }
        return groups.keys.sorted().first { name in
            guard name != ignored, let share = policy.groupCaps[name], groups[name]?.contains(place.country) == true else { return false }
            return groupTallies[name] ?? 0 >= allowance(share)
        }
    }

    private var caps: [PlacementFault.Cap] {
        Dimension.allCases.compactMap { dimension in
            policy.caps[dimension].map { PlacementFault.Cap(name: dimension.rawValue, share: $0, motes: allowance($0), isGroup: false) }
        } + policy.groupCaps.keys.sorted().map { name in
            let share = policy.groupCaps[name] ?? .zero
            return PlacementFault.Cap(name: name, share: share, motes: allowance(share), isGroup: true)
        }
    }

    /// How many classes share all motes under one cap alone; `nil` if some motes are of none.
    private func classes(_ cap: PlacementFault.Cap) -> Int? {
        if cap.isGroup { return places.allSatisfy { groups[cap.name]?.contains($0.country) == true } ? 1 : nil }
        let labels = places.map { place in Dimension(rawValue: cap.name).flatMap { place.label($0) } }
        return labels.contains(nil) ? nil : Set(labels).count
    }

    // MARK: Score

    /// The share of the targets that is reached with one more mote here, of what so many motes can reach, less what it costs.
    private func score(adding place: Place, cost: Amount) -> Double {
        var score = 1.0
        let most = Double(taken + 1)
        for (dimension, target) in policy.targets.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            var tally = tallies[dimension] ?? [:]
            if let label = place.label(dimension) { tally[label, default: 0] += 1 }
            let reached = min(1, Spread(weights: tally.values).n2 / min(most, target.effective))
            score *= pow(reached, target.weight)
        }
        let ceiling = policy.ceilings[place.tariff.currency] ?? .zero
        return score - policy.costWeight * (cost == .zero ? 0 : cost.ratio(to: ceiling))
    }
}

extension Placer {
    /// A place for each of `motes`, found without regard to money; or the reason why there is none, as precisely as it is known.
    package func checkFeasible() throws(PlacementFault) {
        for cap in caps {
            guard let classes = classes(cap), classes > 0, classes * cap.motes < motes else { continue }
            let each = Int64((motes + classes - 1) / classes)
            throw .tooTight(cap, motes: motes, holds: classes * cap.motes, enough: Amount(each).times(1, over: Int64(motes)).rounded(.up))
        }
        let placed = filled().count
        guard placed < motes else { return }
        for cap in caps {
            var without = self
            without.ignored = cap.name
            if without.filled().count == motes { throw .together(cap, motes: motes, placed: placed) }
        }
        throw .several(caps, motes: motes, placed: placed)
    }

    /// As many places as fit: one after the other, moving one that is taken where that makes room for another.
    package func filled() -> [Int] {
        var placer = self
        var taken: [Int] = []
        while taken.count < motes {
            if let free = placer.roomiest() {
                taken.append(free)
                placer.add(places[free])
            } else if !placer.makeRoom(&taken) { break }
        }
        return taken
    }

    /// Of the places that no cap rules out, one whose classes have the fewest motes.
    private func roomiest() -> Int? {
        places.indices.filter { objection(to: places[$0]) == nil }.min { load(places[$0]) < load(places[$1]) }
    }

    private func load(_ place: Place) -> Int {
        policy.caps.keys.reduce(0) { load, dimension in load + (place.label(dimension).flatMap { tallies[dimension]?[$0] } ?? 0) }
    }

    /// Moves one mote such that another fits, and adds it.
    private mutating func makeRoom(_ taken: inout [Int]) -> Bool {
        for slot in taken.indices {
            let old = taken[slot]
            remove(places[old])
            for moved in places.indices where moved != old && objection(to: places[moved]) == nil {
                add(places[moved])
                if let free = roomiest() {
                    taken[slot] = moved
                    taken.append(free)
                    add(places[free])
                    return true
                }
                remove(places[moved])
            }
            add(places[old])
        }
        return false
    }
}

internal import Glibc
package import Prices

/// Chooses places one after the other and keeps count of them: hard caps first, then the spread and what it costs, then chance.
///
/// Every cap is a share of the motes that are wanted and counts every mote that exists, also one that is being replaced and its successor. So a
/// class never has more than its share of the fleet, at no moment; where that leaves no room, a successor waits until a predecessor is gone.
package struct Placer: Sendable {
    package let policy: PlacementPolicy
    package let places: [Place]
    package let motes: Int
    private let groups: [(name: String, countries: Set<Country>)]
    private var numbers = ClassNumbers()
    /// One for each place.
    private(set) var standings: [Standing] = []
    /// Places that differ in their machine only have the same number.
    private var spots: [Int] = []
    private let targets: [(ordinal: Int, target: PlacementPolicy.Target)]
    /// The most motes of one class, by dimension, and of each group.
    private let allowances: [Int?]
    private let groupAllowances: [Int]
    private var tallies = Array(repeating: Tally(), count: Dimension.allCases.count)
    private var groupTallies: [Int]
    /// A cap that is taken for another, to find out whether it is in the way and by how much.
    private var supposed: (name: String, motes: Int)?

    package init(policy: PlacementPolicy, catalogue: Catalogue, places: [Place], motes: Int) throws(PlacementFault) {
        (self.policy, self.places, self.motes) = (policy, places, motes)
        var groups: [(name: String, countries: Set<Country>)] = []
        for name in policy.groupCaps.keys.sorted() { groups.append((name, try policy.countries([name], catalogue))) }
        self.groups = groups
        targets = policy.targets.map { ($0.key.ordinal, $0.value) }.sorted { $0.ordinal < $1.ordinal }
        allowances = Dimension.allCases.map { policy.caps[$0].map { Self.allowance($0, of: motes) } }
        groupAllowances = groups.map { Self.allowance(policy.groupCaps[$0.name] ?? .zero, of: motes) }
        groupTallies = groups.map { _ in 0 }
        var known: [[String]: Int] = [:]
        for place in places {
            standings.append(standing(place))
            let spot = [place.provider, place.region, place.payer, place.tariff.currency.rawValue]
            spots.append(known[spot] ?? known.count)
            known[spot] = spots.last
        }
    }

    /// How many motes a share of the fleet is. Never more than the share, and so perhaps none.
    private static func allowance(_ share: Amount, of motes: Int) -> Int { Int((share * Int64(motes)).whole) }

    private mutating func standing(_ place: Place) -> Standing {
        let classes = Dimension.allCases.map { dimension in place.label(dimension).map { numbers.number($0, dimension) } ?? Standing.unknown }
        return Standing(classes: classes, groups: groups.indices.filter { groups[$0].countries.contains(place.country) })
    }

    /// The number of a class that only became known with a mote's address.
    mutating func number(_ label: String, _ dimension: Dimension) -> Int { numbers.number(label, dimension) }

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
    /// `passed` are places that are left out for now, with the reason.
    package func choose(
        costs: [Amount], budget: Budget, after predecessor: (provider: String, region: String)? = nil, passed: [Int: String] = [:],
        random: inout some RandomNumberGenerator
    ) -> Choice? {
        let considered = verdicts(costs, budget, passed)
        let scores = considered.enumerated().compactMap { index, verdict in
            if case .scored(let score) = verdict { (index: index, score: score) } else { nil }
        }
        guard let best = scores.map(\.score).max() else { return nil }
        let near = scores.filter { $0.score >= best - policy.hopTolerance }
        let hops = Self.hops(near.map(\.index), places, from: predecessor)
        guard let index = hops.randomElement(using: &random), let chosen = near.first(where: { $0.index == index }) else { return nil }
        return Choice(index: index, score: chosen.score, equals: hops.count, considered: considered)
    }

    /// Up to so many motes, a choice is also checked for what it leaves to the rest; beyond, places are too many to run out of by chance.
    private static let warinessLimit = 256

    /// As `choose`, but no place is taken that would leave none for the rest of the motes that are wanted.
    package func chooseWarily(
        costs: [Amount], budget: Budget, after predecessor: (provider: String, region: String)? = nil, passed: [Int: String] = [:],
        random: inout some RandomNumberGenerator
    ) -> Choice? {
        var passed = passed
        while let choice = choose(costs: costs, budget: budget, after: predecessor, passed: passed, random: &random) {
            if motes > Self.warinessLimit || leavesRoom(choice.index) { return choice }
            passed[choice.index] = "room for the rest"
        }
        return nil
    }

    private func leavesRoom(_ index: Int) -> Bool {
        var after = self
        after.add(index)
        return after.taken >= motes || after.filled().count + after.taken >= motes
    }

    private func verdicts(_ costs: [Amount], _ budget: Budget, _ passed: [Int: String]) -> [Verdict] {
        var verdicts: [Verdict] = []
        verdicts.reserveCapacity(places.count)
        /// Of machines in the same region for the same payer, the cheapest.
        var cheapest = Array(repeating: -1, count: places.count)
        for (index, place) in places.enumerated() {
            if let reason = objection(to: standings[index]) ?? passed[index] ?? Self.shortage(place, costs[index], budget) {
                verdicts.append(.ruledOut(reason))
                continue
            }
            let score = score(adding: standings[index], at: place, cost: costs[index]), other = cheapest[spots[index]]
            if other >= 0, costs[other] <= costs[index] { verdicts.append(.dearer(score)); continue }
            if other >= 0, case .scored(let score) = verdicts[other] { verdicts[other] = .dearer(score) }
            cheapest[spots[index]] = index
            verdicts.append(.scored(score))
        }
        return verdicts
    }

    /// The limit of the budget that a lease there does not fit into.
    static func shortage(_ place: Place, _ cost: Amount, _ budget: Budget) -> String? {
        let currency = place.tariff.currency
        guard let tightest = budget.tightest(currency, place.provider, place.payer) else { return "no budget in \(currency)" }
        return cost <= tightest.left ? nil : tightest.name
    }

    /// Whether the hard limits leave room for a mote in any place, money apart.
    package var hasRoom: Bool { standings.contains { objection(to: $0) == nil } }

    /// Of places that are as good, those farthest from the last: another provider, else another region, else any.
    private static func hops(_ near: [Int], _ places: [Place], from last: (provider: String, region: String)?) -> [Int] {
        guard let last else { return near }
        let providers = near.filter { places[$0].provider != last.provider }
        if !providers.isEmpty { return providers }
        let regions = near.filter { places[$0].region != last.region }
        return regions.isEmpty ? near : regions
    }

    /// How many motes there are.
    package var taken: Int { tallies[Dimension.provider.ordinal].total }

    package mutating func add(_ index: Int) { count(standings[index], 1) }
    package mutating func remove(_ index: Int) { count(standings[index], -1) }

    mutating func count(_ standing: Standing, _ change: Int) {
        for (ordinal, number) in standing.classes.enumerated() { tallies[ordinal].change(number, by: change) }
        for group in standing.groups { groupTallies[group] += change }
    }

    package func spread(_ dimension: Dimension) -> Spread { Spread(weights: tallies[dimension.ordinal].counts) }

    /// The most motes that any class of a dimension has now.
    package func largest(_ dimension: Dimension) -> Int { tallies[dimension.ordinal].counts.max() ?? 0 }

    // MARK: Caps

    /// The name of the hard limit that one more mote there would break.
    func objection(to standing: Standing) -> String? { objection(to: standing, in: Dimension.allCases) ?? groupObjection(to: standing) }

    func objection(to standing: Standing, in dimensions: [Dimension]) -> String? {
        for dimension in dimensions {
            guard var allowed = allowances[dimension.ordinal] else { continue }
            if let supposed, supposed.name == dimension.rawValue { allowed = supposed.motes }
            let number = standing.classes[dimension.ordinal]
            if number >= 0, tallies[dimension.ordinal][number] >= allowed { return dimension.rawValue }
        }
        return nil
    }

    private func groupObjection(to standing: Standing) -> String? {
        standing.groups.first { group in
            groupTallies[group] >= (supposed?.name == groups[group].name ? supposed?.motes ?? 0 : groupAllowances[group])
        }.map { groups[$0].name }
    }

    private var caps: [PlacementFault.Cap] {
        Dimension.allCases.compactMap { dimension in
            policy.caps[dimension].map { PlacementFault.Cap(name: dimension.rawValue, share: $0, motes: Self.allowance($0, of: motes), isGroup: false) }
        } + zip(groups, groupAllowances).map { group, allowed in
            PlacementFault.Cap(name: group.name, share: policy.groupCaps[group.name] ?? .zero, motes: allowed, isGroup: true)
        }
    }

    /// How many classes share all motes under one cap alone; `nil` if some motes are of none.
    private func classes(_ cap: PlacementFault.Cap) -> Int? {
        if cap.isGroup { return standings.allSatisfy { $0.groups.contains { groups[$0].name == cap.name } } ? 1 : nil }
        let labels = places.map { place in Dimension(rawValue: cap.name).flatMap { place.label($0) } }
        return labels.contains(nil) ? nil : Set(labels).count
    }

    // MARK: Score

    /// The share of the targets that is reached with one more mote here, of what so many motes can reach, less what it costs.
    private func score(adding standing: Standing, at place: Place, cost: Amount) -> Double {
        var score = 1.0
        let most = Double(taken + 1)
        for (ordinal, target) in targets {
            let number = standing.classes[ordinal]
            let reached = min(1, tallies[ordinal].effective(adding: number >= 0 ? number : nil) / min(most, target.effective))
            score *= target.weight == 1 ? reached : pow(reached, target.weight)
        }
        guard policy.costWeight > 0, cost > .zero else { return score }
        return score - policy.costWeight * cost.ratio(to: policy.ceilings[place.tariff.currency] ?? .zero)
    }
}

extension Placer {
    /// A place for each of `motes`, found without regard to money; or the reason why there is none, as precisely as it is known.
    package func checkFeasible() throws(PlacementFault) {
        for cap in caps {
            guard let classes = classes(cap), classes > 0, classes * cap.motes < motes else { continue }
            throw .tooTight(cap, motes: motes, holds: classes * cap.motes, enough: share(of: (motes + classes - 1) / classes))
        }
        let placed = filled().count
        guard placed < motes else { return }
        for cap in caps where holdsAll(cap, at: motes) {
            throw .together(cap, motes: motes, placed: placed, enough: share(of: least(cap)))
        }
        throw .several(caps, motes: motes, placed: placed)
    }

    /// The share that so many motes are, not rounded below it.
    private func share(of count: Int) -> Amount { Amount(Int64(count)).times(1, over: Int64(motes)).rounded(.up) }

    private func holdsAll(_ cap: PlacementFault.Cap, at count: Int) -> Bool {
        var other = self
        other.supposed = (cap.name, count)
        return other.filled().count == motes
    }

    /// The fewest motes that this cap must allow for all to be placed; allowing all is known to do.
    private func least(_ cap: PlacementFault.Cap) -> Int {
        var range = cap.motes + 1..<motes
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = holdsAll(cap, at: middle) ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }

    /// As many places as fit: one after the other, moving one that is taken where that makes room for another.
    package func filled() -> [Int] {
        var placer = self
        var taken: [Int] = []
        while placer.taken < motes {
            if let free = placer.roomiest() {
                taken.append(free)
                placer.add(free)
            } else if !placer.makeRoom(&taken) { break }
        }
        return taken
    }

    /// Of the places that no cap rules out, one whose classes have the fewest motes.
    private func roomiest() -> Int? {
        places.indices.filter { objection(to: standings[$0]) == nil }.min { load(standings[$0]) < load(standings[$1]) }
    }

    private func load(_ standing: Standing) -> Int {
        standing.classes.enumerated().reduce(0) { load, item in
            allowances[item.offset] == nil || item.element < 0 ? load : load + tallies[item.offset][item.element]
        }
    }

    /// Moves one mote such that another fits, and adds it.
    private mutating func makeRoom(_ taken: inout [Int]) -> Bool {
        for slot in taken.indices {
            let old = taken[slot]
            remove(old)
            for moved in places.indices where moved != old && objection(to: standings[moved]) == nil {
                add(moved)
                if let free = roomiest() {
                    taken[slot] = moved
                    taken.append(free)
                    add(free)
                    return true
                }
                remove(moved)
            }
            add(old)
        }
        return false
    }
}

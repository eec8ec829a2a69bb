package import Ambience
package import Leasing
package import Prices

/// Says where each new mote of a running fleet goes: the policy's caps over everything that exists, then its score, its hops and its prices.
///
/// What it must know after a restart it finds in the ledger: who is where, and which pools had no room. It keeps count from pass to pass, so that
/// a new mote costs the same in a fleet of ten and of ten thousand.
package struct PlacedSiting: Siting {
    package let policy: PlacementPolicy
    private var placer: Placer
    /// One for each place.
    private let sites: [Site]
    private let indexes: [Pool: Int]
    private let addressBook: AddressBook
    /// What may still be spent: what is left of the policy's ceilings and of the limits that whoever runs the fleet allows.
    package private(set) var budget: Budget
    private var allowed: [Budget.Limit] = []
    /// How each mote that exists is counted.
    private var tracked: [MoteKey: Standing] = [:]
    /// Addresses that were seen and not looked at yet, and those that were.
    private var unlocated: [MoteKey: String] = [:]
    private var located: Set<MoteKey> = []
    /// Places given away since the last `begin`: counted until the ledger says what became of them.
    private var given: [Int] = []
    /// Places that are passed over for now, because they had no room a while ago.
    private var cooling: [Int: String] = [:]
    /// What stood in the way of the last mote that found no place; `nil` if every one found a place since the last `begin`.
    package private(set) var shortage: SitingShortage?
    /// Motes whose address puts more into one class than its cap allows. They are not to be advertised but replaced.
    package private(set) var misplaced: Set<MoteKey> = []

    /// `motes`: how many are wanted. `images`: what they boot, by `provider/region`, or by provider alone.
    package init(policy: PlacementPolicy, catalogue: Catalogue, motes: Int, images: [String: String] = [:]) throws(PlacementFault) {
        try policy.validate()
        let places = try policy.places(in: catalogue).allowed
        placer = try Placer(policy: policy, catalogue: catalogue, places: places, motes: motes)
        try placer.checkFeasible()
        self.policy = policy
        sites = places.map { Site($0, image: images["\($0.provider)/\($0.region)"] ?? images[$0.provider] ?? "") }
        indexes = Dictionary(zip(sites.map(Pool.init), 0...), uniquingKeysWith: { first, _ in first })
        addressBook = AddressBook(catalogue.networks ?? [:])
        budget = Budget(ceilings: policy.ceilings)
    }

    package var places: [Place] { placer.places }
    package func spread(_ dimension: Dimension) -> Spread { placer.spread(dimension) }
    /// The most motes that any class has now.
    package func largest(_ dimension: Dimension) -> Int { placer.largest(dimension) }
    package var trouble: String? { shortage?.description }

    package mutating func allow(_ budget: Budget) { allowed = budget.limits }

    package func place(_ site: Site) -> Place? { indexes[Pool(site)].map { placer.places[$0] } }

    package var hasNews: Bool { !unlocated.isEmpty }

    // MARK: Before each pass

    package mutating func begin(_ ledger: Ledger, closed: Set<String>, now: WallTime) {
        shortage = nil
        let ceilings = policy.ceilings.map { currency, ceiling in (currency, ceiling - ledger.committed[currency]) }
        budget = Budget(ceilings: Dictionary(uniqueKeysWithValues: ceilings), beside: allowed)
        for index in given { placer.remove(index) }
        given = []
        var alive = 0
        var failures: [Pool: [WallTime]] = [:]
        for record in ledger.records.values {
            if case .gone(let ending) = record.state {
                if ending.reason == .refused { failures[Pool(record.lease.site), default: []].append(ending.since) }
            } else if tracked[record.key] != nil || track(record) { alive += 1 }
        }
        if alive < tracked.count { forget(ledger) }
        locate(ledger)
        cooling = failures.isEmpty ? [:] : cooled(failures, now)
        for index in sites.indices where closed.contains(sites[index].provider) { cooling[index] = "too many starts failed there" }
    }

    /// False for a mote that is elsewhere altogether, such as on this machine: nothing here counts it.
    private mutating func track(_ record: MoteRecord) -> Bool {
        guard let index = indexes[Pool(record.lease.site)] else { return false }
        tracked[record.key] = placer.standings[index]
        placer.count(placer.standings[index], 1)
        return true
    }

    private mutating func forget(_ ledger: Ledger) {
        for (key, standing) in tracked where ledger.records[key]?.state.isGone ?? true {
            placer.count(standing, -1)
            tracked[key] = nil
            unlocated[key] = nil
            located.remove(key)
            misplaced.remove(key)
        }
    }

    // MARK: Places without room

    /// How long a pool is passed over after its provider had no room there; twice as long after each further time within the hour.
    package static let coolingSeconds: Int64 = 180
    private static let longestCoolingSeconds: Int64 = 1800

    private func cooled(_ failures: [Pool: [WallTime]], _ now: WallTime) -> [Int: String] {
        var cooling: [Int: String] = [:]
        for (pool, times) in failures {
            guard let index = indexes[pool], let until = Self.coolUntil(times.sorted()), now < until else { continue }
            cooling[index] = "no room there a while ago"
        }
        return cooling
    }

    /// What is refused together is one failure.
    private static func coolUntil(_ times: [WallTime]) -> WallTime? {
        guard let last = times.last else { return nil }
        let bursts = zip(times, times.dropFirst()).count { $1 - $0 >= coolingSeconds }
        return last + min(longestCoolingSeconds, coolingSeconds << Int64(min(bursts, 8)))
    }

    // MARK: A place

    package mutating func site(
        for lifetimeClass: LifetimeClass, living seconds: Int64, within range: ClosedRange<Int64>, after last: Site?, now: WallTime,
        random: inout some RandomNumberGenerator
    ) -> (site: Site, ceiling: Money?, seconds: Int64)? {
        let costs = placer.places.map { $0.tariff.ceiling(lifeSeconds: seconds, sentBitsPerSecond: policy.sentBitsPerSecond).amount }
        guard let choice = placer.chooseWarily(costs: costs, budget: budget, after: last.map { ($0.provider, $0.region) }, passed: cooling, random: &random) else {
            shortage = shortage(costs)
            return nil
        }
        let place = placer.places[choice.index], life = place.tariff.thrifty(seconds, within: range)
        let ceiling = place.tariff.ceiling(lifeSeconds: life, sentBitsPerSecond: policy.sentBitsPerSecond)
        guard budget.promise(ceiling.amount, ceiling.currency, provider: place.provider, payer: place.payer) else { return nil }
        placer.add(choice.index)
        given.append(choice.index)
        return (sites[choice.index], ceiling, life)
    }

    /// The nearest thing to a place: one that only the budget, or only want of room, keeps from being taken.
    private func shortage(_ costs: [Amount]) -> SitingShortage {
        let open = placer.places.indices.filter { placer.objection(to: placer.standings[$0]) == nil }
        guard !open.isEmpty else { return .caps(motes: placer.taken) }
        let warm = open.filter { cooling[$0] == nil }
        guard let index = warm.first(where: { Placer.shortage(placer.places[$0], costs[$0], budget) != nil }) else {
            return warm.isEmpty ? .capacity(pools: open.count) : .caps(motes: placer.taken)
        }
        let place = placer.places[index], currency = place.tariff.currency
        let tightest = budget.tightest(currency, place.provider, place.payer)
        return .budget(tightest?.name ?? "no budget in \(currency)", missing: Money(costs[index] - (tightest?.left ?? .zero), currency))
    }
}

// MARK: Addresses

extension PlacedSiting {
    /// Where a mote really is, once anybody has seen its address: `203.0.113.9`, with or without a port.
    package mutating func learn(_ key: MoteKey, address: String) {
        if !located.contains(key) { unlocated[key] = address }
    }

    /// Counts each mote where its address says that it is. Who was intended first keeps its place: after a restart as before.
    private mutating func locate(_ ledger: Ledger) {
        guard !unlocated.isEmpty else { return }
        let records = unlocated.keys.compactMap { tracked[$0] == nil ? nil : ledger.records[$0] }
        for record in records.sorted(by: { ($0.lease.intended, $0.key) < ($1.lease.intended, $1.key) }) {
            if let address = unlocated[record.key] { locate(record.key, address) }
        }
        // Whoever is not counted yet is heard of again.
        unlocated = [:]
    }

    private mutating func locate(_ key: MoteKey, _ address: String) {
        located.insert(key)
        guard let facts = addressBook.facts(address), let supposed = tracked[key] else { return }
        var real = supposed
        real.classes[Dimension.network16.ordinal] = placer.number(facts.network16, .network16)
        if let system = facts.system { real.classes[Dimension.system.ordinal] = placer.number("AS\(system)", .system) }
        placer.count(supposed, -1)
        if placer.objection(to: real, in: [.network16, .system]) == nil {
            tracked[key] = real
            placer.count(real, 1)
        } else {
            // It is not advertised there, and so no part of what an adversary there would have; everywhere else it counts until it is gone.
            var elsewhere = real
            elsewhere.classes[Dimension.network16.ordinal] = Standing.unknown
            elsewhere.classes[Dimension.system.ordinal] = Standing.unknown
            tracked[key] = elsewhere
            placer.count(elsewhere, 1)
            misplaced.insert(key)
        }
    }
}

/// Why a mote that is wanted is not intended.
package enum SitingShortage: Equatable, Sendable {
    /// The hard limits leave no room beside those that exist.
    case caps(motes: Int)
    /// The places that the hard limits leave had no room a while ago.
    case capacity(pools: Int)
    /// So much is missing in the limit of this name.
    case budget(String, missing: Money)
}

extension SitingShortage: CustomStringConvertible {
    /// The same words as long as the same thing is in the way.
    package var description: String {
        switch self {
        case .caps: "no further mote for now: the placement policy's caps leave no room beside those that exist; one follows when the next is gone"
        case .capacity: "no further mote for now: no place that the caps leave had room a while ago; they are tried again within minutes"
        case .budget(let limit, _): "no further mote: what is left of \(limit) holds none; motes that run go on to their expiry. See: dustcloud budget show"
        }
    }
}

/// What providers run out of: one kind of machine in one region, as one account sees it.
private struct Pool: Hashable {
    let provider: String
    let payer: String
    let region: String
    let size: String

    init(_ site: Site) { (provider, payer, region, size) = (site.provider, site.payer, site.region, site.size) }
}

extension Site {
    fileprivate init(_ place: Place, image: String) {
        self.init(provider: place.provider, payer: place.payer, region: place.region, size: place.machine, image: image)
    }
}

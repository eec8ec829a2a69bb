package import Prices

/// What a fleet would lease, where and for how much, if it began now: every lease and its successors, until a time is over.
///
/// Nothing is bought. Chance (how long each lives, which of equally good places it takes) comes from the generator that is handed in.
package struct Forecast: Sendable {
    /// One mote of the fleet and, when it ends, its successors.
    package struct Slot: Equatable, Sendable {
        package let name: String
        /// How long the first lives and how long each later one.
        package let firstLifeSeconds: ClosedRange<Int64>
        package let lifeSeconds: ClosedRange<Int64>
        /// How long a mote and its successor both exist.
        package let overlapSeconds: Int64

        package init(name: String, firstLifeSeconds: ClosedRange<Int64>, lifeSeconds: ClosedRange<Int64>, overlapSeconds: Int64) {
            (self.name, self.firstLifeSeconds, self.lifeSeconds, self.overlapSeconds) = (name, firstLifeSeconds, lifeSeconds, overlapSeconds)
        }
    }

    package struct Lease: Equatable, Sendable {
        package let slot: Int
        package let name: String
        /// 0 for the first of its slot.
        package let generation: Int
        package let startSeconds: Int64
        package let lifeSeconds: Int64
        package let place: Place
        package let charge: Charge
        package let sentBytes: Int64
        /// How it was chosen; `nil` where the caps left no choice.
        package let choice: Placer.Choice?
    }

    package private(set) var leases: [Lease] = []
    package private(set) var budget: Budget
    /// Of the first motes of all slots.
    package private(set) var spreads: [Dimension: Spread] = [:]
    /// Places that the policy rules out for good.
    package let refused: [PlacementPolicy.Refused]
    package var places: [Place] { placer.places }

    private let policy: PlacementPolicy
    private var placer: Placer

    package static let leasesLimit = 20_000

    /// Plans what starts in `0..<horizonSeconds`.
    package init(
        policy: PlacementPolicy, catalogue: Catalogue, slots: [Slot], horizonSeconds: Int64, random: inout some RandomNumberGenerator
    ) throws(PlacementFault) {
        try policy.validate()
        let (allowed, refused) = try policy.places(in: catalogue)
        placer = try Placer(policy: policy, catalogue: catalogue, places: allowed, motes: slots.count)
        try placer.checkFeasible()
        (self.policy, self.refused) = (policy, refused)
        budget = Budget(ceilings: policy.ceilings)
        try begin(slots, &random)
        for dimension in Dimension.allCases { spreads[dimension] = placer.spread(dimension) }
        try go(on: slots, until: horizonSeconds, &random)
    }

    // MARK: First motes

    private mutating func begin(_ slots: [Slot], _ random: inout some RandomNumberGenerator) throws(PlacementFault) {
        let lives = slots.map { Int64.random(in: $0.firstLifeSeconds, using: &random) }
        let start = self
        for (slot, life) in lives.enumerated() {
            guard try take(slot, slots[slot], life, at: 0, after: nil, &random) else {
                // Free choice has walked into a corner; the way that is known to lead out leaves none.
                self = start
                return try beginWithoutChoice(slots, lives, &random)
            }
        }
    }

    private mutating func beginWithoutChoice(_ slots: [Slot], _ lives: [Int64], _ random: inout some RandomNumberGenerator) throws(PlacementFault) {
        for (slot, index) in placer.filled().shuffled(using: &random).enumerated() {
            try lease(slot, slots[slot], lives[slot], at: 0, placer.places[index], nil)
        }
    }

    // MARK: Successors

    private mutating func go(on slots: [Slot], until horizon: Int64, _ random: inout some RandomNumberGenerator) throws(PlacementFault) {
        var current = leases
        func next(_ lease: Lease) -> Int64 { lease.startSeconds + max(1, lease.lifeSeconds - slots[lease.slot].overlapSeconds) }
        while let last = current.min(by: { (next($0), $0.slot) < (next($1), $1.slot) }), next(last) < horizon {
            guard leases.count < Self.leasesLimit else { throw .tooManyLeases(Self.leasesLimit) }
            placer.remove(last.place)
            let life = Int64.random(in: slots[last.slot].lifeSeconds, using: &random)
            if try !take(last.slot, slots[last.slot], life, at: next(last), after: last, &random) {
                // Where it was, there is room again.
                try lease(last.slot, slots[last.slot], life, at: next(last), last.place, nil, generation: last.generation + 1)
            }
            if let made = leases.last { current[last.slot] = made }
        }
    }

    // MARK: One lease

    /// Whether a place was found. One that only a ceiling keeps from being taken is an error.
    private mutating func take(
        _ slot: Int, _ kind: Slot, _ life: Int64, at start: Int64, after last: Lease?, _ random: inout some RandomNumberGenerator
    ) throws(PlacementFault) -> Bool {
        let costs = placer.places.map { $0.tariff.charge(seconds: life, sentBytes: sentBytes(life)).total }
        guard let choice = placer.choose(costs: costs, budget: budget, after: last?.place, random: &random) else { return false }
        try lease(slot, kind, life, at: start, placer.places[choice.index], choice, generation: last.map { $0.generation + 1 } ?? 0)
        return true
    }

    private mutating func lease(
        _ slot: Int, _ kind: Slot, _ life: Int64, at start: Int64, _ place: Place, _ choice: Placer.Choice?, generation: Int = 0
    ) throws(PlacementFault) {
        let sent = sentBytes(life)
        let charge = place.tariff.charge(seconds: life, sentBytes: sent)
        let left = budget.left(charge.currency)
        guard budget.promise(charge.total, charge.currency) else {
            throw .ceiling(charge.currency, policy.ceilings[charge.currency] ?? .zero, leases: leases.count, needed: charge.total - left)
        }
        placer.add(place)
        leases.append(Lease(
            slot: slot, name: kind.name, generation: generation, startSeconds: start, lifeSeconds: life, place: place, charge: charge, sentBytes: sent, choice: choice))
    }

    private func sentBytes(_ seconds: Int64) -> Int64 { policy.sentBitsPerSecond * seconds / 8 }
}

extension Forecast {
    /// What all leases cost, sorted into the classes of a dimension.
    package func cost(by dimension: Dimension) -> [String: Purse] {
        var purses: [String: Purse] = [:]
        for lease in leases { purses[lease.place.label(dimension) ?? "unknown", default: Purse()].add(lease.charge.total, lease.charge.currency) }
        return purses
    }

    /// What the leases cost that begin within each day, from now on and up to the last with any.
    package var costByDay: [Purse] {
        leases.reduce(into: []) { days, lease in
            let day = Int(lease.startSeconds / 86400)
            while days.count <= day { days.append(Purse()) }
            days[day].add(lease.charge.total, lease.charge.currency)
        }
    }

    package var paidSeconds: Int64 { leases.reduce(0) { $0 + $1.charge.paidSeconds } }

    /// Paid for and not lived, because time is sold in grains.
    package var idleSeconds: Int64 { leases.reduce(0) { $0 + max(0, $1.charge.paidSeconds - $1.lifeSeconds) } }

    /// Lived while a predecessor or successor of the same mote lived too.
    package var overlapSeconds: Int64 {
        Dictionary(grouping: leases, by: \.slot).values.reduce(0) { sum, line in
            sum + zip(line, line.dropFirst()).reduce(0) { $0 + max(0, $1.0.startSeconds + $1.0.lifeSeconds - $1.1.startSeconds) }
        }
    }

    /// Limits that nothing can be said about before machines have their addresses.
    package var unchecked: [Dimension] {
        policy.caps.keys.filter { dimension in leases.contains { $0.place.label(dimension) == nil } }.sorted { $0.rawValue < $1.rawValue }
    }
}

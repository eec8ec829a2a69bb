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
        /// What it is promised at before it is ordered.
        package let ceiling: Money
        /// How long it had to wait because the caps left no room beside its predecessors.
        package let waitedSeconds: Int64

        var endSeconds: Int64 { startSeconds + lifeSeconds }
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
    /// Leases that are not over, with where they are.
    private var living: [(endSeconds: Int64, index: Int)] = []

    package static let leasesLimit = 20_000
    private static let boundless = Amount(1_000_000_000)

    /// Plans what starts in `0..<horizonSeconds`. `isBounded`: false to learn what it would cost whatever the ceilings are.
    package init(
        policy: PlacementPolicy, catalogue: Catalogue, slots: [Slot], horizonSeconds: Int64, isBounded: Bool = true, random: inout some RandomNumberGenerator
    ) throws(PlacementFault) {
        try policy.validate()
        let (allowed, refused) = try policy.places(in: catalogue)
        placer = try Placer(policy: policy, catalogue: catalogue, places: allowed, motes: slots.count)
        try placer.checkFeasible()
        (self.policy, self.refused) = (policy, refused)
        budget = Budget(ceilings: isBounded ? policy.ceilings : policy.ceilings.mapValues { _ in Self.boundless })
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
            try lease(Order(slot: slot, kind: slots[slot], life: lives[slot], start: 0), index, nil)
        }
    }

    // MARK: Successors

    private mutating func go(on slots: [Slot], until horizon: Int64, _ random: inout some RandomNumberGenerator) throws(PlacementFault) {
        var current = leases
        func due(_ lease: Lease) -> Int64 { lease.startSeconds + max(1, lease.lifeSeconds - slots[lease.slot].overlapSeconds) }
        var next = current.map(due)
        while let slot = next.indices.min(by: { (next[$0], $0) < (next[$1], $1) }), next[slot] < horizon {
            guard leases.count < Self.leasesLimit else { throw .tooManyLeases(Self.leasesLimit) }
            let now = next[slot]
            release(until: now)
            let life = Int64.random(in: slots[slot].lifeSeconds, using: &random)
            if try take(slot, slots[slot], life, at: now, after: current[slot], due: due(current[slot]), &random), let made = leases.last {
                (current[slot], next[slot]) = (made, due(made))
            } else {
                // Whoever ends first makes room.
                next[slot] = living.map(\.endSeconds).min() ?? now + 1
            }
        }
    }

    private mutating func release(until now: Int64) {
        for (end, index) in living where end <= now { placer.remove(index) }
        living.removeAll { $0.endSeconds <= now }
    }

    // MARK: One lease

    /// One lease that is wanted, and the one whose place it takes.
    private struct Order {
        let slot: Int
        let kind: Slot
        let life: Int64
        let start: Int64
        var generation = 0
        var waited: Int64 = 0

        var range: ClosedRange<Int64> { generation == 0 ? kind.firstLifeSeconds : kind.lifeSeconds }
    }

    /// Whether a place was found. Where room is and only money is missing, that is an error.
    private mutating func take(
        _ slot: Int, _ kind: Slot, _ life: Int64, at start: Int64, after last: Lease?, due: Int64 = 0, _ random: inout some RandomNumberGenerator
    ) throws(PlacementFault) -> Bool {
        let costs = placer.places.map { $0.tariff.charge(seconds: life, sentBytes: sentBytes(life)).total }
        let order = Order(slot: slot, kind: kind, life: life, start: start, generation: last.map { $0.generation + 1 } ?? 0, waited: start - due)
        if let choice = placer.chooseWarily(costs: costs, budget: budget, after: last.map { ($0.place.provider, $0.place.region) }, random: &random) {
            try lease(order, choice.index, choice)
            return true
        }
        guard let index = placer.places.indices.first(where: { placer.objection(to: placer.standings[$0]) == nil }) else { return false }
        try lease(order, index, nil)
        return true
    }

    private mutating func lease(_ order: Order, _ index: Int, _ choice: Placer.Choice?) throws(PlacementFault) {
        let place = placer.places[index], life = place.tariff.thrifty(order.life, within: order.range)
        let charge = place.tariff.charge(seconds: life, sentBytes: sentBytes(life))
        let left = budget.left(charge.currency, provider: place.provider, payer: place.payer)
        guard budget.promise(charge.total, charge.currency, provider: place.provider, payer: place.payer) else {
            throw .ceiling(charge.currency, policy.ceilings[charge.currency] ?? .zero, leases: leases.count, needed: charge.total - left)
        }
        placer.add(index)
        living.append((order.start + life, index))
        leases.append(Lease(
            slot: order.slot, name: order.kind.name, generation: order.generation, startSeconds: order.start, lifeSeconds: life, place: place, charge: charge,
            sentBytes: sentBytes(life), choice: choice, ceiling: place.tariff.ceiling(lifeSeconds: life, sentBitsPerSecond: policy.sentBitsPerSecond),
            waitedSeconds: order.waited))
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

    /// The most that all leases together can cost, each at its ceiling.
    package var ceiling: Purse { leases.reduce(into: Purse()) { $0.add($1.ceiling.amount, $1.ceiling.currency) } }

    /// How many successors had to wait for room under the caps, and how long the longest.
    package var waits: (count: Int, longestSeconds: Int64) {
        let waits = leases.map(\.waitedSeconds).filter { $0 > 0 }
        return (waits.count, waits.max() ?? 0)
    }

    /// Limits that nothing can be said about before machines have their addresses.
    package var unchecked: [Dimension] {
        policy.caps.keys.filter { dimension in leases.contains { $0.place.label(dimension) == nil } }.sorted { $0.rawValue < $1.rawValue }
    }
}

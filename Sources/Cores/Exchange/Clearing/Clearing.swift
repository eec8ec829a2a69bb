internal import Sealing

/// A mote that is offered for motes elsewhere (M12).
package struct SwapOffer: Hashable, Sendable {
    package let id: [UInt8]
    /// The bucket that it is in, below 32.
    package let gives: UInt8
    /// The buckets that its owner would like instead: one bit for each.
    package let accepts: UInt32

    /// `nil` for a bucket that does not exist.
    package init?(id: [UInt8], gives: UInt8, accepts: UInt32) {
        guard gives < 32 else { return nil }
        (self.id, self.gives, self.accepts) = (id, gives, accepts)
    }
}

/// Who gets motes of which bucket: as many as can, by multi-party exchange. It is a function of published data, so anybody can run it again.
///
/// Every owner ends with as much as it gave, in a bucket that it accepts, or keeps its own. That is a circulation of whole units over the
/// buckets; the largest is found by taking up cycles of exchanges that help more than they cost, until there is none. Cycles may have any
/// length, for nothing breaks when one of their motes dies: rights are earned slice by slice.
package struct Clearing {
    private static let buckets = 32

    /// Owners who give and accept the same: they differ only in the draw.
    private struct Kind: Hashable {
        let gives: Int
        let accepts: UInt32
        func gain(_ bucket: Int) -> Int { accepts >> UInt32(bucket) & 1 == 1 ? 1 : 0 }
        func allows(_ bucket: Int) -> Bool { bucket == gives || gain(bucket) == 1 }
    }

    private let kinds: [Kind]
    /// How many of each kind are where.
    private var placed: [[Int]]
    /// Kinds that may go from one bucket to another with each gain, from -1 to 1. A kind stays listed after it has left.
    private var moves: [[Int]]

    /// What each owner gets, for those that the clearing matched. Buckets of which fewer than `leastFleet` motes would be had stay closed, the
    /// smallest first: whoever accepts another as well gets that instead, and whoever gives there waits for a later clearing.
    package static func run(_ offers: [SwapOffer], beacon: [UInt8], leastFleet: Int = 1) -> [[UInt8]: UInt8] {
        var closed: UInt32 = 0
        while true {
            let open = offers.compactMap { offer in
                closed >> UInt32(offer.gives) & 1 == 1 ? nil : SwapOffer(id: offer.id, gives: offer.gives, accepts: offer.accepts & ~closed)
            }
            let result = run(open, beacon)
            let fleets = Dictionary(grouping: result.values) { $0 }.mapValues(\.count).filter { $0.value < leastFleet }
            guard let smallest = fleets.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return result }
            closed |= 1 << UInt32(smallest.key)
        }
    }

    private static func run(_ offers: [SwapOffer], _ beacon: [UInt8]) -> [[UInt8]: UInt8] {
        // The draw: nobody knows the beacon before the offers are fixed.
        let drawn = offers.map { (key: Digest.sha256(Array("dust-swap-draw".utf8) + beacon + $0.id), offer: $0) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.offer)
        var owners: [Kind: [SwapOffer]] = [:], kinds: [Kind] = []
        for offer in drawn {
            let kind = Kind(gives: Int(offer.gives), accepts: offer.accepts)
            if owners[kind] == nil { kinds.append(kind) }
            owners[kind, default: []].append(offer)
        }
        var clearing = Clearing(kinds, counts: kinds.map { owners[$0]!.count })
        while let cycle = clearing.helpfulCycle() { clearing.take(cycle) }
        return clearing.assignment(owners)
    }

    /// Everybody keeps what they have, which counts as a match for those who accept it.
    private init(_ kinds: [Kind], counts: [Int]) {
        self.kinds = kinds
        placed = kinds.map { _ in [Int](repeating: 0, count: Self.buckets) }
        moves = [[Int]](repeating: [], count: Self.buckets * Self.buckets * 3)
        for (kind, count) in counts.enumerated() { place(kind, kinds[kind].gives, count) }
    }

    private mutating func place(_ kind: Int, _ bucket: Int, _ count: Int) {
        placed[kind][bucket] += count
        for next in 0..<Self.buckets where next != bucket && kinds[kind].allows(next) {
            moves[slot(bucket, next, kinds[kind].gain(next) - kinds[kind].gain(bucket))].append(kind)
        }
    }

    private func slot(_ from: Int, _ to: Int, _ gain: Int) -> Int { (from * Self.buckets + to) * 3 + gain + 1 }

    /// The best move there is from one bucket to another.
    private mutating func best(_ from: Int, _ to: Int) -> (gain: Int, kind: Int)? {
        for gain in [1, 0, -1] {
            let slot = slot(from, to, gain)
            while let kind = moves[slot].last {
                if placed[kind][from] > 0 { return (gain, kind) }
                moves[slot].removeLast()
            }
        }
        return nil
    }

    private struct Move {
        let from: Int
        let to: Int
        let kind: Int
    }

    /// Moves in a ring whose gains add up to more than nothing (Bellman and Ford, for the longest way).
    private mutating func helpfulCycle() -> [Move]? {
        var arcs: [(move: Move, gain: Int)] = []
        for from in 0..<Self.buckets {
            for to in 0..<Self.buckets where to != from {
                if let (gain, kind) = best(from, to) { arcs.append((Move(from: from, to: to, kind: kind), gain)) }
            }
        }
        var reach = [Int](repeating: 0, count: Self.buckets), last = [Move?](repeating: nil, count: Self.buckets), changed: Int?
        for _ in 0..<Self.buckets {
            changed = nil
            for arc in arcs where reach[arc.move.from] + arc.gain > reach[arc.move.to] {
                reach[arc.move.to] = reach[arc.move.from] + arc.gain
                last[arc.move.to] = arc.move
                changed = arc.move.to
            }
            if changed == nil { return nil }
        }
        guard var bucket = changed else { return nil }
        for _ in 0..<Self.buckets { bucket = last[bucket]?.from ?? bucket }
        var cycle: [Move] = [], next = bucket
        repeat {
            guard let move = last[next] else { return nil }
            cycle.append(move)
            next = move.from
        } while next != bucket
        return cycle
    }

    private mutating func take(_ cycle: [Move]) {
        // One kind may move twice in a ring only if it is in two buckets, so the smallest number can be moved at once.
        let count = cycle.map { placed[$0.kind][$0.from] }.min() ?? 0
        for move in cycle { placed[move.kind][move.from] -= count }
        for move in cycle { place(move.kind, move.to, count) }
    }

    private func assignment(_ owners: [Kind: [SwapOffer]]) -> [[UInt8]: UInt8] {
        var assignment: [[UInt8]: UInt8] = [:]
        for (index, kind) in kinds.enumerated() {
            var queue = owners[kind]![...]
            for bucket in 0..<Self.buckets where kind.gain(bucket) == 1 {
                for offer in queue.prefix(placed[index][bucket]) { assignment[offer.id] = UInt8(bucket) }
                queue = queue.dropFirst(placed[index][bucket])
            }
        }
        return assignment
    }
}

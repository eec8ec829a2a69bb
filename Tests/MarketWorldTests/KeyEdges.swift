import Exchange
import Foundation

/// What an insider makes of credit that is spent in the last twentieth of its key's life, when few have any left: from which order it may have
/// come. It knows when and how much of each key was made, and, as exactly as there is anything to know, of which days' credit how much is spent
/// so late. That nothing else tells, the signatures are blind for.
struct KeyEdges {
    /// Of each such order, the number of orders among which it is as hard to guess: two to the entropy.
    private(set) var sets: [Double] = []
    /// Such orders that were not carried out.
    private(set) var held = 0

    init(_ world: MarketWorld) {
        var made: [KeyRole: [Int: Double]] = [:], spent: [KeyRole: [[Int]]] = [:]
        for (index, record) in world.records.enumerated() {
            for batch in record.order.outputs { if let role = world.role(of: batch.key) { made[role, default: [:]][index] = Double(batch.blinded.count) } }
            guard let week = record.week, let role = record.order.inputs.first.flatMap({ KeyID($0.token.input.keyID) }).flatMap(world.role), Self.isLate(record.slice, week)
            else { continue }
            spent[role, default: []].append(record.order.inputs.compactMap { world.origin[$0.token.input.nonce] })
        }
        held = world.held.count { if case .credit(_, let week) = $0.role { Self.isLate($0.slice, week) } else { false } }
        for (role, orders) in spent { sets += Array(repeating: Self.set(made[role] ?? [:], orders.joined(), world), count: orders.count) }
    }

    private static func isLate(_ slice: Slice, _ week: Int64) -> Bool {
        let role = KeyRole.credit(.one, week: week), life = role.accepted.lowerBound.distance(to: role.accepted.upperBound)
        return slice >= role.accepted.upperBound - life / 20
    }

    private static func set(_ made: [Int: Double], _ spent: some Sequence<Int>, _ world: MarketWorld) -> Double {
        func day(_ order: Int) -> Int64 { world.records[order].slice.day }
        var madeOfDay: [Int64: Double] = [:], spentOfDay: [Int64: Double] = [:]
        for (order, count) in made { madeOfDay[day(order), default: 0] += count }
        for order in spent { spentOfDay[day(order), default: 0] += 1 }
        let weights = made.map { order, count in count * (spentOfDay[day(order)] ?? 0) / madeOfDay[day(order)]! }.filter { $0 > 0 }, all = weights.reduce(0, +)
        return exp2(-weights.reduce(0) { $0 + $1 / all * log2($1 / all) })
    }
}

extension MarketWorld {
    func role(of key: KeyID) -> KeyRole? { desk.role(of: key) }
}

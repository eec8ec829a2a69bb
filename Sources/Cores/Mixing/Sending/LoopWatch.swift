internal import Glibc

/// A gateway's loops: which motes bring packets on, and which lose or hold up too many. A mote that drops what it should pass on, to see what is
/// left of one letter, drops loops as well, for it cannot tell them.
package struct LoopWatch: Sendable {
    /// Loops under way; of more the oldest counts as lost.
    package static let limit = 4_096
    /// What a loop may take longer than its delays: the links and the motes' queues.
    package static let grace: UInt64 = 10 * 60_000
    /// Where nothing is wrong, once in a million times as much as this is lost through one mote by chance.
    private static let chance: Double = 1e-6

    package struct Score: Hashable, Sendable {
        package var returned = 0
        package var lost = 0
    }

    private struct Loop {
        let id: LoopID
        let due: MixTime
        let motes: [MixID]
    }

    private var underWay: [Loop] = []
    package private(set) var scores: [MixID: Score] = [:]
    package private(set) var total = Score()

    package init() {}

    package mutating func sent(_ id: LoopID, in slot: SendingSlot) {
        let due = slot.at + slot.route.reduce(0) { $0 + UInt64($1.delayMilliseconds) } + Self.grace
        underWay.append(Loop(id: id, due: due, motes: slot.route.dropLast().map(\.id)))
        if underWay.count > Self.limit { settle(underWay.removeFirst(), returned: false) }
    }

    /// Whether it was one of ours that is still awaited.
    package mutating func came(_ id: LoopID) -> Bool {
        guard let index = underWay.firstIndex(where: { $0.id == id }) else { return false }
        settle(underWay.remove(at: index), returned: true)
        return true
    }

    /// Those that are overdue count as lost.
    package mutating func check(at now: MixTime) {
        for loop in underWay where loop.due < now { settle(loop, returned: false) }
        underWay.removeAll { $0.due < now }
    }

    private mutating func settle(_ loop: Loop, returned: Bool) {
        func count(_ score: inout Score) { if returned { score.returned += 1 } else { score.lost += 1 } }
        count(&total)
        for mote in loop.motes { count(&scores[mote, default: Score()]) }
    }

    /// Motes through which more of what was lost went than chance allows, given how many of all loops went through them (Chernoff's bound).
    package var suspects: [MixID] {
        let loops = Double(total.returned + total.lost), lost = Double(total.lost)
        return scores.filter { _, score in
            let share = Double(score.returned + score.lost) / loops, lostShare = Double(score.lost) / lost
            guard score.lost > 0, share < 1, lostShare > share else { return false }
            let others = lostShare < 1 ? (1 - lostShare) * log((1 - lostShare) / (1 - share)) : 0
            return lost * (lostShare * log(lostShare / share) + others) > -log(Self.chance)
        }.map(\.key)
    }
}

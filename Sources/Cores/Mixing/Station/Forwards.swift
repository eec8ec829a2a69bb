/// Packets on their way to the next mote: together as many as there are, again until that mote has them for good.
struct Forwards {
    /// Packets of one call.
    static let batch = 32
    /// That wait for all motes together: as many as may be held, and a slot's worth more. Cover that finds no room is not sent.
    static let limit = 12_288
    /// A mote that nobody lists is tried for so long, and one that should be gone for so long after its end.
    static let patience: UInt64 = 600_000
    private static let longestPause = 60.0

    enum Cargo: Hashable {
        case held(ReplayTag)
        case share(letter: [UInt8], place: Int)
        case parting(Int)
        case report(ParcelID, by: MixID)
        case cover
    }

    struct Packet {
        let bytes: [UInt8]
        let cargo: Cargo
    }

    private struct Way {
        var waiting: [Packet] = []
        var flying: [Packet] = []
        var notBefore = MixTime(milliseconds: 0)
        var failures = 0
        var failingSince: MixTime?
    }

    private var ways: [MixID: Way] = [:]
    private(set) var count = 0

    var isFull: Bool { count >= Self.limit }
    var nextDue: MixTime? { ways.values.filter { $0.flying.isEmpty && !$0.waiting.isEmpty }.map(\.notBefore).min() }
    var targets: [MixID] { ways.filter { !$0.value.waiting.isEmpty || !$0.value.flying.isEmpty }.map(\.key) }

    mutating func add(_ packet: Packet, to mote: MixID) {
        ways[mote, default: Way()].waiting.append(packet)
        count += 1
    }

    /// What is to be sent now; each mote's `landed` is awaited before it gets more.
    mutating func depart(at now: MixTime) -> [(mote: MixID, packets: [[UInt8]])] {
        var batches: [(MixID, [[UInt8]])] = []
        for (mote, way) in ways where way.flying.isEmpty && !way.waiting.isEmpty && way.notBefore <= now {
            ways[mote]?.flying = Array(way.waiting.prefix(Self.batch))
            ways[mote]?.waiting.removeFirst(min(Self.batch, way.waiting.count))
            batches.append((mote, way.waiting.prefix(Self.batch).map(\.bytes)))
        }
        return batches
    }

    /// - Parameter verdicts: of the mote, in order; `nil` if it did not answer.
    /// - Returns: what it has or never will take; the rest goes again after a pause.
    mutating func landed(_ mote: MixID, _ verdicts: [MixStation.Verdict]?, at now: MixTime, _ random: inout some RandomNumberGenerator) -> [(Packet, passed: Bool)] {
        guard var way = ways[mote] else { return [] }
        let flown = way.flying, verdicts = verdicts?.count == flown.count ? verdicts : nil
        let settled = verdicts.map { zip(flown, $0).filter { $0.1 != .full }.map { ($0.0, passed: $0.1 != .refused) } } ?? []
        way.flying = []
        way.waiting = (verdicts.map { zip(flown, $0).filter { $0.1 == .full }.map(\.0) } ?? flown) + way.waiting
        let failed = settled.isEmpty && !flown.isEmpty
        way.failures = failed ? way.failures + 1 : 0
        way.failingSince = failed ? way.failingSince ?? now : nil
        if failed { way.notBefore = now + UInt64(1000 * MixDelays.exponential(&random) * min(Double(1 << min(way.failures, 20)) / 2, Self.longestPause)) }
        ways[mote] = way.waiting.isEmpty ? nil : way
        count -= settled.count
        return settled
    }

    /// Takes back what waits for motes that did not answer of late, but for what only they shall have.
    mutating func takeStuck() -> [(Packet, target: MixID)] {
        var stuck: [(Packet, target: MixID)] = []
        for (mote, way) in ways where way.failures > 0 && way.flying.isEmpty {
            let kept = way.waiting.filter { if case .parting = $0.cargo { true } else { false } }
            stuck += way.waiting.filter { if case .parting = $0.cargo { false } else { true } }.map { ($0, target: mote) }
            ways[mote]?.waiting = kept
            if kept.isEmpty { ways[mote] = nil }
        }
        count -= stuck.count
        return stuck
    }

    /// Gives up motes that are gone: those that end before `now` less patience, or that fail for so long and have no known end.
    mutating func giveUp(at now: MixTime, ends: (MixID) -> MixTime?) -> [Packet] {
        var lost: [Packet] = []
        for (mote, way) in ways where way.flying.isEmpty {
            let isGone = ends(mote).map { now - $0 > Self.patience } ?? way.failingSince.map { now - $0 > Self.patience } ?? false
            guard isGone else { continue }
            lost += way.waiting
            ways[mote] = nil
        }
        count -= lost.count
        return lost
    }
}

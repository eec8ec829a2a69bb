/// What the throttle goes by in a slice, in whole numbers, as its report has them.
package struct SliceCounts: Hashable, Sendable {
    /// Access tokens that were deposited in the slice, and sold in it.
    package var deposited: Int64
    package var sold: Int64
    /// Motes that are listed for it, and those of them for which it is the last slice.
    package var live: Int64
    package var ending: Int64
    /// Permits that were asked for.
    package var wanted: Int64
    /// What witnesses found (`ProbedShares`).
    package var probed: ProbedShares

    package init(deposited: Int64 = 0, sold: Int64 = 0, live: Int64 = 0, ending: Int64 = 0, wanted: Int64 = 0, probed: ProbedShares = ProbedShares()) {
        (self.deposited, self.sold, self.live, self.ending, self.wanted, self.probed) = (deposited, sold, live, ending, wanted, probed)
    }
}

/// What the throttle came to in a slice: the counts, and in thousandths what it aims at and decided.
package struct SliceDecision: Hashable, Sendable {
    package let counts: SliceCounts
    package let target: Int64
    /// In a mote, of seconds.
    package let delay: Int64
    package let permits: Int64

    package init(_ counts: SliceCounts, target: Int64, delay: Int64, permits: Int64) {
        (self.counts, self.target, self.delay, self.permits) = (counts, target, delay, permits)
    }

    /// In the order in which a report has them.
    var numbers: [Int64] { [counts.deposited, counts.sold, counts.live, counts.ending, counts.wanted, counts.probed.sum, counts.probed.low, target, delay, permits] }

    static let numbersCount = 10

    /// `nil` unless there are as many.
    init?(_ numbers: [Int64]) {
        guard numbers.count == Self.numbersCount else { return nil }
        let counts = SliceCounts(
            deposited: numbers[0], sold: numbers[1], live: numbers[2], ending: numbers[3], wanted: numbers[4], probed: ProbedShares(sum: numbers[5], low: numbers[6]))
        self.init(counts, target: numbers[7], delay: numbers[8], permits: numbers[9])
    }
}

/// The growth throttle on what is published of an exchange: counts of each slice in, permits for a start to come out. The exchange runs it,
/// and whoever has the reports runs it again.
package struct PermitLaw: Sendable {
    /// Slices from an order's for a permit to its start, at most, and one more.
    package static let ahead: Int64 = 5
    /// Messages per second that an active user sends, who takes a share in each of three motes.
    private static let messagesPerUser = 10.0
    /// Of the permits for a start, the part that is had for work instead of a stake.
    private static let trialPart = 0.1

    private let terms: MarketTerms
    private var law = Throttle(Throttle.Settings())
    private var isFirst = true

    package init(_ terms: MarketTerms) { self.terms = terms }

    /// Takes the next slice's counts in: what it came to, and how many permits may be made of each kind for which that is decided now.
    package mutating func decide(_ counts: SliceCounts, at slice: Slice) -> (decision: SliceDecision, permits: [KeyRole: Int64]) {
        let decided = law.decide(inputs(counts))
        // An exchange that begins has the same for all starts at hand.
        let starts = (isFirst ? slice + 1 : slice + Self.ahead)...slice + Self.ahead
        isFirst = false
        var permits: [KeyRole: Int64] = [:]
        for start in starts where start.index % terms[.permitEvery] == 0 {
            for size in terms.sizes { permits.merge(allowed(size, start, decided)) { $1 } }
        }
        return (SliceDecision(counts, target: Self.thousandths(decided.target), delay: Self.thousandths(decided.delay), permits: Self.thousandths(decided.permits)), permits)
    }

    private static func thousandths(_ value: Double) -> Int64 { Int64((value * 1000).rounded()) }

    private func allowed(_ size: MoteClass, _ start: Slice, _ decision: Throttle.Decision) -> [KeyRole: Int64] {
        let all = size == decision.size ? max(0, decision.permits) : 0, trials = (all * Self.trialPart).rounded(.up), least = terms[.leastPermits]
        return [.permit(start, size, isStaked: true): max(least, Int64(all - trials)), .permit(start, size, isStaked: false): max(least, Int64(trials))]
    }

    private func inputs(_ counts: SliceCounts) -> Throttle.Inputs {
        let hops = Double(GuessModel.hops), users = Double(counts.deposited) / hops, live = Double(counts.live)
        // Each share is one user's in one of three motes. Before there are as many motes as diversity asks for, empty ones are no reason to wait.
        let lowest = Double(counts.probed.low) * Self.messagesPerUser * law.delay, isStarting = live < 3 * law.settings.groups
        return Throttle.Inputs(
            paid: users * Self.messagesPerUser, probed: Double(counts.probed.sum) / hops * Self.messagesPerUser, live: live, expiring: Double(counts.ending), users: users,
            shares: Double(counts.sold), wanted: max(Double(counts.wanted), live), lowOccupancy: isStarting ? law.settings.floor : lowest)
    }
}

/// How many shares of a slice were taken in motes, as witnesses found it when they probed them a slice later. A mote says it with its
/// signature, and never of the slice that runs, for that would tell when each client came.
///
/// A mote is not believed alone. The throttle takes the smaller of this and of what was deposited: who says too much gains nothing without
/// deposits, which cost; who says too little is contradicted by what it deposits, and then lets the network grow more slowly, which nobody is paid for.
package struct ProbedShares: Hashable, Sendable {
    /// In all motes together.
    package let sum: Int64
    /// In the mote below which a twentieth of its class is, of the class in which that is least; 0 without motes.
    package let low: Int64

    package init(sum: Int64 = 0, low: Int64 = 0) { (self.sum, self.low) = (sum, low) }

    /// Of motes that were listed in a slice, by the verdicts of it. Of those that agree that a mote was up the middle one counts, the lower of
    /// two; a mote that no two saw up counts as empty, and none for more than its shares.
    package init(_ motes: [(mote: [UInt8], size: MoteClass)], _ verdicts: [Verdict], at slice: Slice, _ trust: LogTrust) {
        let heard = Dictionary(grouping: verdicts, by: \.mote)
        var found: [MoteClass: [Int64]] = [:]
        for (mote, size) in motes { found[size, default: []].append(min(size.shares, Self.taken(heard[mote] ?? [], mote, slice, trust))) }
        sum = found.values.joined().reduce(0, +)
        low = found.values.map { $0.sorted()[($0.count - 1) / 20] }.min() ?? 0
    }

    private static func taken(_ verdicts: [Verdict], _ mote: [UInt8], _ slice: Slice, _ trust: LogTrust) -> Int64 {
        let genuine = Verdict.heard(verdicts, on: mote, at: slice, trust).filter(\.isUp).map { Int64($0.taken) }.sorted()
        return genuine.count >= LogTrust.witnessesNeeded ? genuine[(genuine.count - 1) / 2] : 0
    }
}

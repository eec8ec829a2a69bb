package import Ambience

/// Decides what to fetch when and from whom; it does nothing itself.
///
/// 1. A consensus of each wanted flavour: at once when there is none, later by `ConsensusTimes.refreshAt`.
/// 2. The certificates that a consensus waits for.
/// 3. The microdescriptors (and for caches the descriptors) that a consensus names, in batches over several sources.
///
/// The shell tells what is held, executes the fetches that `start` returns, and reports each with `finished`.
package struct FetchPlan {
    package struct Settings: Sendable {
        /// Flavours to hold.
        package var wantsMicrodesc = true
        package var wantsPlain = false
        package var refresh: RefreshRule = .client
        /// Waits after a failure: doubled each time, from the first to the last.
        package var firstRetry = Instant.Span.seconds(1)
        package var lastRetry = Instant.Span.seconds(600)

        package init() {}
    }

    /// What the shell has, as far as it matters here.
    package struct Holdings {
        package var microdesc: ConsensusTimes?
        package var plain: ConsensusTimes?
        /// A fetched consensus waits for certificates: fetching it again would not help.
        package var microdescWaits = false
        package var plainWaits = false
        /// Everything that is wanted and not held. At most one entry per document.
        package var missing: [DocumentName] = []

        package init() {}
    }

    package struct Fetch: Hashable, Sendable {
        package let id: Int
        /// Index of the source.
        package let source: Int
        package let request: FetchRequest
    }

    package enum Outcome: Equatable, Sendable {
        /// A newer consensus, or all documents that were asked for.
        case complete
        /// The consensus that is held already, or only some of the documents.
        case partial
        /// The source answered, and it was no use.
        case refused
        /// No answer.
        case unreachable
    }

    /// Document requests under way at most, over all sources.
    package static let parallelLimit = 4
    /// Names in one request at most, so that its line stays within 4 KiB.
    package static let batchLimit = 92
    /// Failures after which a document may be asked of a higher tier.
    static let tierFailures = 2
    /// Documents waiting for another attempt at most; beyond it the oldest waits are forgotten and they are due at once.
    static let waitLimit = 16_384

    private let settings: Settings
    private var sources: [SourceRecord]
    private var schedules: [Bool: ConsensusSchedule] = [:]
    private var waits: [DocumentName: Wait] = [:]
    private var underWay: [Int: Fetch] = [:]
    private var nextID = 0

    /// One entry per source: sources of a lower tier are asked first, those of a higher one when the lower ones do not help.
    package init(settings: Settings, tiers: [Int]) {
        self.settings = settings
        sources = tiers.map { SourceRecord(tier: $0) }
    }

    /// Other sources from now on; what is under way goes on and is forgotten when it ends.
    package mutating func replaceSources(tiers: [Int]) {
        sources = tiers.map { SourceRecord(tier: $0) }
        underWay = [:]
        for flavour in schedules.keys { schedules[flavour]?.wait.lastSource = nil }
        for name in waits.keys { waits[name]?.lastSource = nil }
    }

}

extension FetchPlan {
    /// The fetches to begin now.
    package mutating func start(_ holdings: Holdings, now: Instant, wall: WallTime, using random: inout some RandomNumberGenerator) -> [Fetch] {
        var fetches: [Fetch] = []
        for isMicrodesc in wantedFlavours where isDue(isMicrodesc, holdings, now: now, wall: wall, using: &random) {
            guard let source = pickSource(schedules[isMicrodesc]?.wait, now: now, using: &random) else { continue }
            schedules[isMicrodesc, default: ConsensusSchedule()].wait.lastSource = source
            fetches.append(begin(.consensus(isMicrodesc: isMicrodesc), source))
        }
        forgetWaits(holdings)
        for kind in DocumentName.Kind.allCases { fetches += startDocuments(kind, holdings, now: now, using: &random) }
        return fetches
    }

    /// Reports how a fetch ended. `missing` are the documents of it that did not come.
    package mutating func finished(
        _ fetch: Fetch, _ outcome: Outcome, missing: [DocumentName] = [], now: Instant, using random: inout some RandomNumberGenerator
    ) {
        guard underWay.removeValue(forKey: fetch.id) != nil else { return }
        let backoff = Backoff(first: settings.firstRetry, last: settings.lastRetry)
        sources[fetch.source].note(outcome, now: now, backoff, using: &random)
        switch fetch.request {
        case .consensus(let isMicrodesc):
            schedules[isMicrodesc, default: ConsensusSchedule()].note(outcome, now: now, backoff, using: &random)
        case .documents(_, let names):
            let failed = outcome == .complete ? [] : outcome == .partial ? missing : names
            for name in names { if !failed.contains(name) { waits[name] = nil } }
            for name in failed {
                waits[name, default: Wait()].fail(now: now, backoff, using: &random)
                waits[name]?.lastSource = fetch.source
            }
        }
    }

    /// A consensus that was taken before turned out to be no good.
    package mutating func rejected(isMicrodesc: Bool, now: Instant, using random: inout some RandomNumberGenerator) {
        let backoff = Backoff(first: settings.firstRetry, last: settings.lastRetry)
        schedules[isMicrodesc, default: ConsensusSchedule()].note(.refused, now: now, backoff, using: &random)
    }

    /// When `start` may have something new to say if nothing else happens; `nil` while only a fetch under way can change anything.
    /// Call it after `start`, which makes the random choices that it tells of.
    package func deadline(_ holdings: Holdings, now: Instant, wall: WallTime) -> Instant? {
        let consensuses = wantedFlavours.filter { !isUnderWay($0) && !waitsForCertificates($0, holdings) }.map { flavour in
            let schedule = schedules[flavour] ?? ConsensusSchedule()
            let refresh = times(flavour, holdings).flatMap { schedule.refreshAt(of: $0) }
            let byClock = refresh.map { now + .seconds(max(0, $0 - wall)) } ?? now
            return max(byClock, schedule.wait.until ?? now)
        }
        let busy = namesUnderWay
        let canFetchMore = documentsUnderWay < Self.parallelLimit
        let documents = canFetchMore ? holdings.missing.filter { !busy.contains($0) }.map { waits[$0]?.until ?? now } : []
        guard let due = (consensuses + documents).min(), let source = sources.map({ $0.wait.until ?? now }).min() else { return nil }
        return max(due, source)
    }
}

extension FetchPlan {
    private var wantedFlavours: [Bool] { (settings.wantsMicrodesc ? [true] : []) + (settings.wantsPlain ? [false] : []) }

    private func times(_ isMicrodesc: Bool, _ holdings: Holdings) -> ConsensusTimes? { isMicrodesc ? holdings.microdesc : holdings.plain }

    private func waitsForCertificates(_ isMicrodesc: Bool, _ holdings: Holdings) -> Bool {
        isMicrodesc ? holdings.microdescWaits : holdings.plainWaits
    }

    private func isUnderWay(_ isMicrodesc: Bool) -> Bool { underWay.values.contains { $0.request == .consensus(isMicrodesc: isMicrodesc) } }

    private var namesUnderWay: Set<DocumentName> {
        underWay.values.reduce(into: []) { if case .documents(_, let names) = $1.request { $0.formUnion(names) } }
    }

    private mutating func isDue(
        _ isMicrodesc: Bool, _ holdings: Holdings, now: Instant, wall: WallTime, using random: inout some RandomNumberGenerator
    ) -> Bool {
        guard !isUnderWay(isMicrodesc), !waitsForCertificates(isMicrodesc, holdings) else { return false }
        var schedule = schedules[isMicrodesc] ?? ConsensusSchedule()
        if let times = times(isMicrodesc, holdings) { schedule.plan(times, settings.refresh, using: &random) }
        schedules[isMicrodesc] = schedule
        guard schedule.wait.isOver(now) else { return false }
        return times(isMicrodesc, holdings).flatMap { schedule.refreshAt(of: $0) }.map { wall >= $0 } ?? true
    }

    private mutating func startDocuments(
        _ kind: DocumentName.Kind, _ holdings: Holdings, now: Instant, using random: inout some RandomNumberGenerator
    ) -> [Fetch] {
        let busy = namesUnderWay
        let due = holdings.missing.filter { $0.kind == kind && !busy.contains($0) && waits[$0]?.isOver(now) ?? true }
        var fetches: [Fetch] = []
        for start in stride(from: 0, to: due.count, by: Self.batchLimit) {
            let batch = Array(due[start..<min(start + Self.batchLimit, due.count)])
            guard documentsUnderWay < Self.parallelLimit,
                let source = pickSource(batch.first.flatMap { waits[$0] }, now: now, using: &random)
            else { break }
            fetches.append(begin(.documents(kind, batch), source))
        }
        return fetches
    }

    private var documentsUnderWay: Int { underWay.values.count { if case .documents = $0.request { true } else { false } } }

    private mutating func begin(_ request: FetchRequest, _ source: Int) -> Fetch {
        let fetch = Fetch(id: nextID, source: source, request: request)
        nextID += 1
        underWay[fetch.id] = fetch
        return fetch
    }

    /// A source that failed least, another one than last time if there is a choice. What failed twice in the lowest tier may be
    /// asked of any source.
    private func pickSource(_ wait: Wait?, now: Instant, using random: inout some RandomNumberGenerator) -> Int? {
        let usable = sources.indices.filter { sources[$0].wait.isOver(now) }
        let lowest = usable.map { sources[$0].tier }.min()
        let near = usable.filter { wait?.failures ?? 0 >= Self.tierFailures || sources[$0].tier == lowest }
        let others = near.filter { $0 != wait?.lastSource }
        let choice = others.isEmpty ? near : others
        guard let fewest = choice.map({ sources[$0].wait.failures }).min() else { return nil }
        return choice.filter { sources[$0].wait.failures == fewest }.randomElement(using: &random)
    }

    private mutating func forgetWaits(_ holdings: Holdings) {
        guard !waits.isEmpty else { return }
        let wanted = Set(holdings.missing)
        waits = waits.filter { wanted.contains($0.key) }
        if waits.count > Self.waitLimit { waits = [:] }
    }
}

import Ambience
import DirectoryService
import Testing

@Suite("Fetch plan")
struct FetchPlanTests {
    private static let start = WallTime("2026-11-21 07:00:00")!

    private static func times(after offset: Int64 = 0, interval: Int64 = 3600) -> ConsensusTimes {
        ConsensusTimes(validAfter: start + offset, freshUntil: start + offset + interval, validUntil: start + offset + 3 * interval)
    }

    /// A plan, its clock and its randomness.
    private struct Bench {
        var plan: FetchPlan
        var holdings = FetchPlan.Holdings()
        var random = SeededRandom(seed: 7)
        var now = Instant.zero
        var wall = FetchPlanTests.start

        init(sources: Int = 1, _ change: (inout FetchPlan.Settings) -> Void = { _ in }) {
            var settings = FetchPlan.Settings()
            change(&settings)
            plan = FetchPlan(settings: settings, tiers: [Int](repeating: 0, count: sources))
        }

        mutating func start() -> [FetchPlan.Fetch] { plan.start(holdings, now: now, wall: wall, using: &random) }
        mutating func finish(_ fetch: FetchPlan.Fetch, _ outcome: FetchPlan.Outcome, missing: [DocumentName] = []) {
            plan.finished(fetch, outcome, missing: missing, now: now, using: &random)
        }
        mutating func advance(_ seconds: Int64) {
            now = now + .seconds(seconds)
            wall = wall + seconds
        }
        /// Seconds until the plan wants to be asked again.
        func waitSeconds() -> Double? { plan.deadline(holdings, now: now, wall: wall).map { ($0 - now).inSeconds } }
    }

    private static func microdescriptors(_ count: Int) -> [DocumentName] {
        (0..<count).map { DocumentName(.microdescriptor, [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] + [UInt8](repeating: 0, count: 30)) }
    }

    @Test("without a consensus one is fetched at once, once")
    func first() {
        var bench = Bench()
        let fetches = bench.start()
        #expect(fetches.map(\.request) == [.consensus(isMicrodesc: true)])
        #expect(bench.start().isEmpty)
        #expect(bench.waitSeconds() == nil)
    }

    @Test("a cache fetches both flavours")
    func bothFlavours() {
        var bench = Bench { $0.wantsPlain = true }
        #expect(Set(bench.start().map(\.request)) == [.consensus(isMicrodesc: true), .consensus(isMicrodesc: false)])
    }

    @Test("a consensus that waits for certificates is not fetched again; its certificates are")
    func certificates() {
        var bench = Bench()
        bench.finish(bench.start()[0], .complete)
        bench.holdings.microdescWaits = true
        let name = DocumentName(.certificate, [UInt8](repeating: 1, count: 40))
        bench.holdings.missing = [name]
        #expect(bench.start().map(\.request) == [.documents(.certificate, [name])])
    }

    @Test("microdescriptors come in bounded batches, bounded in number")
    func batches() {
        var bench = Bench()
        bench.holdings.microdesc = Self.times()
        bench.holdings.missing = Self.microdescriptors(92 * 6)
        let fetches = bench.start()
        #expect(fetches.count == FetchPlan.parallelLimit)
        for fetch in fetches {
            guard case .documents(.microdescriptor, let names) = fetch.request else { return #expect(Bool(false)) }
            #expect(names.count == FetchPlan.batchLimit)
        }
        #expect(bench.start().isEmpty)
        #expect(bench.waitSeconds().map { $0 > 3600 } ?? false, "at the bound only the next consensus counts")
        bench.finish(fetches[0], .complete)
        #expect(bench.start().count == 1)
    }

    @Test("what did not come is asked for elsewhere, after a wait")
    func partial() {
        var bench = Bench(sources: 3)
        bench.holdings.microdesc = Self.times()
        bench.holdings.missing = Self.microdescriptors(2)
        for _ in 0..<20 {
            let fetch = bench.start()[0]
            bench.finish(fetch, .partial, missing: bench.holdings.missing)
            #expect(bench.start().isEmpty)
            bench.advance(600)
            let again = bench.start()[0]
            #expect(again.source != fetch.source)
            bench.finish(again, .complete)
        }
    }

    @Test("waits double from the first to the last, and are never longer or shorter by more than half")
    func backoff() {
        var bench = Bench { $0.lastRetry = .seconds(60) }
        var bound = 1.0
        for _ in 0..<12 {
            bench.finish(bench.start()[0], .unreachable)
            let wait = bench.waitSeconds()!
            #expect(wait >= bound / 2 && wait <= bound)
            bench.advance(60)
            bound = min(bound * 2, 60)
        }
    }

    @Test("a source that fails is left for one that answers")
    func rotation() {
        var bench = Bench(sources: 2)
        let first = bench.start()[0]
        bench.finish(first, .unreachable)
        bench.advance(1)
        let second = bench.start()[0]
        #expect(second.source != first.source)
        bench.finish(second, .complete)
        bench.holdings.microdesc = Self.times()
        bench.advance(300)
        bench.holdings.missing = Self.microdescriptors(500)
        for fetch in bench.start() { #expect(fetch.source == second.source) }
    }

    @Test(
        "the next consensus is asked for when stock would",
        arguments: [(RefreshRule.client, 3600 + 2700, 3600 + 2700 + 3938), (.cache, 3600 + 120, 3600 + 120 + 1800), (.prompt, 3601, 3602)]
    )
    func refresh(rule: RefreshRule, earliest: Int, latest: Int) {
        var waits: Set<Double> = []
        for seed in 0..<200 {
            var bench = Bench { $0.refresh = rule }
            bench.random = SeededRandom(seed: UInt64(seed))
            bench.holdings.microdesc = Self.times()
            #expect(bench.start().isEmpty)
            let wait = bench.waitSeconds()!
            #expect(wait >= Double(earliest) && wait <= Double(latest))
            waits.insert(wait)
            bench.advance(Int64(wait) - 1)
            #expect(bench.start().isEmpty)
            bench.advance(1)
            #expect(bench.start().count == 1)
        }
        #expect(waits.count > 1)
    }

    @Test("the consensus that is held already is asked for again after a wait, the newer one when its time comes")
    func notNewer() {
        var bench = Bench { $0.refresh = .prompt }
        bench.holdings.microdesc = Self.times(interval: 20)
        _ = bench.start()
        bench.advance(22)
        bench.finish(bench.start()[0], .partial)
        #expect(bench.start().isEmpty)
        bench.advance(1)
        bench.finish(bench.start()[0], .complete)
        bench.holdings.microdesc = Self.times(after: 20, interval: 20)
        #expect(bench.start().isEmpty)
        #expect(bench.waitSeconds().map { $0 >= 18 && $0 <= 19 } ?? false)
    }

    @Test("an expired consensus is replaced at once")
    func expired() {
        var bench = Bench()
        bench.holdings.microdesc = Self.times()
        bench.advance(4 * 3600)
        #expect(bench.start().count == 1)
    }

    /// However unlucky, every failure costs the longest wait at most, and as much may pass until a source is asked again at all.
    @Test("a week of hourly consensuses from flaky sources never stalls and never hurries", arguments: 0..<UInt64(50))
    func week(seed: UInt64) {
        let longestWait: Int64 = 600
        var bench = Bench(sources: 4) {
            $0.wantsPlain = true
            $0.lastRetry = .seconds(longestWait)
        }
        bench.random = SeededRandom(seed: seed)
        var random = SeededRandom(seed: seed &+ 1)
        var requests = 0
        var failures = [true: Int64(0), false: 0]
        while bench.wall < Self.start + 7 * 86_400 {
            for fetch in bench.start() {
                requests += 1
                let outcome: FetchPlan.Outcome = [.complete, .complete, .partial, .refused, .unreachable].randomElement(using: &random)!
                bench.finish(fetch, outcome)
                guard case .consensus(let isMicrodesc) = fetch.request else { continue }
                failures[isMicrodesc, default: 0] += 1
                guard outcome == .complete else { continue }
                failures[isMicrodesc] = 0
                let hour = (bench.wall - Self.start) / 3600 * 3600
                if isMicrodesc { bench.holdings.microdesc = Self.times(after: hour) } else { bench.holdings.plain = Self.times(after: hour) }
            }
            bench.advance(max(1, Int64((bench.waitSeconds() ?? 1).rounded(.up))))
            for (isMicrodesc, held) in [(true, bench.holdings.microdesc), (false, bench.holdings.plain)] {
                let stale = bench.wall - (held?.validUntil ?? Self.start)
                #expect(stale <= (failures[isMicrodesc, default: 0] + 1) * (longestWait + 1))
            }
        }
        #expect(requests > 100 && requests < 2000, "\(requests) requests")
    }
}

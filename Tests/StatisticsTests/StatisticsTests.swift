import Ambience
import Testing

@testable import Statistics

private let noon = WallTime(year: 2027, month: 1, day: 31, hour: 12)!

@Suite("Statistics that a relay publishes")
struct StatisticsTests {
    @Test("metrics are Prometheus text; what has no samples is not there")
    func metrics() {
        var metrics = Metrics()
        metrics.add("a_total", .counter, "All a", [.init(["kind": "x", "side": "\"q\"\\\n"], 3), .init([:], UInt64.max)])
        metrics.add("nothing", .gauge, "Never", [])
        #expect(metrics.text == "# HELP a_total All a\n# TYPE a_total counter\na_total{kind=\"x\",side=\"\\\"q\\\"\\\\\\n\"} 3\na_total \(Int64.max)\n")
    }

    @Test("a history tells whole days only, the last five, in whole kibibytes")
    func history() {
        var history = TrafficHistory(since: noon)
        history.note(total: 5000, at: noon + 3600)
        #expect(history.line("write-history") == nil)
        history.note(total: 5000, at: noon + 86_399)
        history.note(total: 9000, at: noon + 86_400)
        #expect(history.line("write-history") == "write-history 2027-02-01 12:00:00 (86400 s) 4096")
        for day in 2...9 { history.note(total: 9000 + UInt64(day) * 2048, at: noon + 86_400 * Int64(day)) }
        #expect(history.line("read-history")?.hasSuffix("(86400 s) 2048,2048,2048,2048,2048") == true)
    }

    @Test("an overload is told by the hour for three days")
    func overload() {
        var overload = Overload()
        #expect(overload.descriptorLine(at: noon) == nil && overload.extraInfoLines(at: noon, rate: 1, burst: 2).isEmpty)
        overload.wasGeneral(at: noon + 100)
        overload.ranOutOfDescriptors(at: noon + 4000)
        #expect(overload.descriptorLine(at: noon + 3600) == "overload-general 1 2027-01-31 12:00:00")
        #expect(overload.extraInfoLines(at: noon + 5000, rate: 1, burst: 2) == ["overload-fd-exhausted 1 2027-01-31 13:00:00"])
        #expect(overload.descriptorLine(at: noon + 100 + 72 * 3600) == nil)
    }

    @Test("limits that are reached are told for a day and counted once a minute")
    func limits() {
        var overload = Overload()
        for second in 0..<90 { overload.note(limitsReached: (UInt64(second), second == 30 ? 1 : second > 30 ? 1 : 0), at: noon + Int64(second)) }
        let line = "overload-ratelimits 1 2027-01-31 12:00:00 1024 2048 2 1"
        #expect(overload.extraInfoLines(at: noon + 86_399, rate: 1024, burst: 2048) == [line])
        #expect(overload.extraInfoLines(at: noon + 86_500, rate: 1024, burst: 2048).isEmpty)
        #expect(overload.descriptorLine(at: noon + 100) == nil)
    }

    @Test("dropped onion skins are an overload when they are one in a hundred of at least a thousand, judged every six hours", arguments: [
        (answered: 990, dropped: 10, isOverload: true), (991, 9, false), (500, 499, false), (1000, 0, false),
    ])
    func skins(answered: UInt64, dropped: UInt64, isOverload: Bool) {
        var overload = Overload()
        overload.note(skinsAnswered: 7, dropped: 3, at: noon)
        overload.note(skinsAnswered: 7 + answered, dropped: 3 + dropped, at: noon + 6 * 3600 - 1)
        #expect(overload.descriptorLine(at: noon + 6 * 3600) == nil)
        overload.note(skinsAnswered: 7 + answered, dropped: 3 + dropped, at: noon + 6 * 3600)
        #expect((overload.descriptorLine(at: noon + 6 * 3600) != nil) == isOverload)
    }
}

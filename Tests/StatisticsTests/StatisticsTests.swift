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
        #expect(overload.descriptorLine(at: noon) == nil && overload.extraInfoLine(at: noon) == nil)
        overload.wasGeneral(at: noon + 100)
        overload.ranOutOfDescriptors(at: noon + 4000)
        #expect(overload.descriptorLine(at: noon + 3600) == "overload-general 1 2027-01-31 12:00:00")
        #expect(overload.extraInfoLine(at: noon + 5000) == "overload-fd-exhausted 1 2027-01-31 13:00:00")
        #expect(overload.descriptorLine(at: noon + 100 + 72 * 3600) == nil)
    }
}

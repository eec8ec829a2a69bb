import Ambience
import Testing

@testable import Statistics

private let noon = WallTime(year: 2027, month: 1, day: 31, hour: 12)!

@Suite("History of bytes carried")
struct TrafficHistoryTests {
    @Test("the best ten seconds count")
    func peak() {
        var history = TrafficHistory(since: noon)
        for second in 0..<60 { history.note(total: UInt64(max(0, min(second, 40) - 20)) * 1000, at: noon + Int64(second)) }
        #expect(history.observed == 1000)
    }

    @Test("after five days a peak is forgotten")
    func forgetting() {
        var history = TrafficHistory(since: noon)
        for second in 0..<20 { history.note(total: UInt64(second) * 500, at: noon + Int64(second)) }
        #expect(history.observed == 500)
        for hour in 1...125 { history.note(total: 9500, at: noon + Int64(hour) * 3600) }
        #expect(history.observed == 500)
        for hour in 126...145 { history.note(total: 9500, at: noon + Int64(hour) * 3600) }
        #expect(history.observed == 0)
    }

    @Test("a restart goes on in the same day with what the state file kept, in whole kibibytes")
    func restart() {
        var first = TrafficHistory(since: noon)
        for second in 0..<20 { first.note(total: UInt64(second) * 5000, at: noon + Int64(second)) }
        first.note(total: 200_000, at: noon + 86_400)
        let state = Dictionary(uniqueKeysWithValues: first.state("Write").map { ($0.key, $0.value) })
        #expect(state == [
            "BWHistoryWriteEnds": "2027-02-02 12:00:00", "BWHistoryWriteInterval": "86400", "BWHistoryWriteValues": "94208,104448", "BWHistoryWriteMaxima": "4096,14336",
        ])
        var second = TrafficHistory(since: noon + 90_000)
        second.restore("Write", at: noon + 90_000) { state[$0] }
        second.note(total: 6000, at: noon + 90_000)
        second.note(total: 6000, at: noon + 2 * 86_400)
        #expect(second.line("write-history") == "write-history 2027-02-02 12:00:00 (86400 s) 94208,109568" && second.observed == 14_336)
        #expect(second.line("write-history", rate: 1) == "write-history 2027-02-02 12:00:00 (86400 s) 86400,86400")
    }

    @Test("lines of a state file that cannot be, or are older than five days, are as if they were not there", arguments: [
        ("2027-02-01 12:00:00", "86400", "1024,2048", "1"), ("2027-02-01 12:00:00", "900", "1024", "1"), ("2027-02-01 12:00:00", "86400", "", ""),
        ("2027-02-01 12:00:00", "86400", "1,2,3,4,5,6,7", "1,2,3,4,5,6,7"), ("2027-01-26 12:00:00", "86400", "1024,2048", "1024,2048"),
        ("2027-02-09 12:00:00", "86400", "1024", "1024"), ("soon", "86400", "1024", "1024"), ("2027-02-01 12:00:00", "86400", "-1", "x"),
    ])
    func nonsense(ends: String, interval: String, values: String, maxima: String) {
        var history = TrafficHistory(since: noon)
        let state = ["BWHistoryReadEnds": ends, "BWHistoryReadInterval": interval, "BWHistoryReadValues": values, "BWHistoryReadMaxima": maxima]
        history.restore("Read", at: noon) { state[$0] }
        #expect(history.line("read-history") == nil && history.observed == 0)
    }

    @Test("after a sleep of years only the last days are told, and a clock that was set back begins a new day")
    func jumps() {
        var history = TrafficHistory(since: noon)
        history.note(total: 4096, at: noon)
        history.note(total: 8192, at: noon + 1000 * 86_400)
        #expect(history.line("read-history")?.hasSuffix(" 0,0,0,0,0") == true)
        history.note(total: 9000, at: noon - 5000)
        history.note(total: 9000, at: noon - 5000 + 86_400)
        #expect(history.line("read-history")?.hasPrefix("read-history 2027-02-01 10:36:40") == true)
    }
}

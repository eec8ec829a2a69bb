import Ambience
import Testing

@Suite("Wall time")
struct WallTimeTests {
    @Test("knows the calendar")
    func calendar() throws {
        let examples: [(Int64, String)] = [
            (0, "1970-01-01 00:00:00"), (951_782_400, "2000-02-29 00:00:00"), (1_601_000_000, "2020-09-25 02:13:20"),
            (4_107_542_399, "2100-02-28 23:59:59"), (4_107_542_400, "2100-03-01 00:00:00"), (-1, "1969-12-31 23:59:59"),
        ]
        for (seconds, text) in examples {
            #expect(WallTime(secondsSinceEpoch: seconds).description == text)
            #expect(WallTime(text)?.secondsSinceEpoch == seconds)
        }
        #expect(WallTime(secondsSinceEpoch: 0).weekday == 4 && WallTime(secondsSinceEpoch: -1).weekday == 3)
    }

    @Test("comes back from each of its texts", arguments: [11, 12] as [UInt64])
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            let time = WallTime(secondsSinceEpoch: .random(in: 0...250_000_000_000, using: &random))
            #expect(WallTime(time.description) == time && WallTime(time.rfc3339) == time && WallTime(httpDate: time.httpDate) == time, "seed \(seed)")
        }
    }

    @Test("refuses dates that are none")
    func refusals() {
        let texts = [
            "2021-02-29 00:00:00", "2021-13-01 00:00:00", "2021-00-01 00:00:00", "2021-01-32 00:00:00", "2021-01-01 24:00:00",
            "2021-01-01 00:60:00", "2021-01-01 00:00:60", "2021-1-01 00:00:00", "+021-01-01 00:00:00", "2021-01-01", "0000-01-01 00:00:00",
        ]
        for text in texts { #expect(WallTime(text) == nil, "\(text)") }
        #expect(WallTime(httpDate: "Sun, 6 Nov 1994 08:49:37 GMT") == nil)
        #expect(WallTime(httpDate: "Sun, 06 Nov 1994 08:49:37 GMT")?.secondsSinceEpoch == 784_111_777)
    }
}

@Suite("Clocks and seeds")
struct ClockTests {
    @Test("a clock moved by hand moves both its faces")
    func manual() {
        let time = ManualTime(wall: WallTime(secondsSinceEpoch: 100))
        time.advance(.milliseconds(1500))
        #expect(time.now - .zero == .milliseconds(1500))
        #expect(time.wall.secondsSinceEpoch == 101)
        time.advance(.milliseconds(500))
        #expect(time.wall.secondsSinceEpoch == 102)
    }

    @Test("the machine's monotonic clock does not go back")
    func monotonic() {
        let time = SystemTime()
        let first = time.now
        #expect(time.now >= first)
        #expect(time.wall.secondsSinceEpoch > 1_700_000_000)
    }

    @Test("a seed replays")
    func seeds() {
        func values(_ seed: UInt64) -> [UInt64] {
            var random = SeededRandom(seed: seed)
            return (0..<5).map { _ in random.next() }
        }
        #expect(values(7) == values(7) && values(7) != values(8))
        // The published first value of SplitMix64 with seed 1234567.
        #expect(values(1_234_567).first == 6_457_827_717_110_365_317)
    }
}

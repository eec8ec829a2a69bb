import Ambience
import Testing

@testable import Limits

@Suite("Accounting intervals")
struct AccountingTests {
    private func at(_ text: String) -> WallTime { WallTime(text)! }
    /// Of Berlin in 2026: clocks go forward on March 29th and back on October 25th, both at 01:00 UTC.
    private static func berlin(_ now: WallTime) -> Int64 { now >= WallTime("2026-03-29 01:00:00")! && now < WallTime("2026-10-25 01:00:00")! ? 7200 : 3600 }

    @Test("Intervals begin and end where AccountingStart says", arguments: [
        ("month 1 00:00", "2026-11-21 10:00:00", "2026-11-01 00:00:00", "2026-12-01 00:00:00"),
        ("month 28 12:30", "2026-01-28 12:29:59", "2025-12-28 12:30:00", "2026-01-28 12:30:00"),
        ("month 28 12:30", "2026-01-28 12:30:00", "2026-01-28 12:30:00", "2026-02-28 12:30:00"),
        ("month 28 0:00", "2028-02-29 10:00:00", "2028-02-28 00:00:00", "2028-03-28 00:00:00"),
        ("month 2 00:00", "2026-12-31 10:00:00", "2026-12-02 00:00:00", "2027-01-02 00:00:00"),
        ("week 1 06:00", "2026-11-23 05:59:59", "2026-11-16 06:00:00", "2026-11-23 06:00:00"),
        ("week 7 00:00", "2026-11-22 00:00:00", "2026-11-22 00:00:00", "2026-11-29 00:00:00"),
        ("Week 3 23:59", "2026-11-21 10:00:00", "2026-11-18 23:59:00", "2026-11-25 23:59:00"),
        ("day 18:00", "2026-03-01 17:59:59", "2026-02-28 18:00:00", "2026-03-01 18:00:00"),
    ])
    func calendar(text: String, now: String, start: String, end: String) throws {
        let calendar = try #require(AccountingCalendar(text))
        #expect(calendar.start(containing: at(now), { _ in 0 }) == at(start))
        #expect(calendar.end(containing: at(now), { _ in 0 }) == at(end))
    }

    @Test("Days with 23 and 25 hours, and months with such a day, begin and end at local midnight", arguments: [
        ("day 00:00", "2026-03-29 12:00:00", "2026-03-28 23:00:00", "2026-03-29 22:00:00"),
        ("day 00:00", "2026-10-25 12:00:00", "2026-10-24 22:00:00", "2026-10-25 23:00:00"),
        ("month 1 00:00", "2026-03-15 12:00:00", "2026-02-28 23:00:00", "2026-03-31 22:00:00"),
        ("week 1 00:00", "2026-10-21 12:00:00", "2026-10-18 22:00:00", "2026-10-25 23:00:00"),
    ])
    func summerTime(text: String, now: String, start: String, end: String) throws {
        let calendar = try #require(AccountingCalendar(text))
        #expect(calendar.start(containing: at(now), Self.berlin) == at(start))
        #expect(calendar.end(containing: at(now), Self.berlin) == at(end))
    }

    @Test("Anything else is no AccountingStart", arguments: ["", "month", "month 29 0:00", "month 1", "week 8 0:00", "week 0 0:00", "day 1 0:00", "day 24:00", "day 10", "year 1 0:00", "day 1:60", "day 1:2:3"])
    func badCalendar(text: String) { #expect(AccountingCalendar(text) == nil) }

    private func accounting(
        _ gibibytes: UInt64, rule: Accounting.Rule = .max, record: Accounting.Record? = nil, at now: String, chance: UInt32 = 0,
        zone: @escaping AccountingCalendar.Zone = { _ in 0 }
    ) -> Accounting {
        Accounting(
            .init(limitBytes: gibibytes << 30, rule: rule, calendar: AccountingCalendar("day 00:00")!), record: record, topRate: 1 << 30, at: at(now), zone: zone) { _ in chance }
    }

    @Test("A relay is awake, then takes nothing new, then sleeps until the next interval", arguments: [Accounting.Rule.sum, .max, .in, .out])
    func phases(rule: Accounting.Rule) {
        var accounting = accounting(10, rule: rule, at: "2026-11-21 08:00:00")
        let now = at("2026-11-21 08:00:01")
        let whole: UInt64 = 10 << 30, late = whole - (300 << 20)
        #expect(accounting.phase(at: now) == .awake)
        accounting.note(read: rule == .out ? 0 : rule == .sum ? late - 5 : late, written: rule == .in ? 0 : rule == .sum ? 5 : late, seconds: 1, at: now)
        #expect(accounting.phase(at: now) == .soft && accounting.record.softLimitAt == now)
        accounting.note(read: 300 << 20, written: rule == .sum ? 0 : 300 << 20, seconds: 1, at: now + 1)
        #expect(accounting.phase(at: now) == .hard && accounting.usedBytes == whole)
        accounting.note(read: 0, written: 0, seconds: 1, at: at("2026-11-22 00:00:00"))
        #expect(accounting.usedBytes == 0 && accounting.end == at("2026-11-23 00:00:00"))
        #expect(accounting.phase(at: at("2026-11-22 00:00:00")) == .awake)
    }

    @Test("What is left is told for each direction that counts, and all of it for one that does not")
    func left() {
        var record = Accounting.Record(start: at("2026-11-21 00:00:00"))
        (record.read, record.written) = (3 << 30, 1 << 30)
        func left(_ rule: Accounting.Rule) -> [UInt64] {
            let left = accounting(4, rule: rule, record: record, at: "2026-11-21 12:00:00").left
            return [left.read >> 30, left.written >> 30]
        }
        #expect(left(.sum) == [0, 0] && left(.max) == [1, 3] && left(.in) == [1, 4] && left(.out) == [4, 3])
    }

    @Test("A quota that lasted four hours makes the next day's wake-up random within the other twenty, the same after a restart")
    func wakeUp() {
        var accounting = accounting(8, at: "2026-11-21 00:00:00", chance: 123_456_789)
        for minute in 1...240 as ClosedRange<Int64> {
            accounting.note(read: (8 << 30) / 240, written: 0, seconds: 9, at: at("2026-11-21 00:00:00") + minute * 60)
        }
        accounting.note(read: 1000, written: 0, seconds: 1, at: at("2026-11-21 04:00:05"))
        accounting.note(read: 0, written: 0, seconds: 1, at: at("2026-11-22 00:00:00"))
        let perMinute = accounting.record.expectedPerMinute
        #expect(perMinute > (8 << 30) / 245 && perMinute < (8 << 30) / 235)
        let wakeUp = accounting.wakeUp
        #expect(wakeUp > at("2026-11-22 00:00:00") && wakeUp < at("2026-11-22 20:10:00"))
        #expect(accounting.phase(at: wakeUp - 1) == .hard && accounting.phase(at: wakeUp) == .awake)
        let restarted = self.accounting(8, record: accounting.record, at: "2026-11-22 03:00:00", chance: 123_456_789)
        #expect(restarted.wakeUp == wakeUp && restarted.record == accounting.record)
    }

    @Test("What an earlier process used counts in its interval, and not in a later one")
    func restart() {
        var record = Accounting.Record(start: at("2026-11-21 00:00:00"))
        record.read = 3 << 30
        #expect(accounting(4, record: record, at: "2026-11-21 23:00:00").left.read == 1 << 30)
        #expect(accounting(4, record: record, at: "2026-11-23 23:00:00").left.read == 4 << 30)
    }

    @Test("A clock that goes back by days while the relay runs gives no new quota; one that goes forward does")
    func clockJumps() {
        var accounting = accounting(4, at: "2026-11-21 12:00:00")
        accounting.note(read: 4 << 30, written: 0, seconds: 1, at: at("2026-11-21 12:00:01"))
        accounting.note(read: 0, written: 0, seconds: -300_000, at: at("2026-11-18 00:00:00"))
        #expect(accounting.phase(at: at("2026-11-18 00:00:00")) == .hard && accounting.record.activeSeconds == 1)
        accounting.note(read: 0, written: 0, seconds: 900_000, at: at("2026-11-29 00:00:05"))
        #expect(accounting.usedBytes == 0 && accounting.record.start == at("2026-11-29 00:00:00"))
    }

    @Test("Another AccountingStart after a reload moves the interval's end and keeps what was counted")
    func moved() {
        var accounting = accounting(4, at: "2026-11-21 12:00:00")
        accounting.note(read: 3 << 30, written: 0, seconds: 1, at: at("2026-11-21 12:00:01"))
        accounting.use(.init(limitBytes: 5 << 30, calendar: AccountingCalendar("day 06:00")!), at: at("2026-11-21 12:00:02"))
        #expect(accounting.left.read == 2 << 30 && accounting.end == at("2026-11-22 06:00:00"))
    }

    @Test("Through a year in a zone with summer time there is an interval for each day, none missed and none twice")
    func wholeYear() {
        var accounting = accounting(1, at: "2026-01-01 12:00:00", zone: Self.berlin)
        var starts = [accounting.record.start], now = at("2026-01-01 12:00:00")
        while now < at("2027-01-01 12:00:00") {
            now = now + 600
            accounting.note(read: 0, written: 0, seconds: 600, at: now)
            #expect(accounting.record.start <= now && now < accounting.end)
            if starts.last != accounting.record.start { starts.append(accounting.record.start) }
        }
        #expect(starts.count == 366)
        #expect(Set(zip(starts, starts.dropFirst()).map { $1 - $0 }) == [82_800, 86_400, 90_000])
    }
}

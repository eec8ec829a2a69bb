import Ambience
import Testing

@testable import Statistics

private let noon = WallTime(year: 2027, month: 1, day: 31, hour: 12)!
private let day = Day(end: noon, seconds: 86_400)

@Suite("Statistics of a day")
struct DailyReportTests {
    @Test("days follow each other, each told once, when it is over")
    func days() {
        var clock = DayClock(since: noon)
        #expect(clock.over(at: noon + 86_399) == nil)
        #expect(clock.over(at: noon + 86_400) == Day(end: noon + 86_400, seconds: 86_400))
        #expect(clock.over(at: noon + 86_401) == nil && clock.over(at: noon + 2 * 86_400) != nil)
        #expect(clock.over(at: noon - 86_400) == nil, "the clock was set back")
        #expect(clock.over(at: noon) == Day(end: noon, seconds: 86_400))
    }

    @Test("clients are counted by address and told in eights, by version and transport")
    func clients() {
        var census = ClientCensus()
        #expect(census.entryLines(day) == ["entry-stats-end 2027-01-31 12:00:00 (86400 s)", "entry-ips "])
        for number in 0..<9 { census.note(.v4(UInt32(number % 8)), transport: number % 2 == 0 ? "obfs4" : nil) }
        census.note(.v6(1, 2))
        #expect(census.entryLines(day)[1] == "entry-ips ??=16")
        #expect(census.bridgeLines(day) == [
            "bridge-stats-end 2027-01-31 12:00:00 (86400 s)", "bridge-ips ??=16", "bridge-ip-versions v4=8,v6=8", "bridge-ip-transports <OR>=8,obfs4=8",
        ])
        census.forget()
        #expect(census.isEmpty)
    }

    @Test("addresses beyond the bound are not counted")
    func bound() {
        var census = ClientCensus()
        for number in 0..<UInt32(ClientCensus.limit + 9) { census.note(.v4(number)) }
        #expect(census.countries == "??=65536")
    }

    @Test("a directory tells of requests for a consensus, rounded; what still runs is kept for the next day")
    func directory() {
        var report = DirectoryReport()
        for number in 0..<17 {
            report.note(.ok, client: number < 3 ? .v4(UInt32(number)) : nil)
            report.began(isTunnelled: true)
            if number < 16 { report.ended(isTunnelled: true, .complete(bytes: 1000 * (number + 1), milliseconds: 1000)) }
        }
        report.note(.notModified, client: .v4(99))
        report.note(.notEnoughSignatures, client: nil)
        report.began(isTunnelled: false)
        report.ended(isTunnelled: false, .timeout)
        #expect(report.close(day) == [
            "dirreq-stats-end 2027-01-31 12:00:00 (86400 s)", "dirreq-v3-ips ??=8", "dirreq-v3-reqs ??=24",
            "dirreq-v3-resp ok=24,not-enough-sigs=8,unavailable=0,not-found=0,not-modified=8,busy=0", "dirreq-v3-direct-dl complete=0,timeout=4,running=0",
            "dirreq-v3-tunneled-dl complete=16,timeout=0,running=4,min=1000,d1=2000,d2=4000,q1=4000,d3=5000,d4=7000,md=8000,d6=10000,d7=11000,q3=12000,d8=13000,d9=14000,max=16000",
        ])
        #expect(report.close(day)[1...] == [
            "dirreq-v3-ips ", "dirreq-v3-reqs ", "dirreq-v3-resp ok=0,not-enough-sigs=0,unavailable=0,not-found=0,not-modified=0,busy=0",
            "dirreq-v3-direct-dl complete=0,timeout=0,running=0", "dirreq-v3-tunneled-dl complete=0,timeout=0,running=4",
        ])
    }

    @Test("an exit tells the ten busiest ports in the order of their numbers, and the rest together")
    func exits() {
        var ports: [UInt16: ExitReport.Traffic] = [22: .init(bytesWritten: 0, bytesRead: 1, streams: 1), 9: .init(streams: 3)]
        for port in 80..<UInt16(90) { ports[port] = .init(bytesWritten: 1025, bytesRead: 5000, streams: 5) }
        let names = (80..<90).map { "\($0)" }
        #expect(ExitReport.lines(day, ports) == [
            "exit-stats-end 2027-01-31 12:00:00 (86400 s)", "exit-kibibytes-written " + (names.map { "\($0)=2" } + ["other=0"]).joined(separator: ","),
            "exit-kibibytes-read " + (names.map { "\($0)=5" } + ["other=1"]).joined(separator: ","),
            "exit-streams-opened " + (names.map { "\($0)=8" } + ["other=4"]).joined(separator: ","),
        ])
    }

    @Test("links are told by direction, and padding in ten thousands, but not without cells")
    func links() {
        #expect(LinkReport.lines(day, .init(below: 1, mostlyRead: 2, mostlyWritten: 3, both: 4), ipv6: .init(both: 1)) == [
            "conn-bi-direct 2027-01-31 12:00:00 (86400 s) 1,2,3,4", "ipv6-conn-bi-direct 2027-01-31 12:00:00 (86400 s) 0,0,0,1",
        ])
        var padding = LinkReport.Padding()
        #expect(LinkReport.lines(day, padding).isEmpty)
        padding.cells = (20_000, 20_001)
        padding.pads = (1, 0)
        padding.mostPaddedLinks = 7
        #expect(LinkReport.lines(day, padding) == [
            "padding-counts 2027-01-31 12:00:00 (86400 s) bin-size=10000 write-drop=0 write-pad=10000 write-total=20000 read-drop=0 read-pad=0 read-total=30000 "
                + "enabled-read-pad=0 enabled-read-total=0 enabled-write-pad=0 enabled-write-total=0 max-chanpad-timers=7",
        ])
    }

    @Test("what is told of onion services is a multiple of the bin and noise of the scale that the specification asks for")
    func services() throws {
        var random = SeededRandom(seed: 7)
        let lines = ServiceReport.lines(day, cells: 5000, services: 3, using: &random)
        #expect(lines[0] == "hidserv-v3-stats-end 2027-01-31 12:00:00 (86400 s)")
        #expect(lines[1].hasPrefix("hidserv-rend-v3-relayed-cells ") && lines[1].hasSuffix(" delta_f=2048 epsilon=0.30 bin_size=1024"))
        #expect(lines[2].hasPrefix("hidserv-dir-v3-onions-seen ") && lines[2].hasSuffix(" delta_f=8 epsilon=0.30 bin_size=8"))
        #expect(ServiceReport.obsoleteLines(day, using: &random)[0] == "hidserv-stats-end 2027-01-31 12:00:00 (86400 s)")
        let told = (0..<4000).map { _ in Blurring.noisy(Blurring.up(3, to: 8), range: 8, epsilon: 0.3, using: &random) }
        let mean = Double(told.reduce(0, +)) / 4000
        let spread = told.reduce(0) { $0 + abs(Double($1) - 8) } / 4000
        // Of 4,000 draws the mean strays by 0.6 and the mean distance by 0.4, one time in three.
        #expect(abs(mean - 8) < 4 && abs(spread - 8 / 0.3) < 3, "mean \(mean), spread \(spread)")
    }

    @Test("onion services are counted from noon to noon, between which their keys stay the same")
    func noons() throws {
        var random = SeededRandom(seed: 1)
        var report = ServiceReport(since: noon - 7200)
        var (published, taken) = (0, 0)
        func note(_ cells: UInt64, at now: WallTime) -> [String]? {
            report.note(cells: cells, takeServices: { defer { (taken, published) = (published, 0) }; return published }, at: now, using: &random)
        }
        (taken, published) = (-1, 4)
        #expect(note(100_000_000, at: noon - 1) == nil && taken == -1)
        #expect(note(200_000_000, at: noon) == nil && taken == 4, "what came before noon is forgotten")
        published = 9
        #expect(note(200_000_000, at: noon + 86_399) == nil && taken == 4)
        let lines = try #require(note(200_000_000, at: noon + 86_400))
        #expect(lines[0] == "hidserv-v3-stats-end 2027-02-01 12:00:00 (86400 s)" && taken == 9)
        let cells = try #require(lines[1].split(separator: " ").dropFirst().first.flatMap { Int64($0) })
        // The noise is beyond this once in a million million times, and this seed is always the same.
        #expect(abs(cells) < 200_000, "cells of the time before noon are not counted")
        #expect(note(200_000_000, at: noon + 86_401) == nil)
    }

    @Test("a clock that is set back while the first noon is awaited awaits the one that comes next")
    func earlierNoon() {
        var random = SeededRandom(seed: 1)
        var report = ServiceReport(since: noon + 9 * 86_400)
        for second in [-10, 0, 86_399] as [Int64] { #expect(report.note(cells: 0, takeServices: { 0 }, at: noon + second, using: &random) == nil) }
        #expect(report.note(cells: 0, takeServices: { 0 }, at: noon + 86_400, using: &random) != nil)
    }

    @Test("rounding goes up, and stays where it is on a multiple", arguments: [(0, 0), (1, 8), (8, 8), (9, 16), (UInt64.max, UInt64.max / 8 * 8)] as [(UInt64, UInt64)])
    func rounding(value: UInt64, told: UInt64) { #expect(Blurring.up(value, to: 8) == told) }
}

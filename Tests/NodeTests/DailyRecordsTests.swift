import Ambience
import Directory
import DirectoryService
import Statistics
import Testing
import Torrc

@testable import Node
@testable import Relaying

@Suite("Statistics of a relay's day")
struct DailyRecordsTests {
    private static let everything = "EntryStatistics 1\nExitPortStatistics 1\nConnDirectionStatistics 1"
    private static let relay = "Address 192.0.2.1\nORPort 9001\n\(everything)"
    private static let daily = [
        "dirreq-stats-end", "dirreq-v3-ips", "dirreq-v3-reqs", "dirreq-v3-resp", "dirreq-v3-direct-dl", "dirreq-v3-tunneled-dl", "hidserv-stats-end",
        "hidserv-rend-relayed-cells", "hidserv-dir-onions-seen", "exit-stats-end", "exit-kibibytes-written", "exit-kibibytes-read", "exit-streams-opened",
        "conn-bi-direct", "ipv6-conn-bi-direct", "padding-counts",
    ]
    private static let services = ["hidserv-v3-stats-end", "hidserv-rend-v3-relayed-cells", "hidserv-dir-v3-onions-seen"]

    /// What is told after a busy day.
    private func lines(_ torrc: String) throws -> [String] {
        let configuration = try configuration(torrc)
        var settings = RouterSettings()
        settings.arrivals = ClientArrivals()
        settings.exitTraffic = ExitTraffic()
        var records = DailyRecords(since: noon - 1)
        var totals = RouterTotals()
        let published = { 3 }
        records.note(totals, settings, configuration, servicesPublished: published, at: noon - 1)
        records.note(totals, settings, configuration, servicesPublished: published, at: noon)
        for number in 0..<20 {
            let peer = DirectoryServer.Peer(address: .v4(UInt32(number)), isTunnelled: number % 5 != 0)
            records.note(.answered(status: 200, isUnsigned: false), peer)
            records.note(.delivered(bytes: 1000 * (number + 1), milliseconds: 10), peer)
            settings.arrivals.note(.v4(UInt32(number)), transport: number % 2 == 0 ? "obfs4" : nil)
            settings.exitTraffic.opened(UInt16(80 + number))
            settings.exitTraffic.ended(UInt16(80 + number), written: 3000, read: 5000)
        }
        totals.statistics.rendezvousCells = 12_345
        (totals.statistics.cellBytesRead, totals.statistics.cellBytesWritten) = (514 * 12_000, 514 * 22_000)
        totals.statistics.linkDirections[.both] = 5
        totals.statistics.dropsReceived = 17
        records.note(totals, settings, configuration, servicesPublished: published, at: noon + 86_400)
        return records.lines
    }

    private func keywords(_ lines: [String]) -> [String] { lines.map { String($0.prefix { $0 != " " }) } }

    @Test("a relay tells of all that its operator wants told, a bridge of its clients instead of entries")
    func keywords() throws {
        let told = try keywords(lines(Self.relay))
        #expect(Set(told) == Set(Self.daily + Self.services + ["entry-stats-end", "entry-ips"]) && told.count == Set(told).count)
        let bridge = try keywords(lines(Self.relay + "\nBridgeRelay 1"))
        #expect(Set(bridge) == Set(Self.daily + Self.services + ["bridge-stats-end", "bridge-ips", "bridge-ip-versions", "bridge-ip-transports"]))
    }

    @Test("nothing is told that the operator does not want told", arguments: [
        ("DirReqStatistics 0", "dirreq"), ("HiddenServiceStatistics 0", "hidserv"), ("PaddingStatistics 0", "padding"), ("DirCache 0", "dirreq"),
    ])
    func unwanted(option: String, prefix: String) throws {
        let told = try lines(Self.relay + "\n" + option)
        #expect(!told.contains { $0.hasPrefix(prefix) } && told.contains { $0.hasPrefix("conn-bi-direct") })
    }

    @Test("by default a relay counts what stock counts")
    func defaults() throws {
        let told = try keywords(lines("Address 192.0.2.1\nORPort 9001"))
        #expect(Set(told) == Set(Self.daily.prefix(9) + ["padding-counts"] + Self.services))
    }

    @Test("stem, unmodified, finds nothing wrong in the document and reads the numbers", arguments: ["", "\nBridgeRelay 1"])
    func stem(more: String) throws {
        let configuration = try configuration(Self.relay + more)
        let content = RelayContent(configuration: configuration, address: try OwnAddress.of(configuration.relay, orPorts: [9001], dirPorts: []))
        var said = content.descriptor(at: noon + 90_000, upSince: noon, observed: 1, isHibernating: false, life: nil)
        var overload = Overload()
        overload.ranOutOfDescriptors(at: noon)
        overload.note(limitsReached: (1, 2), at: noon)
        overload.wasGeneral(at: noon)
        var history = TrafficHistory(since: noon)
        for day in 0...2 { history.note(total: UInt64(day) * 5000, at: noon + Int64(day) * 86_400) }
        let histories = ["write", "read", "ipv6-write", "ipv6-read", "dirreq-write", "dirreq-read"].compactMap { history.line($0 + "-history") }
        said.statistics = try histories + lines(Self.relay + more) + overload.extraInfoLines(at: noon, rate: 1, burst: 2)
        said.overload = overload.descriptorLine(at: noon)
        let scratch = try Scratch()
        let made = try RouterDescriptor.make(said, keys: try KeyRing(DataDirectory(path: scratch.path), now: noon).descriptorKeys)
        try Files.replace(scratch.path + "/extra-info", with: made.extraInfo.text)
        try Files.replace(scratch.path + "/descriptor", with: made.descriptor.text)
        let told = Self.read(scratch.path)
        let clients = more.isEmpty ? "{'??': 24} None" : "None {'??': 24}"
        #expect(told.output == """
            [0, 4096] [0, 4096] 86401 {'??': 24} 24 16 (0, 0, 0, 5) 11
            [('padding', 50000)] \(clients) True True

            """ && told.status == 0, "\(told.output)")
    }

    /// What stem makes of the two documents, and what it has no word for.
    private static func read(_ folder: String) -> (output: String, status: Int32) {
        run("""
            python3 - \(folder) 2>&1 <<'EOF'
            import sys
            sys.path.append('/usr/lib/python3/dist-packages')
            from stem.descriptor.extrainfo_descriptor import RelayExtraInfoDescriptor, DirResponse, DirStat
            from stem.descriptor.server_descriptor import RelayDescriptor
            read = lambda name: open(sys.argv[1] + '/' + name, 'rb').read()
            told, relay = RelayExtraInfoDescriptor(read('extra-info'), validate=True), RelayDescriptor(read('descriptor'), validate=True)
            links = (told.conn_bi_direct_below, told.conn_bi_direct_read, told.conn_bi_direct_write, told.conn_bi_direct_both)
            print(told.write_history_values, told.dir_read_history_values, told.exit_stats_interval, told.dir_v3_ips, told.dir_v3_responses[DirResponse.OK],
                  told.dir_v3_tunneled_dl[DirStat.COMPLETE], links, len(told.exit_kibibytes_written))
            print([('padding', told.padding_counts['read-total'] + told.padding_counts['write-total'])], told.entry_ips, told.bridge_ips,
                  told.hs_rend_cells_attr['bin_size'] == '1024', relay.digest() is not None)
            EOF
            """)
    }
}

package import Ambience

/// How many addresses clients came from (dir-spec.txt 2.1.2, "entry-stats-end", "bridge-stats-end"). Without a map of the world all are
/// of the country `??`. Addresses are kept in memory until the day is over, and nothing of them is told but their number.
package struct ClientCensus: Sendable {
    /// Addresses of one day; at the bound further ones are not counted.
    package static let limit = 65_536
    /// Numbers are rounded up to a multiple.
    static let granularity: UInt64 = 8
    private static let directly = "<OR>"

    /// The pluggable transport by which each came.
    private var transports: [IPAddress: String] = [:]

    package init() {}

    package var isEmpty: Bool { transports.isEmpty }

    package mutating func note(_ address: IPAddress, transport: String? = nil) {
        guard transports.count < Self.limit || transports[address] != nil else { return }
        transports[address] = transport ?? Self.directly
    }

    package mutating func forget() { transports = [:] }

    /// `??=8`, or nothing when nobody came.
    package var countries: String { transports.isEmpty ? "" : "??=\(Self.rounded(transports.count))" }

    package var versions: String {
        let v4 = transports.keys.count { $0.isIPv4 }
        return "v4=\(Self.rounded(v4)),v6=\(Self.rounded(transports.count - v4))"
    }

    package var transportCounts: String {
        Dictionary(grouping: transports.values) { $0 }.sorted { $0.key < $1.key }.map { "\($0.key)=\(Self.rounded($0.value.count))" }.joined(separator: ",")
    }

    package func entryLines(_ day: Day) -> [String] { [day.line("entry-stats-end"), "entry-ips \(countries)"] }

    package func bridgeLines(_ day: Day) -> [String] {
        [day.line("bridge-stats-end"), "bridge-ips \(countries)", "bridge-ip-versions \(versions)", "bridge-ip-transports \(transportCounts)"]
    }

    private static func rounded(_ count: Int) -> UInt64 { Blurring.up(UInt64(count), to: granularity) }
}

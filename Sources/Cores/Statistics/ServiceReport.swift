package import Ambience

/// What a relay did for onion services, with noise (dir-spec.txt 2.1.2, "hidserv-stats-end" and "hidserv-v3-stats-end").
///
/// Services come under new keys at noon (UTC), so that a day which began at another hour would count most of them twice: counting begins
/// at the first noon.
package struct ServiceReport: Sendable {
    private struct Blur {
        let range: Int
        let bin: UInt64
        let epsilon = 0.3

        func text(_ value: UInt64, _ random: inout some RandomNumberGenerator) -> String {
            let noisy = Blurring.noisy(Blurring.up(value, to: bin), range: Double(range), epsilon: epsilon, using: &random)
            return "\(noisy) delta_f=\(range) epsilon=0.30 bin_size=\(bin)"
        }
    }

    private static let cells = Blur(range: 2048, bin: 1024)
    private static let services = Blur(range: 8, bin: 8)

    /// When counting begins; `nil` once it has.
    private var begins: WallTime?
    private var clock: DayClock
    private var cellsBefore: UInt64 = 0

    package init(since now: WallTime) {
        begins = Self.noon(after: now)
        clock = DayClock(since: now)
    }

    private static func noon(after now: WallTime) -> WallTime {
        let today = now - now.secondOfDay + Day.seconds / 2
        return today > now ? today : today + Day.seconds
    }

    /// The lines of the day that is over now, once.
    ///
    /// - Parameters:
    ///   - cells: that went between clients and services which met here, since the start.
    ///   - takeServices: how many services published their descriptors to us since it was called before.
    package mutating func note(
        cells: UInt64, takeServices: () -> Int, at now: WallTime, using random: inout some RandomNumberGenerator
    ) -> [String]? {
        if let noon = begins {
            // A clock that was set back may have made the noon a distant one.
            guard now >= noon else {
                begins = min(noon, Self.noon(after: now))
                return nil
            }
            begins = nil
            clock = DayClock(since: now)
            (cellsBefore, _) = (cells, takeServices())
        }
        guard let day = clock.over(at: now) else { return nil }
        defer { cellsBefore = cells }
        return Self.lines(day, cells: cells &- cellsBefore, services: UInt64(takeServices()), using: &random)
    }

    static func lines(_ day: Day, cells count: UInt64, services seen: UInt64, using random: inout some RandomNumberGenerator) -> [String] {
        [
            day.line("hidserv-v3-stats-end"), "hidserv-rend-v3-relayed-cells \(cells.text(count, &random))",
            "hidserv-dir-v3-onions-seen \(services.text(seen, &random))",
        ]
    }

    /// Services of version 2 are gone, and stock still tells of none of them.
    package static func obsoleteLines(_ day: Day, using random: inout some RandomNumberGenerator) -> [String] {
        [day.line("hidserv-stats-end"), "hidserv-rend-relayed-cells \(cells.text(0, &random))", "hidserv-dir-onions-seen \(services.text(0, &random))"]
    }
}

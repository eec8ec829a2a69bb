package import Ambience

/// What a relay has been seen to carry: the best ten seconds of the last five days, reading and writing apart (dir-spec.txt 2.1.1, "bandwidth").
package struct BandwidthHistory: Sendable {
    private static let windowSeconds = 10
    private static let periodSeconds: Int64 = 3600
    private static let periodLimit = 5 * 24

    private struct Peak {
        var period: Int64
        var read: UInt64 = 0
        var written: UInt64 = 0
    }

    /// Totals at the last seconds, oldest first.
    private var totals: [(read: UInt64, written: UInt64)] = []
    /// The best window of each hour, oldest first.
    private var peaks: [Peak] = []

    package init() {}

    /// Takes the router's totals once a second.
    package mutating func sample(read: UInt64, written: UInt64, at wall: WallTime) {
        totals.append((read, written))
        if totals.count > Self.windowSeconds + 1 { totals.removeFirst() }
        guard totals.count == Self.windowSeconds + 1, let first = totals.first else { return }
        let period = wall.secondsSinceEpoch / Self.periodSeconds
        if peaks.last?.period != period { peaks.append(Peak(period: period)) }
        if peaks.count > Self.periodLimit { peaks.removeFirst() }
        let last = peaks.count - 1
        peaks[last].read = max(peaks[last].read, (read &- first.read) / UInt64(Self.windowSeconds))
        peaks[last].written = max(peaks[last].written, (written &- first.written) / UInt64(Self.windowSeconds))
    }

    /// Bytes per second: what was both read and written.
    package var observed: UInt64 { min(peaks.map(\.read).max() ?? 0, peaks.map(\.written).max() ?? 0) }
}

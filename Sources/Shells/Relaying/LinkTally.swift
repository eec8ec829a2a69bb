internal import Ambience

/// What one link moved; the loop's totals are kept up with it.
struct LinkTally {
    let isIPv6: Bool
    private(set) var bytesRead: UInt64 = 0
    private(set) var bytesWritten: UInt64 = 0
    /// Both, when it was last asked what the link does.
    private var surveyed: (read: UInt64, written: UInt64)?

    /// In both directions.
    var bytesMoved: UInt64 { bytesRead &+ bytesWritten }

    init(isIPv6: Bool) { self.isIPv6 = isIPv6 }

    /// Once per read: cells, without what TLS adds. `isPadded`: of a link that is padded when it is idle.
    @inline(__always)
    mutating func note(read count: Int, isPadded: Bool, _ totals: inout RouterStatistics) {
        bytesRead &+= UInt64(count)
        totals.cellBytesRead &+= UInt64(count)
        if isPadded { totals.paddedBytesRead &+= UInt64(count) }
    }

    /// Once per record.
    @inline(__always)
    mutating func note(written count: Int, isPadded: Bool, _ totals: inout RouterStatistics) {
        bytesWritten &+= UInt64(count)
        totals.cellBytesWritten &+= UInt64(count)
        if isPadded { totals.paddedBytesWritten &+= UInt64(count) }
    }

    /// What the link did since it was last asked; `nil` the first time.
    mutating func takeDirection() -> LinkDirection? {
        let before = surveyed
        surveyed = (bytesRead, bytesWritten)
        return before.map { LinkDirection(read: bytesRead &- $0.read, written: bytesWritten &- $0.written) }
    }
}

/// When a link last got rid of something, or had nothing to get rid of.
struct LinkProgress {
    private(set) var at: Instant
    private var bytesWritten: UInt64 = 0

    init(at now: Instant) { at = now }

    mutating func look(hasNothingToSend: Bool, bytesWritten now: UInt64, _ moment: Instant) {
        guard hasNothingToSend || now != bytesWritten else { return }
        bytesWritten = now
        at = moment
    }
}

/// What a link did in ten seconds (dir-spec.txt 2.1.2, "conn-bi-direct").
package enum LinkDirection: Int, CaseIterable, Sendable {
    case below
    case mostlyRead
    case mostlyWritten
    case both

    /// A link that moved less is as good as idle.
    private static let leastBytes: UInt64 = 20_480
    private static let factor: UInt64 = 10

    init(read: UInt64, written: UInt64) {
        if read + written < Self.leastBytes { self = .below }
        else if read >= written * Self.factor { self = .mostlyRead }
        else if written >= read * Self.factor { self = .mostlyWritten }
        else { self = .both }
    }
}

extension OnionRouter {
    private static let directionSeconds = 10

    /// Once a second; looks at all links every ten.
    func surveyDirections() {
        guard policy.counted.contains(.linkDirections) else { return }
        secondsSurveyed += 1
        guard secondsSurveyed >= Self.directionSeconds else { return }
        secondsSurveyed = 0
        for channel in openChannels {
            guard let direction = channel.tally.takeDirection() else { continue }
            statistics.linkDirections[direction] += 1
            if channel.tally.isIPv6 { statistics.linkDirectionsIPv6[direction] += 1 }
        }
    }
}

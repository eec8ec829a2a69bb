package import Ambience

/// When a machine is switched off whatever its mote does, by whichever clock says so first.
package struct MachineEnd: Equatable, Sendable {
    /// How long after its expiry a mote may still be going.
    package static let graceSeconds: Int64 = 30
    /// The longest that a machine may be promised, in seconds: 31 days.
    package static let longestSeconds: Int64 = 31 * 86400
    /// Earlier than any machine of ours: a clock that says so has lost its battery.
    package static let earliest = WallTime(secondsSinceEpoch: 1_767_225_600)

    private let wall: WallTime
    private let instant: Instant

    /// - Throws: a clock that cannot be right, an expiry that is over or further away than any promise.
    package init(_ expires: WallTime, at now: WallTime, _ instant: Instant) throws(CradleFailure) {
        guard now >= Self.earliest else { throw CradleFailure("the machine's clock says \(now), which cannot be: it has no clock, or one that was never set") }
        guard expires > now else { throw CradleFailure("the order's time is over: it ended at \(expires), and the machine's clock says \(now)") }
        guard expires - now <= Self.longestSeconds else {
            throw CradleFailure("the order ends at \(expires), more than \(Self.longestSeconds / 86400) days after what the machine's clock says, \(now): one of them is wrong")
        }
        wall = expires + Self.graceSeconds
        self.instant = instant + .seconds(expires - now + Self.graceSeconds)
    }

    /// Not positive once it is over.
    package func remaining(at now: WallTime, _ instant: Instant) -> Instant.Span { min(self.instant - instant, .seconds(wall - now)) }
}

extension MachineEnd {
    init(_ expires: WallTime) throws(CradleFailure) {
        let time = SystemTime()
        try self.init(expires, at: time.wall, time.now)
    }
}

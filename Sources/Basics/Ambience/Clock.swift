internal import Glibc

/// Where a shell gets the time from. Cores never hold one: they are told `now`.
package protocol TimeSource: AnyObject {
    var now: Instant { get }
    var wall: WallTime { get }
}

/// The machine's clocks.
package final class SystemTime: TimeSource {
    package init() {}

    package var now: Instant {
        var value = timespec()
        clock_gettime(CLOCK_MONOTONIC, &value)
        return Instant(nanoseconds: Int64(value.tv_sec) * 1_000_000_000 + Int64(value.tv_nsec))
    }

    package var wall: WallTime {
        var value = timespec()
        clock_gettime(CLOCK_REALTIME, &value)
        return WallTime(secondsSinceEpoch: Int64(value.tv_sec))
    }
}

/// A clock that a test moves by hand.
package final class ManualTime: TimeSource {
    package var now: Instant
    package var wall: WallTime

    package init(now: Instant = .zero, wall: WallTime) {
        self.now = now
        self.wall = wall
    }

    package func advance(_ span: Instant.Span) {
        let before = now.nanoseconds / 1_000_000_000
        now = now + span
        wall = wall + (now.nanoseconds / 1_000_000_000 - before)
    }
}

internal import Ambience
internal import Glibc

/// The kernel's alarm, which ends the process a little after its time even if its loop hangs.
enum Watchdog {
    /// How late the node's own timer may be.
    private static let graceSeconds: Int64 = 15

    static func arm(beyond remaining: Instant.Span) { alarm(UInt32(clamping: remaining.inMilliseconds / 1000 + graceSeconds)) }
    static func disarm() { alarm(0) }
}

package import Ambience

/// How long to wait before a proxy that ended is started again: longer each time, until one lived well.
package struct RestartPause: Sendable {
    private static let first = Instant.Span.seconds(1)
    private static let longest = Instant.Span.seconds(300)
    /// A proxy that ran so long did not fail at its start.
    private static let goodLife = Instant.Span.seconds(600)

    private var next = RestartPause.first

    package init() {}

    /// The pause after a proxy that ran for `life`.
    package mutating func after(life: Instant.Span) -> Instant.Span {
        if life >= Self.goodLife { next = Self.first }
        let pause = next
        next = min(next + next, Self.longest)
        return pause
    }
}

package import Ambience

/// Waits and bounds of the pool. Options of stock are named where one stands behind a value.
package struct PoolSettings: Sendable {
    /// `CircuitBuildTimeout`.
    package var buildTimeout = Instant.Span.seconds(60)
    /// A stream that waits for a circuit longer than this gets another one built beside it.
    package var slowBuild = Instant.Span.seconds(4)
    /// `MaxCircuitDirtiness`: from its first stream on, a circuit takes new streams for so long.
    package var maxDirtiness = Instant.Span.seconds(600)
    /// A circuit that was never used is closed after this (`CircuitsAvailableTimeout`).
    package var cleanLife = Instant.Span.seconds(1800)
    /// `SocksTimeout`: from its request on, a stream is unconnected for at most so long.
    package var streamTimeout = Instant.Span.seconds(120)
    /// How long an exit may take to connect (`CircuitStreamTimeout`), by the number of tries before.
    package var connectTimeouts: [Instant.Span] = [.seconds(10), .seconds(10), .seconds(15)]
    /// A stream that no relay we know can serve fails after this; until then a microdescriptor may still come.
    package var hopelessWait = Instant.Span.seconds(5)
    /// `MaxClientCircuitsPending`.
    package var pendingLimit = 32
    /// Circuits in all, as many as a relay gives one client.
    package var circuitLimit = 1024
    /// Circuits that carried streams and carry none now. Each costs time whenever something happens.
    package var idleLimit = 256
    /// Streams from request to end; more are refused.
    package var streamLimit = 8192
    /// Circuits in all that a stream is tried on.
    package var tryLimit = 8
    /// Exits that may fail to resolve or reach the target before that is believed; circuits, if the target is a relay.
    package var failureLimit = 3
    /// Pauses before the tries after an END of "misc", which is also how an exit refuses a path through a relay that it does not
    /// know yet: where relays come and go, its next consensus is often seconds away.
    package var miscPauses: [Instant.Span] = [0, 100, 300, 600, 1200, 2400].map { .milliseconds($0) }
    /// Clean circuits kept ready for each predicted port.
    package var sparesPerPort = 2
    /// Failed circuits that are replaced at once; later ones after a growing wait.
    package var quickRetries = 4

    package init() {}
}

package import Ambience

/// Ports that people have used of late and will likely use again; circuits are built for them in advance (path-spec 2.1.1).
package struct PredictedPorts: Sendable {
    /// A port that nobody has used for so long is forgotten (`PredictedPortsRelevanceTime`).
    package static let relevance = Instant.Span.seconds(3600)
    package static let limit = 16
    /// What everybody uses first.
    private static let first: UInt16 = 443

    private var lastUse: [UInt16: Instant]

    init(now: Instant) { lastUse = [Self.first: now] }

    /// Lowest first, so that decisions can be replayed.
    package var ports: [UInt16] { lastUse.keys.sorted() }

    mutating func used(_ port: UInt16, now: Instant) {
        lastUse[port] = now
        guard lastUse.count > Self.limit, let oldest = lastUse.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return }
        lastUse[oldest.key] = nil
    }

    mutating func forget(now: Instant) { lastUse = lastUse.filter { now - $0.value < Self.relevance } }
}

package import Ambience

/// What a relay tells of having been asked for more than it could do (proposal 328).
package struct Overload: Equatable, Sendable {
    /// After its last sign an overload is told for so long.
    package static let tellSeconds: Int64 = 72 * 3600

    /// Work dropped, TCP ports used up: `overload-general`.
    private var general: WallTime?
    /// No file descriptors left: `overload-fd-exhausted`.
    private var descriptors: WallTime?

    package init() {}

    package mutating func wasGeneral(at now: WallTime) { general = now }
    package mutating func ranOutOfDescriptors(at now: WallTime) { descriptors = now }

    /// The line of the server descriptor; times are told by the hour.
    package func descriptorLine(at now: WallTime) -> String? {
        Self.recent(general, now).map { "overload-general 1 \(Self.hour($0))" }
    }

    /// The line of the extra-info document.
    package func extraInfoLine(at now: WallTime) -> String? {
        Self.recent(descriptors, now).map { "overload-fd-exhausted 1 \(Self.hour($0))" }
    }

    private static func recent(_ time: WallTime?, _ now: WallTime) -> WallTime? { time.flatMap { now - $0 < tellSeconds ? $0 : nil } }
    private static func hour(_ time: WallTime) -> WallTime { time - time.secondOfDay % 3600 }
}

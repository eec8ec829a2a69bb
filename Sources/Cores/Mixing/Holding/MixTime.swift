/// Milliseconds since 1970 UTC: what is held outlives the process that holds it.
package struct MixTime: Comparable, Hashable, Sendable {
    package let milliseconds: UInt64

    package init(milliseconds: UInt64) { self.milliseconds = milliseconds }

    package static func < (a: MixTime, b: MixTime) -> Bool { a.milliseconds < b.milliseconds }
    package static func + (a: MixTime, milliseconds: UInt64) -> MixTime { MixTime(milliseconds: a.milliseconds.addingReportingOverflow(milliseconds).partialValue) }
    /// How long after `b`; 0 if before.
    package static func - (a: MixTime, b: MixTime) -> UInt64 { a > b ? a.milliseconds - b.milliseconds : 0 }
}

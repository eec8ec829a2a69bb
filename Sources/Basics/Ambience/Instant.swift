/// A point on the monotonic clock. Only differences between two instants of one process mean anything.
package struct Instant: Comparable, Hashable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static let zero = Instant(nanoseconds: 0)

    package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    package static func + (a: Instant, b: Span) -> Instant { Instant(nanoseconds: a.nanoseconds + b.nanoseconds) }
    package static func - (a: Instant, b: Instant) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }

    /// A length of time.
    package struct Span: Comparable, Hashable, Sendable {
        package var nanoseconds: Int64

        package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

        package static func seconds(_ value: Int64) -> Span { Span(nanoseconds: value * 1_000_000_000) }
        /// Only when the argument has a type of its own: a literal means the whole-second form.
        @_disfavoredOverload
        package static func seconds(_ value: Double) -> Span { Span(nanoseconds: Int64(value * 1e9)) }
        package static func milliseconds(_ value: Int64) -> Span { Span(nanoseconds: value * 1_000_000) }

        package var inSeconds: Double { Double(nanoseconds) / 1e9 }
        package var inMilliseconds: Int64 { nanoseconds / 1_000_000 }

        package static func < (a: Span, b: Span) -> Bool { a.nanoseconds < b.nanoseconds }
        package static func + (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds + b.nanoseconds) }
        package static func - (a: Span, b: Span) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }
    }
}

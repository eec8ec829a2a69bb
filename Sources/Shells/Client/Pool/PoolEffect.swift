package import Onion
package import Paths

/// A client's circuit; the number says nothing to relays.
package struct CircuitKey: Hashable, Comparable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static func < (a: CircuitKey, b: CircuitKey) -> Bool { a.rawValue < b.rawValue }
}

/// An application's stream, in the order of arrival.
package struct StreamKey: Hashable, Comparable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static func < (a: StreamKey, b: StreamKey) -> Bool { a.rawValue < b.rawValue }
}

/// Why an application's request fails for good.
package enum StreamFailure: Hashable, Sendable {
    /// The far end or the exit said so.
    case ended(EndReason)
    /// `SocksTimeout`, and never an answer.
    case timeout
    /// No path can be made for it.
    case noPath(PathFailure)
    /// More streams than the bound.
    case tooMany
}

/// What the pool wants done.
package enum PoolEffect: Sendable {
    case build(CircuitKey, [PathRelay])
    case close(CircuitKey)
    /// Open the stream on the circuit.
    case attach(StreamKey, CircuitKey)
    /// Leave the circuit: another one will follow, or a failure.
    case detach(StreamKey)
    case fail(StreamKey, StreamFailure)
}

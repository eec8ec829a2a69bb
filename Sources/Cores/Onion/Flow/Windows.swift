/// How many DATA cells we may still send on a circuit or stream (tor-spec "Flow control").
package struct SendWindow: Sendable {
    private let initial: Int
    private let increment: Int
    /// DATA cells that may go out now.
    package private(set) var remaining: Int

    package init(initial: Int, increment: Int) {
        precondition(increment > 0 && initial >= increment)
        self.initial = initial
        self.increment = increment
        remaining = initial
    }

    package static var circuit: SendWindow { SendWindow(initial: FlowControl.circuitWindowCells, increment: FlowControl.circuitIncrementCells) }
    package static var stream: SendWindow { SendWindow(initial: FlowControl.streamWindowCells, increment: FlowControl.streamIncrementCells) }

    @inline(__always)
    package var isOpen: Bool { remaining > 0 }

    /// Counts one DATA cell; only while the window is open. True when the peer's next SENDME will answer this very cell, so that
    /// its digest must be remembered.
    @inline(__always)
    package mutating func sent() -> Bool {
        assert(isOpen, "sent beyond the window")
        remaining -= 1
        return remaining % increment == 0
    }

    /// A SENDME came.
    package mutating func acknowledged() throws(FlowFailure) {
        guard remaining + increment <= initial else { throw .unexpectedSendme }
        remaining += increment
    }
}

/// How many DATA cells the peer may still send us (tor-spec "Flow control").
package struct ReceiveWindow: Sendable {
    private let initial: Int
    private let increment: Int
    private var remaining: Int

    package init(initial: Int, increment: Int) {
        precondition(increment > 0 && initial >= increment)
        self.initial = initial
        self.increment = increment
        remaining = initial
    }

    package static var circuit: ReceiveWindow { ReceiveWindow(initial: FlowControl.circuitWindowCells, increment: FlowControl.circuitIncrementCells) }
    package static var stream: ReceiveWindow { ReceiveWindow(initial: FlowControl.streamWindowCells, increment: FlowControl.streamIncrementCells) }

    /// Counts one DATA cell. True when this cell earns the peer a SENDME: now on a circuit, once the bytes are on their way on a stream.
    @inline(__always)
    package mutating func received() throws(FlowFailure) -> Bool {
        guard remaining > 0 else { throw .windowExceeded }
        remaining -= 1
        guard remaining <= initial - increment else { return false }
        remaining += increment
        return true
    }
}

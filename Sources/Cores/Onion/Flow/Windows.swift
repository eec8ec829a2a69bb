/// How many DATA cells we may still send on a stream of a circuit without congestion control (tor-spec "Flow control").
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

    package static var stream: SendWindow { SendWindow(initial: FlowControl.streamWindowCells, increment: FlowControl.streamIncrementCells) }

    @inline(__always)
    package var isOpen: Bool { remaining > 0 }

    /// Counts DATA cells, no more than `remaining`.
    @inline(__always)
    package mutating func sent(cells: Int = 1) {
        assert(cells <= remaining, "sent beyond the window")
        remaining -= cells
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
    /// On a circuit with congestion control, where only the increment counts: the sender bounds itself.
    package static func congestionControlled(sendmeIncrement: UInt8) -> ReceiveWindow {
        ReceiveWindow(initial: FlowControl.circuitWindowCells, increment: max(Int(sendmeIncrement), 1))
    }

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

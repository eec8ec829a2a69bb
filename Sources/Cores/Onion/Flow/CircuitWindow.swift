package import Ambience

/// How many DATA cells one end of a circuit may have in flight: a fixed number (tor-spec "Flow control"), or what congestion control
/// finds out (proposal 324).
///
/// It has no memory of its own and costs a cell two additions.
package struct CircuitWindow: Sendable {
    private let increment: Int
    /// DATA cells on their way that no SENDME has answered.
    package private(set) var inFlight = 0
    private var limit: Int
    /// Cells until one whose SENDME must be remembered.
    private var untilTag: Int
    private var control: Control

    private enum Control: Sendable {
        case fixed
        case vegas(Vegas)
    }

    /// 1000 cells, a SENDME for each 100.
    package init() {
        increment = FlowControl.circuitIncrementCells
        limit = FlowControl.circuitWindowCells
        untilTag = increment
        control = .fixed
    }

    /// - Parameter sendmeIncrement: cells per SENDME, as agreed in the handshake; at least 1.
    package init(_ parameters: FlowParameters, sendmeIncrement: UInt8) {
        increment = max(Int(sendmeIncrement), 1)
        let vegas = Vegas(parameters.vegas, sendmeIncrement: increment)
        limit = vegas.window
        untilTag = increment
        control = .vegas(vegas)
    }

    package var isOpen: Bool { inFlight < limit }
    /// Counts the end of the circuit.
    package func closed(_ notes: inout CongestionStatistics) {
        guard case .vegas(let vegas) = control else { return }
        notes.circuitsClosed &+= 1
        if vegas.isInSlowStart { notes.closeStartWindow.note(vegas.window) } else { notes.closeWindow.note(vegas.window) }
    }

    package var isCongestionControlled: Bool { if case .vegas = control { true } else { false } }
    /// Whether something was sent that a SENDME must answer.
    package var hasUnacknowledged: Bool { inFlight >= increment }
    /// As congestion control knows it; 0 before its first SENDME.
    package var roundTripMicroseconds: Int { if case .vegas(let vegas) = control { vegas.averageMicroseconds } else { 0 } }
    /// SENDMEs that a full window can be owed.
    package var tagLimit: Int { isCongestionControlled ? FlowParameters.windowLimitCells / increment : TagQueue.fixedLimit }

    /// Counts one DATA cell; only while the window is open. True when the peer's next SENDME will answer this very cell, so that
    /// its digest and the time must be remembered.
    @inline(__always)
    package mutating func sent() -> Bool {
        assert(isOpen, "sent beyond the window")
        inFlight += 1
        untilTag -= 1
        guard untilTag == 0 else { return false }
        untilTag = increment
        return true
    }

    /// A SENDME came, `roundTrip` after the cell that it answers. What congestion control makes of it is counted in `notes`.
    package mutating func acknowledged(roundTrip: Instant.Span, isBlocked: Bool, _ notes: inout CongestionStatistics) throws(FlowFailure) {
        guard inFlight >= increment else { throw .unexpectedSendme }
        if case .vegas(var vegas) = control {
            vegas.acknowledged(roundTrip: roundTrip, inFlight: inFlight, isBlocked: isBlocked, &notes)
            limit = vegas.window
            control = .vegas(vegas)
        }
        inFlight -= increment
    }
}

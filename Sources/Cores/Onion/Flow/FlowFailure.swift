/// Why flow control closes a circuit, always with `DestroyReason.protocolViolation`.
package enum FlowFailure: Error, Equatable {
    /// A SENDME that nothing sent so far can have asked for.
    case unexpectedSendme
    /// A SENDME whose tag is not the digest of the cell that it acknowledges.
    case wrongTag
    /// More DATA cells than the window allowed.
    case windowExceeded
    /// An XOFF or XON that nothing can have caused.
    case unearnedSignal
}

/// The fixed windows of circuits without congestion control, in DATA cells (tor-spec "Flow control").
package enum FlowControl {
    package static let circuitWindowCells = 1000
    package static let circuitIncrementCells = 100
    package static let streamWindowCells = 500
    package static let streamIncrementCells = 50
}

/// Names a circuit on one channel (tor-spec "Cell packet format"). Zero names no circuit.
package struct CircuitID: Hashable, Sendable {
    package var rawValue: UInt32

    @inline(__always)
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let none = CircuitID(rawValue: 0)
    /// Set in ids chosen by the side that opened the TCP connection, clear in the other side's (tor-spec "Choosing circuit IDs").
    package static let initiatorBit: UInt32 = 0x8000_0000

    @inline(__always)
    package var isChosenByInitiator: Bool { rawValue & Self.initiatorBit != 0 }
}

/// Names a stream on one circuit (tor-spec "Relay cells"). Zero means the circuit itself.
package struct StreamID: Hashable, Sendable {
    package var rawValue: UInt16

    @inline(__always)
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let circuit = StreamID(rawValue: 0)
}

package import Ambience

/// What the consensus says about cells that wait for a channel. Values are within stock's ranges whatever it says.
package struct QueueParameters: Equatable, Sendable {
    /// A name, its default and its range.
    package typealias Lookup = (_ name: String, _ fallback: Int32, _ range: ClosedRange<Int32>) -> Int32

    /// Cells of one circuit that may wait on the way to its client; one more closes the circuit.
    package var inboundLimitCells: Int
    /// The same on the way to the exit.
    package var outboundLimitCells: Int
    /// From here on the circuit's streams at our end are not read; from the lower mark down they are again.
    package var highCells: Int
    package var lowCells: Int
    /// After this a cell counts half as much in how busy its circuit is.
    package var halfLife: Instant.Span

    /// What holds before there is a consensus.
    package init() { self.init { _, fallback, _ in fallback } }

    /// - Parameter halfLife: what the operator says instead of the consensus.
    package init(halfLife: Instant.Span? = nil, _ lookup: Lookup) {
        let inbound = lookup("circ_max_cell_queue_size", 2500, 50...Int32.max)
        inboundLimitCells = Int(inbound)
        outboundLimitCells = Int(lookup("circ_max_cell_queue_size_out", inbound, 50...Int32.max))
        highCells = Int(lookup("cc_cellq_high", 256, 1...1000))
        lowCells = min(Int(lookup("cc_cellq_low", 10, 1...1000)), highCells)
        self.halfLife = halfLife ?? .milliseconds(Int64(lookup("CircuitPriorityHalflifeMsec", 30_000, 1...Int32.max)))
    }
}

internal import Ambience

/// Parameters of XOFF and XON (proposal 324, section 6.5.4), in bytes.
package struct StreamFlowParameters: Equatable, Sendable {
    /// A buffer must be too full for so long before it is worth an XOFF; 0.4.9 waits as long.
    static let patience = Instant.Span.milliseconds(5)

    /// A buffer above its limit is answered with XOFF: at clients, and at exits.
    let clientLimitBytes, exitLimitBytes: Int
    /// Bytes that a rate is measured over.
    let measureBytes: Int
    /// A rate that changed by more is told again, in per cent.
    let changePercent: Int
    /// Measurements in the average of rates.
    let averageCount: Int

    init(_ lookup: FlowParameters.Lookup) {
        clientLimitBytes = Int(lookup("cc_xoff_client", 500, 1...10_000)) * FlowParameters.cellBytes
        exitLimitBytes = Int(lookup("cc_xoff_exit", 500, 1...10_000)) * FlowParameters.cellBytes
        measureBytes = Int(lookup("cc_xon_rate", 500, 1...5000)) * FlowParameters.cellBytes
        changePercent = Int(lookup("cc_xon_change_pct", 25, 1...99))
        averageCount = Int(lookup("cc_xon_ewma_cnt", 2, 2...100))
    }
}

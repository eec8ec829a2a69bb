/// What the consensus says about congestion and flow control on circuits to an exit (proposal 324, section 6.5).
///
/// Values are within the ranges of the specification whatever the consensus says, so that no arithmetic on them can overflow.
package struct FlowParameters: Equatable, Sendable {
    /// A window never grows beyond this, whatever `cc_cwnd_max` says: it bounds what one circuit can have in flight to 32 MiB.
    package static let windowLimitCells = 65_536
    /// Parameters of stream flow control are in cells of this many bytes.
    static let cellBytes = 488

    /// A name, its default and its range.
    package typealias Lookup = (_ name: String, _ fallback: Int32, _ range: ClosedRange<Int32>) -> Int32

    /// `cc_alg` is Vegas, the only algorithm there is.
    package let isCongestionControlled: Bool
    /// Circuits may be linked (proposal 329).
    package let isConfluxEnabled: Bool
    /// DATA cells per SENDME.
    package let sendmeIncrement: UInt8
    package let vegas: VegasParameters
    package let streams: StreamFlowParameters

    /// What holds before there is a consensus.
    package init() { self.init { _, fallback, _ in fallback } }

    package init(_ lookup: Lookup) {
        isCongestionControlled = lookup("cc_alg", 2, 0...3) == 2
        isConfluxEnabled = lookup("cfx_enabled", 1, 0...1) == 1
        sendmeIncrement = UInt8(clamping: lookup("cc_sendme_inc", 31, 1...254))
        vegas = VegasParameters(lookup)
        streams = StreamFlowParameters(lookup)
    }

    /// Whether a client can use the increment that a relay grants: consensuses may differ by a little (proposal 324, section 10.3).
    package func accepts(increment: UInt8) -> Bool { increment > 0 && abs(Int(increment) - Int(sendmeIncrement)) <= 1 }
}

/// Parameters of Vegas (proposal 324, section 6.5.1 and 6.5.3). Windows and queues are in cells.
package struct VegasParameters: Equatable, Sendable {
    let windowInitial, windowMinimum, windowMaximum: Int
    /// Cells per step, and steps per window, once slow start is over.
    let increment, incrementRate: Int
    /// Per cent of a SENDME's cells that slow start adds for each SENDME.
    let slowStartPercent: Int
    /// Slow start grows by less above the cap, and ends at the maximum.
    let slowStartCap, slowStartMaximum: Int
    /// Bounds of the queue that the circuit is guessed to have somewhere.
    let alpha, beta, gamma, delta: Int
    /// When a window counts as used: SENDMEs that may be missing; per cent below which it is not; whether to look afresh per window.
    let fullGap, fullPercent: Int
    let isFullPerWindow: Bool
    /// Samples in the average of round trips: per cent of the updates of a window, bounded; and while in slow start.
    let averagePercent, averageMaximum, averageInSlowStart: Int
    /// How far the least round trip moves to the average when the window is at its minimum, in per cent.
    let resetPercent: Int

    init(_ lookup: FlowParameters.Lookup) {
        func value(_ name: String, _ fallback: Int32, _ range: ClosedRange<Int32>) -> Int { Int(lookup("cc_" + name, fallback, range)) }
        let limit = FlowParameters.windowLimitCells
        windowInitial = value("cwnd_init", 124, 31...10_000)
        windowMinimum = value("cwnd_min", 124, 31...1000)
        windowMaximum = min(value("cwnd_max", .max, 500...Int32.max), limit)
        increment = value("cwnd_inc", 1, 1...1000)
        incrementRate = value("cwnd_inc_rate", 31, 1...250)
        slowStartPercent = value("cwnd_inc_pct_ss", 100, 1...500)
        slowStartCap = value("sscap_exit", 600, 100...Int32.max)
        slowStartMaximum = min(value("ss_max", 5000, 500...Int32.max), limit)
        alpha = value("vegas_alpha_exit", 186, 0...1000)
        beta = value("vegas_beta_exit", 248, 0...1000)
        gamma = value("vegas_gamma_exit", 186, 0...1000)
        delta = value("vegas_delta_exit", 310, 0...1000)
        fullGap = value("cwnd_full_gap", 4, 0...32_767)
        fullPercent = value("cwnd_full_minpct", 25, 0...100)
        isFullPerWindow = value("cwnd_full_per_cwnd", 1, 0...1) == 1
        averagePercent = value("ewma_cwnd_pct", 50, 1...255)
        averageMaximum = value("ewma_max", 10, 2...Int32.max)
        averageInSlowStart = value("ewma_ss", 2, 2...Int32.max)
        resetPercent = value("rtt_reset_pct", 100, 0...100)
    }
}

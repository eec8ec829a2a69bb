package import Ambience

/// Watches the buffer of one stream between its circuit and a slower receiver, and says when the sender must stop (XOFF), may go on,
/// and how fast (XON; proposal 324, section 4).
package struct DrainMeter: Sendable {
    package enum Signal: Equatable, Sendable {
        case xoff
        case xon(XonMessage)
    }

    private let parameters: StreamFlowParameters
    private let limitBytes: Int
    /// XOFF is told, and no XON since.
    private var isStopped = false
    private var excessSince: Instant?
    /// Since when the buffer has not been empty, and what left it since then.
    private var measuredSince: Instant?
    private var drainedBytes = 0
    /// In kilobytes per second; 0 is unknown.
    private var rate = 0
    private var toldRate = 0

    /// - Parameter isClient: this end opened the stream.
    package init(_ parameters: FlowParameters, isClient: Bool) {
        self.parameters = parameters.streams
        limitBytes = isClient ? self.parameters.clientLimitBytes : self.parameters.exitLimitBytes
    }

    /// `drained` bytes left the buffer and `buffered` are in it; what to tell the sender, if anything.
    package mutating func note(drained: Int, buffered: Int, at now: Instant) -> Signal? {
        drainedBytes += drained
        if mustStop(buffered, now) { return stop() }
        measure(buffered, now)
        let signal = isStopped && buffered == 0 || !isStopped && isRateNews ? resume() : nil
        if buffered == 0 { noteEmpty() }
        return signal
    }

    private mutating func mustStop(_ buffered: Int, _ now: Instant) -> Bool {
        guard buffered > limitBytes, !isStopped else {
            excessSince = nil
            return false
        }
        guard let excessSince else {
            excessSince = now
            return false
        }
        return now - excessSince >= StreamFlowParameters.patience
    }

    private mutating func stop() -> Signal {
        isStopped = true
        excessSince = nil
        rate = 0  // proven wrong
        return .xoff
    }

    private mutating func resume() -> Signal {
        isStopped = false
        toldRate = rate
        return .xon(XonMessage(rateKilobytesPerSecond: UInt32(clamping: rate)))
    }

    private mutating func measure(_ buffered: Int, _ now: Instant) {
        guard let measuredSince else {
            guard buffered > 0 else { return }
            self.measuredSince = now
            drainedBytes = 0
            return
        }
        let milliseconds = Int((now - measuredSince).inMilliseconds)
        guard drainedBytes >= parameters.measureBytes, milliseconds > 0 else { return }
        // Bytes in a millisecond are kilobytes in a second.
        rate = max(RunningAverage.next(drainedBytes / milliseconds, after: rate, count: parameters.averageCount), 1)
        drainedBytes = 0
        self.measuredSince = nil
    }

    private var isRateNews: Bool {
        guard toldRate > 0, rate > 0 else { return false }
        return abs(rate - toldRate) * 100 > toldRate * parameters.changePercent
    }

    /// A buffer that stays empty says that the sender could be faster than it was told.
    private mutating func noteEmpty() {
        measuredSince = nil
        guard toldRate > 0, drainedBytes >= parameters.measureBytes else { return }
        rate = min(2 * rate, Int(UInt32.max))
        drainedBytes = 0
    }
}

package import Ambience

/// Guesses from round-trip times how many cells wait in queues along a circuit, and keeps the window so that they are few
/// (proposal 324, section 3.3, as tor 0.4.9 does it).
///
/// The sender's side of one circuit. Cells in flight are counted by `CircuitWindow`.
package struct Vegas: Sendable {
    /// A round trip that differs by more than this factor from the average says that the clock jumped or stood still.
    private static let jumpFactor = 5000

    private let parameters: VegasParameters
    private let sendmeIncrement: Int
    private let least: Int
    /// DATA cells that may be in flight.
    package private(set) var window: Int
    private(set) var isInSlowStart = true
    private(set) var isFull = false
    private(set) var wasBlocked = false
    private(set) var averageMicroseconds = 0
    private(set) var leastMicroseconds = 0
    /// SENDMEs until the window may change, and until a whole window has been acknowledged.
    private var untilUpdate = 0
    private var untilWindow = 0

    init(_ parameters: VegasParameters, sendmeIncrement: Int) {
        self.parameters = parameters
        self.sendmeIncrement = sendmeIncrement
        // Below one increment nothing would ever be acknowledged.
        least = max(parameters.windowMinimum, sendmeIncrement)
        window = max(parameters.windowInitial, least)
    }

    /// A SENDME answered the cell that was sent `roundTrip` ago; `inFlight` counts the cells before it. `isBlocked`: our own
    /// channel cannot take more. What follows from it is counted in `notes`.
    package mutating func acknowledged(roundTrip: Instant.Span, inFlight: Int, isBlocked: Bool, _ notes: inout CongestionStatistics) {
        untilUpdate = max(untilUpdate - 1, 0)
        untilWindow = max(untilWindow - 1, 0)
        wasBlocked = isBlocked
        guard measure(Int(roundTrip.nanoseconds / 1000), &notes) else { return }
        noteUse(inFlight)
        if isInSlowStart { start(&notes) } else if untilUpdate == 0 { avoid(&notes) }
        window = max(min(window, parameters.windowMaximum), least)
        if untilWindow == 0 { untilWindow = sendmesPerWindow }
        if parameters.isFullPerWindow ? untilWindow == sendmesPerWindow : untilUpdate == sendmesPerUpdate { isFull = false }
    }

    // MARK: What is known

    /// Cells that are on the wire rather than in queues.
    private var bandwidthDelay: Int { window * leastMicroseconds / averageMicroseconds }
    private var queued: Int { max(window - bandwidthDelay, 0) }
    private var sendmesPerWindow: Int { (window + sendmeIncrement / 2) / sendmeIncrement }

    private var sendmesPerUpdate: Int {
        guard !isInSlowStart else { return 1 }
        let cells = parameters.incrementRate * sendmeIncrement
        return (window + cells / 2) / cells
    }

    private var averageCount: Int {
        guard !isInSlowStart else { return max(parameters.averageInSlowStart, 2) }
        return max(min(sendmesPerUpdate * parameters.averagePercent / 100, parameters.averageMaximum), 2)
    }

    /// Takes a round trip into account; `false` when the clock cannot be believed.
    private mutating func measure(_ microseconds: Int, _ notes: inout CongestionStatistics) -> Bool {
        guard microseconds > 0, !isJump(microseconds) else {
            notes.tripsSkipped &+= 1
            return false
        }
        averageMicroseconds = max(RunningAverage.next(microseconds, after: averageMicroseconds, count: averageCount), 1)
        if leastMicroseconds == 0 {
            leastMicroseconds = averageMicroseconds
        } else if window == least, !isInSlowStart {
            // One lucky round trip must not hold the window at its minimum for ever.
            notes.tripsReset &+= 1
            let (low, high) = (min(averageMicroseconds, leastMicroseconds), max(averageMicroseconds, leastMicroseconds))
            leastMicroseconds = max(parameters.resetPercent * high / 100 + (100 - parameters.resetPercent) * low / 100, 1)
        } else {
            leastMicroseconds = min(leastMicroseconds, averageMicroseconds)
        }
        return true
    }

    private func isJump(_ microseconds: Int) -> Bool {
        guard !isInSlowStart, averageMicroseconds > 0 else { return false }
        return microseconds / Self.jumpFactor > averageMicroseconds || averageMicroseconds / Self.jumpFactor > microseconds
    }

    private mutating func noteUse(_ inFlight: Int) {
        if inFlight + sendmeIncrement * parameters.fullGap >= window {
            isFull = true
        } else if 100 * inFlight < parameters.fullPercent * window {
            isFull = false
        }
    }

    // MARK: What follows

    private mutating func start(_ notes: inout CongestionStatistics) {
        let queue = queued
        if queue >= parameters.gamma || wasBlocked {
            let before = window
            window = bandwidthDelay + parameters.gamma
            notes.startBlockedPercent.note(wasBlocked ? 100 : 0)
            if !wasBlocked { notes.gammaDrop.note(before - window) }
            endStart(&notes)
        } else if isFull {
            let step = slowStartStep
            window += step
            if step * sendmesPerWindow <= parameters.increment * parameters.incrementRate {
                notes.belowStartFloor &+= 1
                notes.startBlockedPercent.note(0)
                endStart(&notes)
            }
        }
        if window >= parameters.slowStartMaximum {
            window = parameters.slowStartMaximum
            notes.aboveStartMaximum &+= 1
            endStart(&notes)
        }
        notes.startQueue.note(queue)
    }

    /// Limited slow start (RFC 3742): above the cap growth slows down.
    private var slowStartStep: Int {
        guard window > parameters.slowStartCap else { return (parameters.slowStartPercent * sendmeIncrement + 50) / 100 }
        return (sendmeIncrement * parameters.slowStartCap + window) / (2 * window)
    }

    private mutating func endStart(_ notes: inout CongestionStatistics) {
        isInSlowStart = false
        untilUpdate = sendmesPerUpdate
        notes.startsEnded &+= 1
        notes.startEndWindow.note(window)
        notes.startEndBandwidthDelay.note(bandwidthDelay)
        notes.startEndStep.note(slowStartStep)
    }

    private mutating func avoid(_ notes: inout CongestionStatistics) {
        let queue = queued
        let (before, isAboveDelta, isAboveBeta) = (window, queue > parameters.delta, queue > parameters.beta || wasBlocked)
        let isBelowAlpha = !isAboveDelta && !isAboveBeta && isFull && queue < parameters.alpha
        if isAboveDelta {
            window = bandwidthDelay + parameters.delta - parameters.increment
            notes.aboveDelta &+= 1
            notes.deltaDrop.note(before - window)
        } else if isAboveBeta {
            window -= parameters.increment
            notes.blockedPercent.note(wasBlocked ? 100 : 0)
        } else if isBelowAlpha {
            window += parameters.increment
        }
        notes.deltaPercent.note(isAboveDelta ? 100 : 0)
        notes.betaPercent.note(!isAboveDelta && isAboveBeta ? 100 : 0)
        notes.alphaPercent.note(isBelowAlpha ? 100 : 0)
        window = max(window, least)
        notes.queue.note(queue)
        notes.bandwidthDelay.note(bandwidthDelay)
        untilUpdate = sendmesPerUpdate
    }
}

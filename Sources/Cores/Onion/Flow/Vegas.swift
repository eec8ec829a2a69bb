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
    /// channel cannot take more.
    package mutating func acknowledged(roundTrip: Instant.Span, inFlight: Int, isBlocked: Bool) {
        untilUpdate = max(untilUpdate - 1, 0)
        untilWindow = max(untilWindow - 1, 0)
        wasBlocked = isBlocked
        guard measure(Int(roundTrip.nanoseconds / 1000)) else { return }
        noteUse(inFlight)
        if isInSlowStart { start() } else if untilUpdate == 0 { avoid() }
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
    private mutating func measure(_ microseconds: Int) -> Bool {
        guard microseconds > 0, !isJump(microseconds) else { return false }
        averageMicroseconds = max(RunningAverage.next(microseconds, after: averageMicroseconds, count: averageCount), 1)
        if leastMicroseconds == 0 {
            leastMicroseconds = averageMicroseconds
        } else if window == least, !isInSlowStart {
            // One lucky round trip must not hold the window at its minimum for ever.
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

    private mutating func start() {
        if queued >= parameters.gamma || wasBlocked {
            window = bandwidthDelay + parameters.gamma
            endStart()
        } else if isFull {
            let step = slowStartStep
            window += step
            if step * sendmesPerWindow <= parameters.increment * parameters.incrementRate { endStart() }
        }
        if window >= parameters.slowStartMaximum {
            window = parameters.slowStartMaximum
            endStart()
        }
    }

    /// Limited slow start (RFC 3742): above the cap growth slows down.
    private var slowStartStep: Int {
        guard window > parameters.slowStartCap else { return (parameters.slowStartPercent * sendmeIncrement + 50) / 100 }
        return (sendmeIncrement * parameters.slowStartCap + window) / (2 * window)
    }

    private mutating func endStart() {
        isInSlowStart = false
        untilUpdate = sendmesPerUpdate
    }

    private mutating func avoid() {
        if queued > parameters.delta {
            window = bandwidthDelay + parameters.delta - parameters.increment
        } else if queued > parameters.beta || wasBlocked {
            window -= parameters.increment
        } else if isFull, queued < parameters.alpha {
            window += parameters.increment
        }
        window = max(window, least)
        untilUpdate = sendmesPerUpdate
    }
}

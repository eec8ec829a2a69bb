/// What congestion control did on all circuits of a loop: nothing but UInt64 counters, so that those of several loops can be summed.
package struct CongestionStatistics: Equatable, Sendable {
    /// What an average is made of.
    package struct Mean: Equatable, Sendable {
        package private(set) var sum: UInt64 = 0
        package private(set) var count: UInt64 = 0

        package init() {}

        package mutating func note(_ value: Int) {
            sum &+= UInt64(max(value, 0))
            count &+= 1
        }

        /// 0 before the first value; rounded to the nearest.
        package var average: UInt64 { count == 0 ? 0 : (sum + count / 2) / count }
    }

    package var circuitsCreated: UInt64 = 0
    package var circuitsClosed: UInt64 = 0
    package var startsEnded: UInt64 = 0
    package var aboveDelta: UInt64 = 0
    package var aboveStartMaximum: UInt64 = 0
    package var belowStartFloor: UInt64 = 0
    package var tripsReset: UInt64 = 0
    package var tripsSkipped: UInt64 = 0
    package var xoffsSent: UInt64 = 0
    package var xonsSent: UInt64 = 0
    /// Cells, when slow start ended.
    package var startEndWindow = Mean()
    package var startEndBandwidthDelay = Mean()
    package var startEndStep = Mean()
    /// Cells, when a circuit closed after or still in slow start.
    package var closeWindow = Mean()
    package var closeStartWindow = Mean()
    /// Bytes that waited for the stream's socket.
    package var xonBacklog = Mean()
    package var xoffBacklog = Mean()
    /// 100 when our channel was what told of congestion, else 0.
    package var blockedPercent = Mean()
    package var startBlockedPercent = Mean()
    /// Cells that the window lost.
    package var gammaDrop = Mean()
    package var deltaDrop = Mean()
    /// 100 for the branch that an update took, 0 for the others.
    package var alphaPercent = Mean()
    package var betaPercent = Mean()
    package var deltaPercent = Mean()
    /// Cells guessed to wait on their way, and on the wire.
    package var startQueue = Mean()
    package var queue = Mean()
    package var bandwidthDelay = Mean()

    package init() {}
}

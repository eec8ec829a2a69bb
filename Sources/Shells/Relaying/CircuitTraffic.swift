internal import Onion

/// Relay cells of one of our circuits and the messages in them, since it began.
package struct CircuitTraffic {
    private var cellsRead: UInt64 = 0
    private var cellsWritten: UInt64 = 0
    /// What the messages held.
    package private(set) var deliveredRead: UInt64 = 0
    package private(set) var deliveredWritten: UInt64 = 0

    package var bytesRead: UInt64 { cellsRead * UInt64(CellLayout.bodyBytes) }
    package var bytesWritten: UInt64 { cellsWritten * UInt64(CellLayout.bodyBytes) }

    /// What was left empty in cells that could have held more.
    func overhead(_ format: RelayFormat) -> (read: UInt64, written: UInt64) {
        let room = UInt64(format.streamDataBytes)
        return (cellsRead * room - min(cellsRead * room, deliveredRead), cellsWritten * room - min(cellsWritten * room, deliveredWritten))
    }

    @inline(__always)
    mutating func received(_ bytes: Int) {
        cellsRead &+= 1
        deliveredRead &+= UInt64(bytes)
    }

    @inline(__always)
    mutating func sent(_ bytes: Int) {
        cellsWritten &+= 1
        deliveredWritten &+= UInt64(bytes)
    }
}

extension OriginCircuit {
    /// What cells of the circuit could have held beyond what they did, in bytes.
    package var overhead: (read: UInt64, written: UInt64) { traffic.overhead(format) }
}

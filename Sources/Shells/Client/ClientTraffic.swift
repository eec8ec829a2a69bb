internal import Relaying

/// What one of our circuits or streams has moved since it began, in bytes (control-spec.txt 4.1.13 and 4.1.22).
package struct ClientTraffic {
    package let id: Int
    package var read: UInt64
    package var written: UInt64
    /// Of a circuit: what its messages held, and what was left empty in them.
    package var deliveredRead: UInt64 = 0
    package var overheadRead: UInt64 = 0
    package var deliveredWritten: UInt64 = 0
    package var overheadWritten: UInt64 = 0

    /// What was moved after `earlier`; `nil` if nothing was.
    package func since(_ earlier: ClientTraffic?) -> ClientTraffic? {
        var moved = self
        if let earlier {
            guard earlier.read != read || earlier.written != written else { return nil }
            moved.read &-= earlier.read
            moved.written &-= earlier.written
            moved.deliveredRead &-= earlier.deliveredRead
            moved.overheadRead &-= earlier.overheadRead
            moved.deliveredWritten &-= earlier.deliveredWritten
            moved.overheadWritten &-= earlier.overheadWritten
        }
        return moved.read == 0 && moved.written == 0 ? nil : moved
    }
}

extension Client {
    package var circuitTraffic: [ClientTraffic] { circuits.keys.sorted().compactMap { circuitTraffic($0.rawValue) } }

    package func circuitTraffic(_ id: Int) -> ClientTraffic? {
        guard let circuit = circuits[CircuitKey(rawValue: id)] else { return nil }
        let cells = circuit.traffic
        var traffic = ClientTraffic(id: id, read: cells.bytesRead, written: cells.bytesWritten)
        (traffic.deliveredRead, traffic.deliveredWritten) = (cells.deliveredRead, cells.deliveredWritten)
        (traffic.overheadRead, traffic.overheadWritten) = circuit.overhead
        return traffic
    }

    package var streamTraffic: [ClientTraffic] { sessions.keys.sorted().compactMap { streamTraffic($0.rawValue) } }

    /// Written is what the application wrote.
    package func streamTraffic(_ id: Int) -> ClientTraffic? {
        sessions[StreamKey(rawValue: id)]?.moved.map { ClientTraffic(id: id, read: $0.read, written: $0.written) }
    }
}

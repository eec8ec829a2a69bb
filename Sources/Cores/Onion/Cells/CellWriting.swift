internal import Bytes

/// Whole cells for links of version 4 and 5, for everything but the hot path.
package enum Cell {
    /// A fixed-length cell; `body` is padded with zeros to 509 bytes.
    package static func fixed(_ circuit: CircuitID, _ command: UInt8, _ body: [UInt8]) -> [UInt8] {
        precondition(body.count <= CellLayout.bodyBytes, "a message knows its own size")
        var writer = ByteWriter(capacity: CellLayout.fixedBytes)
        writer.u32(circuit.rawValue)
        writer.u8(command)
        writer.append(body)
        writer.zeros(CellLayout.bodyBytes - body.count)
        return writer.bytes
    }

    /// A variable-length cell.
    package static func variable(_ circuit: CircuitID, _ command: UInt8, _ body: [UInt8]) -> [UInt8] {
        precondition(body.count <= Int(UInt16.max), "a message knows its own size")
        var writer = ByteWriter(capacity: CellLayout.variableHeaderBytes + body.count)
        writer.u32(circuit.rawValue)
        writer.u8(command)
        writer.u16(UInt16(body.count))
        writer.append(body)
        return writer.bytes
    }
}

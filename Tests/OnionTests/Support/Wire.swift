import Onion

/// Takes apart what a handshake sends.
enum Wire {
    /// Whole cells; a first VERSIONS has a circuit id of two bytes.
    static func cells(_ bytes: [UInt8]) -> [[UInt8]] {
        var cells: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let idBytes = cells.isEmpty && rest.dropFirst(2).first == CellCommand.versions ? 2 : 4
            let command = rest[rest.startIndex + idBytes]
            let header = rest.startIndex + idBytes + 1
            let count = CellCommand.isVariableLength(command) ? idBytes + 3 + Int(rest[header]) << 8 + Int(rest[header + 1]) : CellLayout.fixedBytes
            cells.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return cells
    }
}

extension Wire {
    /// The parts of a CERTS cell.
    static func certificates(_ cell: [UInt8]) -> [(UInt8, [UInt8])] {
        var parts: [(UInt8, [UInt8])] = []
        var rest = cell.dropFirst(CellLayout.variableHeaderBytes + 1)
        while rest.count > 3 {
            let start = rest.startIndex
            let count = Int(rest[start + 1]) << 8 | Int(rest[start + 2])
            parts.append((rest[start], Array(rest.dropFirst(3).prefix(count))))
            rest = rest.dropFirst(3 + count)
        }
        return parts
    }

    static func certs(_ parts: [(UInt8, [UInt8])]) -> [UInt8] {
        let body = parts.flatMap { [$0.0, UInt8($0.1.count >> 8), UInt8($0.1.count & 255)] + $0.1 }
        return Cell.variable(.none, CellCommand.certs, [UInt8(parts.count)] + body)
    }
}
